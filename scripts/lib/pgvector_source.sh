# Builds pgvector from Debian's own source package, for releases that have no new enough binary package.

SOURCE_SUITES=(sid forky trixie)
SOURCE_MIRROR=http://deb.debian.org/debian
SOURCE_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# build_pgvector MAJOR builds and installs pgvector for /usr/lib/postgresql/MAJOR.
build_pgvector() {
    local major=$1 packages=("postgresql-server-dev-$1" make gcc libc6-dev dpkg-dev)
    [ -r "$SOURCE_KEYRING" ] || packages+=(debian-archive-keyring)
    apt_install "${packages[@]}"
    (
        work=$(mktemp -d)
        trap 'as_root rm -rf "$work"' EXIT
        fetch_pgvector "$work"
        compile_pgvector "$work/pgvector" "$major"
    )
}

# private_apt WORK TOOL ARGUMENT…: apt with lists and caches below WORK and one source, Debian's, so that the
# system's own configuration neither matters nor changes. Without the sandbox: apt's own user, to which it drops
# for downloads, cannot enter WORK.
private_apt() {
    local work=$1 tool=$2
    shift 2
    "$tool" -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root "$@"
}

# fetch_pgvector WORK unpacks the newest suite's pgvector into WORK/pgvector; apt checks signature and hashes.
fetch_pgvector() {
    local work=$1 suite
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    for suite in "${SOURCE_SUITES[@]}"; do
        say "fetching pgvector's source from Debian $suite"
        echo "deb-src [signed-by=$SOURCE_KEYRING] $SOURCE_MIRROR $suite main" >"$work/sources.list"
        if private_apt "$work" apt-get update >&2 &&
            (cd "$work" && private_apt "$work" apt-get source --download-only pgvector >&2) &&
            dpkg-source --no-check -x "$work"/pgvector_*.dsc "$work/pgvector" >&2; then
            return
        fi
        rm -rf "$work"/pgvector* "$work/lists"
        mkdir -p "$work/lists/partial"
    done
    die "pgvector's source could not be fetched from $SOURCE_MIRROR (suites: ${SOURCE_SUITES[*]})"
}

# compile_pgvector DIR MAJOR: OPTFLAGS is emptied because pgvector's default, -march=native, makes a library
# that may crash on another machine of the same image; with_llvm=no leaves out bitcode, which only JIT reads.
compile_pgvector() {
    local dir=$1 settings=(PG_CONFIG="/usr/lib/postgresql/$2/bin/pg_config" OPTFLAGS="" with_llvm=no)
    say "building pgvector"
    make -C "$dir" -s -j "$(nproc)" "${settings[@]}" >&2
    as_root make -C "$dir" -s install "${settings[@]}" >&2
}
