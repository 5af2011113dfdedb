# What to install by hand where the scripts cannot.

advise() {
    local major=$MIN_POSTGRES
    if newest_server; then
        major=$(server_version "$SERVER_BIN")
        major=${major%%.*}
        say "PostgreSQL $major is here ($SERVER_BIN), but pgvector >= $MIN_PGVECTOR for it is not."
    else
        say "PostgreSQL >= $MIN_POSTGRES with pgvector >= $MIN_PGVECTOR is missing."
    fi
    cat >&2 <<TEXT

It cannot be installed from here: that takes apt-get and root, or sudo without a password. Either run

    sudo scripts/setup.sh                                   (Debian, Ubuntu: does all of this)

or install by hand:

    Debian 13, newer   sudo apt-get install postgresql postgresql-17-pgvector
    Debian 12, Ubuntu  sudo apt-get install postgresql postgresql-server-dev-$major make gcc
                       and pgvector from source: https://github.com/pgvector/pgvector#installation
                       (make PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config && sudo make install PG_CONFIG=…)
    Fedora             sudo dnf install postgresql-server postgresql-contrib pgvector
    macOS, Homebrew    brew install postgresql@17 pgvector

The server need not be set up or started: Lindero runs a private cluster of its own.
TEXT
}
