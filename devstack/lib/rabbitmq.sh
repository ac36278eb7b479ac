# A private RabbitMQ node on loopback: own name, data, logs, cookie and port mapper.
# Every function takes the node's folder first. Ports and name come from use_ports.
# shellcheck shell=bash

RABBIT_USER=nova
RABBIT_PASSWORD=${RABBIT_PASSWORD:-rabbit-password}

rabbit_url() {
    echo "rabbit://$RABBIT_USER:$RABBIT_PASSWORD@127.0.0.1:$RABBIT_PORT/"
}

# Written once, so that `ctl` and `server` mean the same node from anywhere.
rabbit_write_files() {
    local dir=$1
    install -d -m 755 -o rabbitmq -g rabbitmq "$dir" "$dir/home" "$dir/mnesia" "$dir/log"
    cat >"$dir/env" <<EOF
HOME=$dir/home
LANG=C.UTF-8
PATH=/usr/sbin:/usr/bin:/sbin:/bin
RABBITMQ_NODENAME=$RABBIT_NODE
RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
RABBITMQ_NODE_PORT=$RABBIT_PORT
RABBITMQ_DIST_PORT=$RABBIT_DIST_PORT
RABBITMQ_MNESIA_BASE=$dir/mnesia
RABBITMQ_LOG_BASE=$dir/log
RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf
RABBITMQ_CONF_ENV_FILE=/dev/null
RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins
RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none"
ERL_EPMD_ADDRESS=127.0.0.1
ERL_EPMD_PORT=$RABBIT_EPMD_PORT
EOF
    cat >"$dir/rabbitmq.conf" <<EOF
default_user = $RABBIT_USER
default_pass = $RABBIT_PASSWORD
loopback_users = none
log.file.level = info
disk_free_limit.absolute = 256MB
vm_memory_high_watermark.absolute = 1GB
EOF
    echo '[].' >"$dir/enabled_plugins"
    # shellcheck disable=SC2016 # for the script that is written
    rabbit_write_command "$dir" ctl 'exec /usr/lib/rabbitmq/bin/rabbitmqctl -n "$RABBITMQ_NODENAME" "$@"'
    rabbit_write_command "$dir" server 'exec /usr/lib/rabbitmq/bin/rabbitmq-server'
    chmod 640 "$dir/env" "$dir/rabbitmq.conf"
    chown root:rabbitmq "$dir/env" "$dir/rabbitmq.conf"
}

# $1 = folder, $2 = name, $3 = last line
rabbit_write_command() {
    cat >"$1/$2" <<EOF
#!/bin/sh
# Runs as the package's user, within this node's settings only.
[ "\$(id -un)" = rabbitmq ] ||
    exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups env -i /bin/sh "$1/$2" "\$@"
set -a
. "$1/env"
set +a
cd "$1/home" || exit 1
$3
EOF
    chmod 755 "$1/$2"
}

rabbit_ready() {
    port_open "$RABBIT_PORT" && "$1/ctl" -q --timeout 5 await_startup
}

rabbit_start() {
    local dir=$1
    process_of "$dir/pid" >/dev/null && return
    ! port_open "$RABBIT_PORT" || die "port $RABBIT_PORT is taken; choose another with RABBIT_PORT"
    rabbit_write_files "$dir"
    # The node would leave a port mapper behind that nobody owns; this one has a pid file.
    start_process "$dir/epmd.pid" "$dir/log/epmd.log" \
        env "ERL_EPMD_ADDRESS=127.0.0.1" "ERL_EPMD_PORT=$RABBIT_EPMD_PORT" \
        setpriv --reuid rabbitmq --regid rabbitmq --init-groups epmd
    # A node that comes first starts one of its own all the same.
    wait_until 60 "the start of RabbitMQ's port mapper" port_open "$RABBIT_EPMD_PORT"
    start_process "$dir/pid" "$dir/log/server.log" "$dir/server"
}

rabbit_wait() {
    wait_until 240 "the start of RabbitMQ (log: $1/log)" rabbit_ready "$1"
}

rabbit_stop() {
    local dir=$1
    stop_process "$dir/pid" 30
    stop_process "$dir/epmd.pid" 5
}
