# Processes with pid files. A pid file names the process and when it started, so that a pid that the system
# gave to somebody else meanwhile is never mistaken for ours.
# shellcheck shell=bash

# Clock ticks after boot at which the process began; its name may hold spaces and brackets.
started_ticks() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086 # fields of the kernel
    set -- $stat
    echo "${20}"
}

# $1 = pid file, $2 = pid
remember_process() {
    local ticks
    ticks=$(started_ticks "$2") || return 1
    mkdir -p "$(dirname "$1")"
    echo "$2 $ticks" >"$1"
}

# Prints the pid when the process of the pid file still runs.
process_of() {
    local pid ticks state
    [ -r "$1" ] && read -r pid ticks <"$1" || return 1
    [ -n "$ticks" ] && [ "$(started_ticks "$pid")" = "$ticks" ] || return 1
    state=$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)
    [ "$state" != Z ] || return 1
    echo "$pid"
}

# Starts a command of its own session in the background. $1 = pid file, $2 = log, $3... = the command
start_process() {
    local pid_file=$1 log=$2
    shift 2
    process_of "$pid_file" >/dev/null && return 0
    mkdir -p "$(dirname "$pid_file")" "$(dirname "$log")"
    # 8 and 9 are the caller's stderr and lock: a daemon that kept them would keep the lock.
    setsid "$@" >>"$log" 2>&1 </dev/null 8>&- 9>&- &
    remember_process "$pid_file" $! || die "$1 ended at once; see $log"
    disown $!
}

process_gone() {
    ! process_of "$1" >/dev/null
}

# $1 = pid file
ask_to_end() {
    local pid
    pid=$(process_of "$1") || return 0
    kill -TERM "$pid" 2>/dev/null || true
}

# Waits for the end of a process that was asked, then insists. $1 = pid file, $2 = seconds to wait
await_end() {
    local pid_file=$1 patience=${2:-20} pid deadline
    if pid=$(process_of "$pid_file"); then
        deadline=$((SECONDS + patience))
        while ! process_gone "$pid_file" && [ "$SECONDS" -lt "$deadline" ]; do
            sleep 0.1
        done
        process_gone "$pid_file" || kill -KILL "$pid" 2>/dev/null || true
        wait_until 60 "the end of process $pid" process_gone "$pid_file"
    fi
    rm -f "$pid_file"
}

# $1 = pid file, $2 = seconds to wait
stop_process() {
    ask_to_end "$1"
    await_end "$@"
}
