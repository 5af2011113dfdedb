# Installs PostgreSQL and pgvector on Debian and its relatives.
# shellcheck source=pgvector_source.sh
. "$here/lib/pgvector_source.sh"

can_install_on_debian() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null && can_be_root
}

apt_install() {
    say "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y \
        install --no-install-recommends "$@" >&2
}

# candidate PACKAGE prints the version apt would install, or nothing.
candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -nE 's/^ *Candidate: ([^(].*)$/\1/p'
}

install_on_debian() {
    say "updating the package lists"
    as_root apt-get -o DPkg::Lock::Timeout=300 -q update >&2
    local running_before
    running_before=$(running_clusters)
    newest_server || install_server
    newest_server || die "apt installed PostgreSQL, but no server of version $MIN_POSTGRES or newer is there"
    install_pgvector
    stop_new_clusters "$running_before"
}

# install_server installs the distribution's own PostgreSQL without the system-wide cluster that the package
# makes and starts by default: Lindero needs the programs only.
install_server() {
    apt_install postgresql-common
    local no_cluster=/etc/postgresql-common/createcluster.d/lindero-setup.conf
    as_root mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
    local status=0
    apt_install postgresql || status=$?
    as_root rm -f "$no_cluster"
    return $status
}

install_pgvector() {
    local major package version
    major=$(server_version "$SERVER_BIN")
    major=${major%%.*}
    package=postgresql-$major-pgvector
    version=$(candidate "$package")
    if [ -n "$version" ] && dpkg --compare-versions "$version" ge "$MIN_PGVECTOR"; then
        apt_install "$package"
    else
        build_pgvector "$major"
    fi
}

running_clusters() {
    if command -v pg_lsclusters >/dev/null; then
        pg_lsclusters -h | awk '$4 ~ /^online/ { print $1, $2 }'
    fi
}

# stop_new_clusters BEFORE: an upgrade of the package starts the clusters it finds; stop those that were not
# running BEFORE.
stop_new_clusters() {
    local version name
    running_clusters | while read -r version name; do
        if ! grep -qxF "$version $name" <<<"$1"; then
            as_root pg_ctlcluster "$version" "$name" stop || true
        fi
    done
}
