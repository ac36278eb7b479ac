#!/usr/bin/env bash
# From a clean clone on a fresh Debian or Ubuntu machine to a guest that can be logged in to. May be repeated.
#
# usage: stack.sh [--fake] [--database sqlite|mariadb|postgresql] [--computes N] [--eventlet]
#   --fake       no guests: hosts that only pretend to run servers
#   --database   mariadb unless given
#   --computes   hosts; 1 unless given, several only with --fake
#   --eventlet   green threads instead of the daemons' own defaults
# Everything lies under STACK_DATA (/opt/stack/nova_clone); unstack.sh takes it away again.
# With STACK_PREPARED=yes the packages and STACK_VENV are taken as they are.
set -euo pipefail

# shellcheck source=devstack/lib/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/settings.sh"
for part in progress processes packages python secrets rabbitmq mariadb postgresql libvirt daemons config; do
    # shellcheck source=/dev/null
    . "$DEVSTACK/lib/$part.sh"
done
use_ports stack

OPTION_EVENTLET=no
OPTION_FAKE=no
OPTION_DATABASE=mariadb
OPTION_COMPUTES=1
FIRST=first

usage() {
    sed -n 's/^# \{0,1\}//; 2,9p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

# shellcheck disable=SC2034 # OPTION_EVENTLET is read by lib/config.sh
read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --fake) OPTION_FAKE=yes ;;
        --eventlet) OPTION_EVENTLET=yes ;;
        --database) OPTION_DATABASE=${2:-} && shift ;;
        --computes) OPTION_COMPUTES=${2:-} && shift ;;
        *) usage ;;
        esac
        shift || usage
    done
    case $OPTION_DATABASE in sqlite | mariadb | postgresql) ;; *) usage ;; esac
    [[ $OPTION_COMPUTES =~ ^[1-9][0-9]?$ ]] || usage
    # Two hosts on one libvirt would each take the other's guests for strangers.
    [ "$OPTION_FAKE" = yes ] || [ "$OPTION_COMPUTES" = 1 ] || die "--computes needs --fake: there is one libvirt"
}

# Data of one kind of stack cannot become that of another.
check_kind() {
    local kind="database=$OPTION_DATABASE fake=$OPTION_FAKE" before
    before=$(cat "$CONFIG/kind" 2>/dev/null || echo "$kind")
    [ "$before" = "$kind" ] || die "$STACK_DATA holds a stack with $before; first run devstack/unstack.sh --purge"
    echo "$kind" >"$CONFIG/kind"
}

package_lists() {
    echo base
    [ "$OPTION_DATABASE" = sqlite ] || echo "$OPTION_DATABASE"
    echo guest-image
    echo hypervisor
}

prepare() {
    local -a lists
    step "packages" "$LOGS/packages.log"
    mapfile -t lists < <(package_lists)
    install_packages "${lists[@]}"
    step "Python environment" "$LOGS/pip.log"
    make_environment "$STACK_VENV" --editable ".[libvirt]" -r "$DEVSTACK/packages/clients.txt"
}

start_services() {
    rabbit_start "$STACK_DATA/rabbitmq"
    case $OPTION_DATABASE in
    mariadb)
        mariadb_start "$STACK_DATA/mariadb"
        mariadb_wait "$STACK_DATA/mariadb"
        mariadb_databases "$STACK_DATA/mariadb" nova_api nova nova_cell0 placement
        ;;
    postgresql)
        postgres_start "$STACK_DATA/postgresql"
        postgres_wait "$STACK_DATA/postgresql"
        postgres_databases "$STACK_DATA/postgresql" nova_api nova nova_cell0 placement
        ;;
    esac
    if [ "$OPTION_FAKE" = no ]; then
        libvirt_start stack
        libvirt_wait
    fi
    rabbit_wait "$STACK_DATA/rabbitmq"
}

manage() {
    local command=$1
    shift
    logged "$STACK_VENV/bin/$command" --config-file "$CONFIG/nova.conf" \
        --config-file "$CONFIG/nova-conductor.conf" "$@"
}

make_tables() {
    manage nova-manage api_db sync
    manage nova-manage cell_v2 map_cell0
    manage nova-manage db sync
    manage placement-manage db sync
    # Exit 2 is "it is there already".
    manage nova-manage cell_v2 create_cell --name cell1 || [ $? -eq 2 ]
}

start_daemons() {
    local name
    for name in $(daemon_names); do
        start_daemon "$name"
    done
    for name in $(daemon_names); do
        wait_for_daemon "$name"
    done
}

