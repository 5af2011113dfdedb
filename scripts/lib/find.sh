# Finds PostgreSQL servers and the pgvector beside them, in the places where internal/localpg looks too.

# server_directories prints the directories that hold a PostgreSQL server's programs, newest version first.
server_directories() {
    {
        local dir
        if command -v pg_config >/dev/null; then
            pg_config --bindir
        fi
        for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /usr/bin \
            /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin /home/linuxbrew/.linuxbrew/opt/postgresql*/bin; do
            printf '%s\n' "$dir"
        done
    } | while read -r dir; do
        if [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ]; then
            printf '%s %s\n' "$(server_version "$dir")" "$dir"
        fi
    done | sort -u | sort -rV | cut -d ' ' -f 2-
}

# server_version DIR prints the version of DIR's server, such as 15.18.
server_version() {
    "$1/postgres" --version | sed -E 's/^[^0-9]*([0-9]+(\.[0-9]+)?).*/\1/'
}

# pgvector_version DIR prints the version of pgvector installed for DIR's server, or nothing.
pgvector_version() {
    local share control
    for share in "$("$1/pg_config" --sharedir 2>/dev/null || true)" "$1/../share/postgresql" "$1/../share/pgsql" "$1/../share"; do
        control="$share/extension/vector.control"
        if [ -n "$share" ] && [ -r "$control" ]; then
            sed -nE "s/^default_version *= *'([^']+)'.*/\1/p" "$control"
            return
        fi
    done
}

# newest_server sets SERVER_BIN to the directory of the newest server that is new enough.
newest_server() {
    local dir
    while read -r dir; do
        if [ -n "$dir" ] && version_at_least "$(server_version "$dir")" "$MIN_POSTGRES"; then
            SERVER_BIN=$dir
            return
        fi
    done <<<"$(server_directories)"
    return 1
}

# find_ready sets READY_BIN, READY_POSTGRES and READY_PGVECTOR to the newest server with a pgvector new enough.
find_ready() {
    local dir vector
    while read -r dir; do
        [ -n "$dir" ] || continue
        vector=$(pgvector_version "$dir")
        READY_POSTGRES=$(server_version "$dir")
        if [ -n "$vector" ] && version_at_least "$vector" "$MIN_PGVECTOR" && version_at_least "$READY_POSTGRES" "$MIN_POSTGRES"; then
            READY_BIN=$dir
            READY_PGVECTOR=$vector
            return
        fi
    done <<<"$(server_directories)"
    return 1
}
