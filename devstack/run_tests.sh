#!/usr/bin/env bash
# Installs what the tests need, starts private services, runs every test and ends what it started.
#
# usage: run_tests.sh [quick|full] [arguments for pytest]
#   quick   style, types, import contracts and the tests that need no service
#   full    the default: also with RabbitMQ, MariaDB, PostgreSQL, libvirt and a booting guest
# TEST_SEED, a number, chooses the order of the tests and the data of their properties: the same for each run
# unless it is set, so that what passed passes again, and what failed can be looked at.
# It may run beside a stack: its services have ports of their own. As root, for the packages and the guests.
set -euo pipefail

# shellcheck source=devstack/lib/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/settings.sh"
for part in progress processes packages python rabbitmq mariadb postgresql libvirt; do
    # shellcheck source=/dev/null
    . "$DEVSTACK/lib/$part.sh"
done
use_ports tests

TEST_DATA=${TEST_DATA:-/opt/stack/nova_clone-tests}
TEST_VENV=${TEST_VENV:-$REPOSITORY/.venv}
TEST_LOGS=$TEST_DATA/log
# Processes that share the fast tests; each has to collect all of them first.
TEST_WORKERS=${TEST_WORKERS:-$(($(nproc) < 4 ? $(nproc) : 4))}
# Seconds after which a phase is ended: something hangs.
PHASE_LIMIT=${PHASE_LIMIT:-3600}
TEST_SEED=${TEST_SEED:-1}
MODE=full
PYTEST_ARGUMENTS=()
FAILED=()

stop_services() {
    rabbit_stop "$TEST_DATA/rabbitmq"
    mariadb_stop "$TEST_DATA/mariadb"
    postgres_stop "$TEST_DATA/postgresql"
    libvirt_stop "tests-$$"
}

on_exit() {
    explain_failure
    [ "$MODE" = quick ] || stop_services
}

start_services() {
    libvirt_start "tests-$$"
    rabbit_start "$TEST_DATA/rabbitmq"
    mariadb_start "$TEST_DATA/mariadb"
    postgres_start "$TEST_DATA/postgresql"
    mariadb_wait "$TEST_DATA/mariadb"
    mariadb_databases "$TEST_DATA/mariadb" nova_test
    postgres_wait "$TEST_DATA/postgresql"
    postgres_databases "$TEST_DATA/postgresql" nova_test
    rabbit_wait "$TEST_DATA/rabbitmq"
    libvirt_wait
}

export_services() {
    export NOVA_CLONE_TEST_RABBIT_URL NOVA_CLONE_TEST_MARIADB_URL NOVA_CLONE_TEST_POSTGRESQL_URL
    NOVA_CLONE_TEST_RABBIT_URL=$(rabbit_url)
    NOVA_CLONE_TEST_MARIADB_URL=$(mariadb_url "$TEST_DATA/mariadb" nova_test)
    NOVA_CLONE_TEST_POSTGRESQL_URL=$(postgres_url "$TEST_DATA/postgresql" nova_test)
    # rabbitmqctl for that node.
    export NOVA_CLONE_TEST_RABBIT_CTL=$TEST_DATA/rabbitmq/ctl
    export NOVA_CLONE_TEST_GUEST_IMAGE=$TEST_DATA/image/guest.qcow2
    export NOVA_CLONE_TEST_LIBVIRT_URI=qemu:///system
    # QEMU's user must be able to enter it.
    export NOVA_CLONE_TEST_INSTANCES=$TEST_DATA/instances
}

# Runs a check; the others still run when it fails. $1 = name, $2... = the command
check() {
    local name=$1
    shift
    if (cd "$REPOSITORY" && "$@"); then
        note "$name: ok"
    else
        note "$name: FAILED"
        FAILED+=("$name")
    fi
}

check_shell() {
    local -a scripts
    mapfile -d '' -t scripts < <(find devstack .ci -type f \( -name '*.sh' -o -perm -u+x \) -print0)
    shellcheck --external-sources --source-path="$REPOSITORY" "${scripts[@]}"
}

static_checks() {
    step "style, types and import contracts"
    check ruff "$TEST_VENV/bin/ruff" check .
    check "ruff format" "$TEST_VENV/bin/ruff" format --check --quiet .
    check mypy "$TEST_VENV/bin/mypy" --no-error-summary
    check lint-imports "$TEST_VENV/bin/lint-imports" --no-cache
    check shellcheck check_shell
}

