# A private PostgreSQL cluster on loopback. Every function takes the cluster's folder first.
# shellcheck shell=bash

POSTGRES_USER=nova
POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-database-password}

# $2 = database
postgres_url() {
    echo "postgresql+psycopg2://$POSTGRES_USER:$POSTGRES_PASSWORD@127.0.0.1:$POSTGRES_PORT/$2"
}

as_postgres() {
    (cd / && setpriv --reuid postgres --regid postgres --init-groups "$@")
}

postgres_bin() {
    local newest
    newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    [ -x "$newest/postgres" ] || die "PostgreSQL is not installed"
    echo "$newest"
}

postgres_sql() {
    local dir=$1
    shift
    as_postgres psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
        --host "$dir" --port "$POSTGRES_PORT" --dbname postgres "$@"
}

postgres_ready() {
    postgres_sql "$1" --command 'SELECT 1'
}

postgres_start() {
    local dir=$1 bin
    process_of "$dir/pid" >/dev/null && return
    ! port_open "$POSTGRES_PORT" || die "port $POSTGRES_PORT is taken; choose another with POSTGRES_PORT"
    bin=$(postgres_bin)
    install -d -m 755 -o postgres -g postgres "$dir"
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        as_postgres "$bin/initdb" --pgdata "$dir/data" --encoding UTF8 --locale C.UTF-8 \
            --auth-local peer --auth-host scram-sha-256 >"$dir/initdb.log" 2>&1 ||
            die "PostgreSQL could not make its cluster; see $dir/initdb.log"
    fi
    start_process "$dir/pid" "$dir/postgresql.log" setpriv --reuid postgres --regid postgres --init-groups \
        "$bin/postgres" -D "$dir/data" -p "$POSTGRES_PORT" -c listen_addresses=127.0.0.1 \
        -c "unix_socket_directories=$dir" -c max_connections=300
}

postgres_wait() {
    wait_until 240 "the start of PostgreSQL (log: $1/postgresql.log)" postgres_ready "$1"
}

# Makes the user and the databases named after the folder. The user may make more: tests do.
postgres_databases() {
    local dir=$1 database
    shift
    [ -n "$(postgres_sql "$dir" --command "SELECT 1 FROM pg_roles WHERE rolname = '$POSTGRES_USER'")" ] ||
        echo "CREATE ROLE $POSTGRES_USER LOGIN CREATEDB PASSWORD '$POSTGRES_PASSWORD'" | postgres_sql "$dir"
    for database in "$@"; do
        [ -n "$(postgres_sql "$dir" --command "SELECT 1 FROM pg_database WHERE datname = '$database'")" ] ||
            postgres_sql "$dir" --command "CREATE DATABASE $database OWNER $POSTGRES_USER"
    done
}

# SIGINT is PostgreSQL's "fast": sessions are cut, data is safe.
postgres_stop() {
    local pid
    if pid=$(process_of "$1/pid"); then
        kill -INT "$pid"
    fi
    stop_process "$1/pid" 60
}
