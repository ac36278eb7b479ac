# A private MariaDB on loopback. Every function takes the instance's folder first.
# shellcheck shell=bash

MARIADB_USER=nova
MARIADB_PASSWORD=${MARIADB_PASSWORD:-database-password}

# $2 = database
mariadb_url() {
    echo "mysql+pymysql://$MARIADB_USER:$MARIADB_PASSWORD@127.0.0.1:$MARIADB_PORT/$2?charset=utf8mb4"
}

mariadb_write_config() {
    local dir=$1
    cat >"$dir/my.cnf" <<EOF
[mariadbd]
user = mysql
datadir = $dir/data
socket = $dir/socket
pid_file = $dir/mariadbd.pid
port = $MARIADB_PORT
bind_address = 127.0.0.1
skip_name_resolve = ON
character_set_server = utf8mb4
max_connections = 500
innodb_buffer_pool_size = 256M
innodb_log_file_size = 64M
performance_schema = OFF
EOF
}

# Speaks SQL as the machine's root, through the socket.
mariadb_sql() {
    mariadb --no-defaults --socket="$1/socket" --user=root --batch --skip-column-names
}

mariadb_ready() {
    echo 'SELECT 1' | mariadb_sql "$1"
}

mariadb_start() {
    local dir=$1
    process_of "$dir/pid" >/dev/null && return
    ! port_open "$MARIADB_PORT" || die "port $MARIADB_PORT is taken; choose another with MARIADB_PORT"
    install -d -m 755 -o mysql -g mysql "$dir"
    mariadb_write_config "$dir"
    if [ ! -d "$dir/data/mysql" ]; then
        install -d -m 700 -o mysql -g mysql "$dir/data"
        mariadb-install-db --no-defaults --user=mysql --datadir="$dir/data" --skip-test-db \
            --auth-root-authentication-method=socket >"$dir/install.log" 2>&1 ||
            die "MariaDB could not make its tables; see $dir/install.log"
    fi
    start_process "$dir/pid" "$dir/mariadb.log" mariadbd --defaults-file="$dir/my.cnf"
}

mariadb_wait() {
    wait_until 240 "the start of MariaDB (log: $1/mariadb.log)" mariadb_ready "$1"
}

# Makes the user and the databases named after the folder. The user may make more: tests do.
mariadb_databases() {
    local dir=$1 database
    shift
    {
        echo "CREATE USER IF NOT EXISTS '$MARIADB_USER'@'127.0.0.1' IDENTIFIED BY '$MARIADB_PASSWORD';"
        echo "GRANT ALL PRIVILEGES ON *.* TO '$MARIADB_USER'@'127.0.0.1';"
        for database in "$@"; do
            echo "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4;"
        done
    } | mariadb_sql "$dir"
}

mariadb_stop() {
    stop_process "$1/pid" 60
}