# $1 = name, $2... = folders and options. Exit 5 is "nothing collected", fine when the caller selects.
tests() {
    local name=$1 status=0
    shift
    step "tests: $name"
    (cd "$REPOSITORY" && timeout --kill-after=30 "$PHASE_LIMIT" "$TEST_VENV/bin/python" -m pytest -q \
        --junitxml="$TEST_LOGS/${name// /-}.xml" -o faulthandler_timeout=1200 \
        --randomly-seed="$TEST_SEED" --hypothesis-seed="$TEST_SEED" \
        "$@" "${PYTEST_ARGUMENTS[@]}") || status=$?
    case $status in
    0) ;;
    5) [ ${#PYTEST_ARGUMENTS[@]} -gt 0 ] || FAILED+=("$name (no tests)") ;;
    124 | 137) FAILED+=("$name (longer than $PHASE_LIMIT s)") ;;
    *) FAILED+=("$name") ;;
    esac
}

fast_tests() {
    local without='not integration and not libvirt and not chaos and not acceptance'
    tests fast tests/unit tests/architecture tests/contract tests/workflow tests/driver -m "$without" \
        -n "$TEST_WORKERS" --dist worksteal
    OS_NOVA_CONCURRENCY_BACKEND=threading tests "functional threading" tests/functional -m "$without"
    OS_NOVA_CONCURRENCY_BACKEND=eventlet tests "functional eventlet" tests/functional -m "$without"
}

# Everything with a marker, wherever it lies.
service_tests() {
    tests integration tests -m '(integration or libvirt) and not chaos and not acceptance'
    tests chaos tests -m chaos
    tests acceptance tests -m acceptance
}

# Another project's suite, in an environment of its own; its last line tells how many passed.
gabbits() {
    [ ${#PYTEST_ARGUMENTS[@]} -eq 0 ] || return 0
    step "tests: gabbits"
    if (cd "$REPOSITORY" && timeout --kill-after=30 "$PHASE_LIMIT" "$TEST_VENV/bin/tox" -q -e gabbits 2>&1) |
        tee "$TEST_LOGS/gabbits.log"; then
        note "gabbits: $(grep -E '^ *[0-9]+ of +[0-9]+  passed$' "$TEST_LOGS/gabbits.log" | xargs)"
    else
        FAILED+=(gabbits)
    fi
}

main() {
    case ${1:-} in
    quick | full)
        MODE=$1
        shift
        ;;
    esac
    PYTEST_ARGUMENTS=("$@")
    mkdir -p "$TEST_DATA"
    exec 9>"$TEST_DATA/lock"
    flock -n 9 || die "other tests are running in $TEST_DATA"
    trap on_exit EXIT
    rm -rf "$TEST_LOGS"
    shopt -s nullglob

    if [ "$MODE" = full ]; then
        [ "$(id -u)" -eq 0 ] || die "full needs root, for packages and guests; there is also: run_tests.sh quick"
        step "packages" "$TEST_LOGS/packages.log"
        install_packages base hypervisor mariadb postgresql guest-image tests
    fi
    step "Python environment" "$TEST_LOGS/pip.log"
    make_environment "$TEST_VENV" --editable ".[libvirt,test]"
    if [ "$MODE" = full ]; then
        step "guest image" "$TEST_LOGS/guest-image.log"
        logged "$DEVSTACK/guest-image/build.sh" "$TEST_DATA/image"
        step "RabbitMQ, MariaDB, PostgreSQL and libvirt"
        # Data of an earlier run would make the tests depend on it.
        stop_services
        rm -rf "$TEST_DATA"/{rabbitmq,mariadb,postgresql,instances}
        mkdir -p "$TEST_DATA/instances"
        start_services
        export_services
    fi
    mkdir -p "$TEST_LOGS"
    static_checks
    fast_tests
    if [ "$MODE" = full ]; then
        gabbits
        service_tests
    fi
    steps_done "all phases ran"
    [ ${#FAILED[@]} -eq 0 ] || printf 'FAILED: %s\n' "${FAILED[@]}"
    "$TEST_VENV/bin/python" "$DEVSTACK/lib/test_summary.py" $((SECONDS - STARTED_AT)) "$TEST_LOGS"/*.xml
    [ ${#FAILED[@]} -eq 0 ]
}

main "$@"
