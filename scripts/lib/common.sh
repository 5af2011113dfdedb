# Shared by the set-up scripts: messages, root, versions.

MIN_POSTGRES=15
MIN_PGVECTOR=0.8.0

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# version_at_least HAVE WANT: dotted versions, compared number by number.
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# as_root COMMAND…: run it as root, or fail when that needs a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

require_go() {
    if command -v go >/dev/null || [ -x /usr/local/go/bin/go ]; then
        return
    fi
    die "Go is missing: install 1.26 or newer from https://go.dev/dl/ (any Go from 1.21 on fetches the right one by itself)"
}
