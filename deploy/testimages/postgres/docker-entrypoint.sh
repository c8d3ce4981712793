#!/bin/bash
# The part of the official image's script that is used here: a password from a file, scripts run once, the server as this process.
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --pwfile=<(cat "$POSTGRES_PASSWORD_FILE") --auth-local=trust --auth-host=scram-sha-256
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl -w start -o "-c listen_addresses=''"
    for script in /docker-entrypoint-initdb.d/*.sql; do
        [ ! -e "$script" ] || psql --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --file "$script"
    done
    pg_ctl -m fast -w stop
fi
exec "$@"
