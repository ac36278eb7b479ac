#!/usr/bin/env bash
# Ends everything that stack.sh started and takes down what it wired; says what is left, which should be nothing.
# usage: unstack.sh [--purge]      --purge also deletes the data, so that the next stack is a new one
set -euo pipefail

# shellcheck source=devstack/lib/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/settings.sh"
for part in progress processes rabbitmq mariadb postgresql libvirt daemons leftovers; do
    # shellcheck source=/dev/null
    . "$DEVSTACK/lib/$part.sh"
done

PURGE=no

# What the others call on their way out goes last.
stop_all_daemons() {
    local last='^nova-(standalone|conductor-.*)$'
    [ -e "$CONFIG/daemons" ] || return 0
    # shellcheck disable=SC2046 # names
    stop_daemons $(daemon_names | grep -vE "$last")
    # shellcheck disable=SC2046 # names
    stop_daemons $(daemon_names | grep -E "$last")
}

main() {
    case ${1:-} in
    --purge) PURGE=yes ;;
    '') ;;
    *) die "usage: unstack.sh [--purge]" ;;
    esac
    [ "$(id -u)" -eq 0 ] || die "must be root"
    if [ ! -d "$STACK_DATA" ]; then
        echo "no stack in $STACK_DATA"
        exit
    fi
    exec 9>"$STACK_DATA/lock"
    flock -n 9 || die "another stack.sh or unstack.sh is at work in $STACK_DATA"
    trap explain_failure EXIT
    step "daemons"
    stop_all_daemons
    step "guests"
    destroy_guests
    step "networks"
    remove_networks
    step "RabbitMQ, database, libvirt"
    rabbit_stop "$STACK_DATA/rabbitmq"
    mariadb_stop "$STACK_DATA/mariadb"
    postgres_stop "$STACK_DATA/postgresql"
    libvirt_stop stack
    step "looking for what is left"
    report_leftovers
    if [ "$PURGE" = yes ]; then
        step "deleting $STACK_DATA"
        find "$STACK_DATA" -mindepth 1 -maxdepth 1 ! -path "$STACK_VENV" ! -name image ! -name lock \
            -exec rm -rf {} +
    fi
    steps_done "the stack is down"
}

main "$@"