make_key() {
    mkdir -p "$STACK_DATA/ssh"
    [ -e "$STACK_DATA/ssh/id_ed25519" ] ||
        ssh-keygen -q -t ed25519 -N '' -C devstack -f "$STACK_DATA/ssh/id_ed25519"
}

cloud() {
    "$STACK_VENV/bin/python" "$DEVSTACK/lib/cloud.py" "$@"
}

server_status() {
    openstack server show -f value -c status "$FIRST" 2>/dev/null || true
}

# ERROR is an end as well; what it means is said by the server itself.
server_built() {
    local status
    status=$(server_status)
    [ "$status" != ERROR ] || die "$(openstack server show -f value -c fault "$FIRST")"
    [ "$status" = ACTIVE ]
}

boot_first_server() {
    local network status
    status=$(server_status)
    if [ "$status" = ERROR ]; then
        logged openstack server delete --wait "$FIRST"
        status=
    fi
    case $status in
    ACTIVE) note "the server $FIRST is there" ;;
    '')
        network=$(openstack network show -f value -c id private)
        note "openstack server create --image guest --flavor m1.nano --nic net-id=$network --key-name devstack $FIRST"
        logged openstack server create --image guest --flavor m1.nano --nic "net-id=$network" \
            --key-name devstack "$FIRST"
        ;;
    SHUTOFF) logged openstack server start "$FIRST" ;;
    esac
    wait_until 300 "ACTIVE for the server $FIRST" server_built
    note "$FIRST is ACTIVE"
}

console_shows_login() {
    openstack console log show "$FIRST" | grep 'login:' >/dev/null
}

ssh_answers() {
    [ "$("$DEVSTACK/ssh-guest" "$FIRST" echo inside)" = inside ]
}

log_in() {
    wait_until 300 "a login prompt on the console of $FIRST" console_shows_login
    note "login prompt in: openstack console log show $FIRST"
    wait_until 300 "an answer to ssh" ssh_answers
    note "ssh with the injected key: $("$DEVSTACK/ssh-guest" "$FIRST" uname -nr)"
}

say_what_next() {
    cat <<EOF

The stack runs: $(daemon_names | wc -l) daemons, $OPTION_COMPUTES compute host(s), database $OPTION_DATABASE.
  logs    $LOGS (devstack/logs NAME follows one)
  config  $CONFIG

Type next:
  . devstack/openrc          # or: . devstack/openrc demo
  openstack server list
  openstack server create --image guest --flavor m1.nano --network private --key-name devstack second
  openstack console log show second
EOF
    [ "$OPTION_FAKE" = yes ] || echo "  devstack/ssh-guest first"
    cat <<EOF
  devstack/manage nova-manage audit
  devstack/restart nova-scheduler
  devstack/unstack.sh        # --purge forgets the data, too
EOF
}

main() {
    read_options "$@"
    [ "$(id -u)" -eq 0 ] || die "must be root: it installs packages and wires networks"
    install -d -m 755 "$STACK_DATA" "$CONFIG" "$STATE" "$LOGS" "$PIDS"
    exec 9>"$STACK_DATA/lock"
    flock -n 9 || die "another stack.sh or unstack.sh is at work in $STACK_DATA"
    check_kind
    trap explain_failure EXIT

    [ "$STACK_PREPARED" = yes ] || prepare
    PATH=$STACK_VENV/bin:$PATH
    step "guest image" "$LOGS/guest-image.log"
    logged "$DEVSTACK/guest-image/build.sh" "$STACK_IMAGE"
    make_secrets
    read_secrets
    step "RabbitMQ, database, libvirt" "$LOGS/services.log"
    start_services
    step "configuration and tables" "$LOGS/tables.log"
    write_daemons "$OPTION_COMPUTES"
    write_config
    make_tables
    step "daemons: $(daemon_names | tr '\n' ' ')" "$LOGS/daemons.log"
    start_daemons
    # shellcheck source=devstack/openrc
    . "$DEVSTACK/openrc" admin
    cloud wait "$OPTION_COMPUTES"
    manage nova-manage cell_v2 discover_hosts
    step "flavors, image, networks, keys" "$LOGS/provision.log"
    make_key
    cloud provision "$STACK_IMAGE/guest.qcow2" "$STACK_DATA/ssh/id_ed25519.pub"
    step "the first server" "$LOGS/first-server.log"
    boot_first_server
    if [ "$OPTION_FAKE" = no ]; then
        step "its login prompt, and ssh into it" "$LOGS/first-server.log"
        log_in
    fi
    steps_done "all done"
    say_what_next
}

main "$@"
