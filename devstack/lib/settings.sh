# Where things are and which ports they have; every name may be set in the environment.
# Ports differ from the packages' own, so that a service of the machine is never in the way.
# shellcheck shell=bash disable=SC2034

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEVSTACK=$REPOSITORY/devstack

# QEMU runs as a user without privileges and must be able to enter it.
STACK_DATA=${STACK_DATA:-/opt/stack/nova_clone}
STACK_VENV=${STACK_VENV:-$STACK_DATA/venv}
STACK_IMAGE=${STACK_IMAGE:-$STACK_DATA/image}
STACK_PREPARED=${STACK_PREPARED:-no}
# Kept by unstack.sh --purge: packages of the guest's kernel.
export NOVA_CLONE_CACHE=${NOVA_CLONE_CACHE:-/var/cache/nova_clone}

CONFIG=$STACK_DATA/etc
STATE=$STACK_DATA/state
LOGS=$STACK_DATA/log
PIDS=$STACK_DATA/run

# $1 = stack or tests: two sets of ports, so that both can run at once.
use_ports() {
    case $1 in
    stack)
        RABBIT_PORT=${RABBIT_PORT:-5682}
        RABBIT_DIST_PORT=${RABBIT_DIST_PORT:-25682}
        RABBIT_EPMD_PORT=${RABBIT_EPMD_PORT:-4382}
        MARIADB_PORT=${MARIADB_PORT:-3316}
        POSTGRES_PORT=${POSTGRES_PORT:-5442}
        ;;
    tests)
        RABBIT_PORT=${TEST_RABBIT_PORT:-5692}
        RABBIT_DIST_PORT=${TEST_RABBIT_DIST_PORT:-25692}
        RABBIT_EPMD_PORT=${TEST_RABBIT_EPMD_PORT:-4392}
        MARIADB_PORT=${TEST_MARIADB_PORT:-3326}
        POSTGRES_PORT=${TEST_POSTGRES_PORT:-5452}
        ;;
    esac
    RABBIT_NODE=nova-$1@localhost
}
