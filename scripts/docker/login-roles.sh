#!/usr/bin/env bash
# Runs once, when the container of docker-compose.yml makes its database. `lindero migrate` makes these roles too,
# but without passwords, and over the network nobody gets in without one; it leaves roles alone that it finds.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -v app="$LINDERO_APP_PASSWORD" -v platform="$LINDERO_PLATFORM_PASSWORD" \
    --username "${POSTGRES_USER:-postgres}" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE lindero_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app';
CREATE ROLE lindero_platform LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'platform';
SQL
