#!/usr/bin/env bash
# Makes sure that Lindero can be built and run here: Go, PostgreSQL >= 15 and pgvector >= 0.8.0.
# Does nothing, quickly, when they are there; installs what is missing on Debian and its relatives as root
# (or with passwordless sudo); elsewhere says what to install and exits 1.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=lib/find.sh
. "$here/lib/find.sh"

main() {
    require_go
    if find_ready; then
        say "ready: PostgreSQL $READY_POSTGRES with pgvector $READY_PGVECTOR ($READY_BIN)"
        return
    fi
    # shellcheck source=lib/advice.sh
    . "$here/lib/advice.sh"
    # shellcheck source=lib/debian.sh
    . "$here/lib/debian.sh"
    can_install_on_debian || {
        advise
        exit 1
    }
    install_on_debian
    find_ready || die "PostgreSQL and pgvector were installed, but are still not found"
    say "installed: PostgreSQL $READY_POSTGRES with pgvector $READY_PGVECTOR ($READY_BIN)"
}

main "$@"
