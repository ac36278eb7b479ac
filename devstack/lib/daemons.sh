# The daemons of the stack: which there are, how each is started, and when it is ready.
# $CONFIG/daemons has one line for each, in the order of starting: name, health port, command.
# shellcheck shell=bash

# Workers of one daemon take the ports that follow its own.
HEALTH_PORT=${HEALTH_PORT:-8800}

# $1 = name, $2 = command, $3... = configuration files
daemon_line() {
    local name=$1 command=$2 file arguments=
    shift 2
    for file in "$@"; do
        arguments+=" --config-file $CONFIG/$file"
    done
    echo "$name $((HEALTH_PORT += 10)) $STACK_VENV/bin/$command$arguments"
}

# $1 = number of compute hosts
write_daemons() {
    local number
    {
        daemon_line nova-standalone nova-standalone nova-standalone.conf
        for number in 1 2; do
            daemon_line "nova-conductor-$number" nova-conductor nova.conf nova-conductor.conf "nova-conductor-$number.conf"
        done
        daemon_line nova-placement-api nova-placement-api nova.conf nova-placement-api.conf
        daemon_line nova-scheduler nova-scheduler nova.conf nova-scheduler.conf
        for number in $(seq "$1"); do
            daemon_line "nova-compute-$number" nova-compute nova.conf "nova-compute-$number.conf"
        done
        daemon_line nova-api nova-api-os-compute nova.conf nova-api.conf
        daemon_line nova-api-metadata nova-api-metadata nova.conf nova-api-metadata.conf
    } >"$CONFIG/daemons"
}

daemon_names() {
    cut -d' ' -f1 "$CONFIG/daemons"
}

# $1 = name, $2 = field: 2 is the health port, 3- the command
daemon_field() {
    local field
    field=$(grep "^$1 " "$CONFIG/daemons" | cut -d' ' -f"$2")
    [ -n "$field" ] || die "no daemon $1; there are: $(daemon_names | tr '\n' ' ')"
    echo "$field"
}

# What a running daemon was made from: its command, its files and the code.
daemon_key() {
    local word
    {
        daemon_field "$1" 3-
        for word in $(daemon_field "$1" 3-); do
            case $word in "$CONFIG"/*) cat "$word" ;; esac
        done
        find "$REPOSITORY/nova_clone" -name '*.py' -printf '%p %s %T@\n' | sort
        [ ! -e "$STACK_VENV/key" ] || cat "$STACK_VENV/key"
    } | sha256sum
}

# Starts a daemon; one that runs already is only replaced when it is out of date.
start_daemon() {
    local name=$1 key
    key=$(daemon_key "$name")
    if process_of "$PIDS/$name.pid" >/dev/null; then
        [ "$(cat "$PIDS/$name.key" 2>/dev/null)" != "$key" ] || return 0
        stop_process "$PIDS/$name.pid"
    fi
    # shellcheck disable=SC2046 # words of a command
    start_process "$PIDS/$name.pid" "$LOGS/$name.log" $(daemon_field "$name" 3-)
    echo "$key" >"$PIDS/$name.key"
}

# An answer below 500 is an answer: 300 is the version document's own.
http_answers() {
    local status
    status=$("$STACK_VENV/bin/python" - "$1" <<'EOF'
import sys
import urllib.error
import urllib.request

try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
EOF
    ) && [ "$status" -lt 500 ]
}

daemon_ready() {
    local port
    process_of "$PIDS/$1.pid" >/dev/null || die "$1 ended; see $LOGS/$1.log"
    port=$(daemon_field "$1" 2)
    http_answers "http://127.0.0.1:$port/healthcheck"
}

wait_for_daemon() {
    # shellcheck disable=SC2034 # shown when it fails
    STEP_LOG=$LOGS/$1.log
    wait_until 240 "$1 being ready" daemon_ready "$1"
}

# Ends daemons, all at once. $@ = names
stop_daemons() {
    local name
    for name in "$@"; do
        ask_to_end "$PIDS/$name.pid"
    done
    for name in "$@"; do
        await_end "$PIDS/$name.pid" 30
        rm -f "$PIDS/$name.key"
    done
}
