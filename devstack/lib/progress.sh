# Numbered steps with the seconds they took, and a clear word when one fails.
# shellcheck shell=bash

# Failures are told here even when the failing command's output goes elsewhere.
exec 8>&2

STARTED_AT=$SECONDS
STEP=
STEP_LOG=
STEP_AT=$SECONDS

# The last step's line is finished by the next one, or by `steps_done`.
step() {
    finish_step
    STEP=$1
    STEP_LOG=${2:-}
    STEP_AT=$SECONDS
    printf '[%4ds] %s ...\n' $((SECONDS - STARTED_AT)) "$STEP"
}

finish_step() {
    [ -n "$STEP" ] || return 0
    printf '[%4ds] %s: done in %ds\n' $((SECONDS - STARTED_AT)) "$STEP" $((SECONDS - STEP_AT))
    STEP=
}

steps_done() {
    finish_step
    printf '[%4ds] %s\n' $((SECONDS - STARTED_AT)) "$1"
}

note() {
    printf '         %s\n' "$*"
}

die() {
    printf 'FAILED: %s\n' "$*" >&8
    exit 1
}

# Runs a command with its output in the step's log only.
logged() {
    [ -n "$STEP_LOG" ] || die "the step \"$STEP\" has no log"
    mkdir -p "$(dirname "$STEP_LOG")"
    printf '+ %s\n' "$*" >>"$STEP_LOG"
    "$@" >>"$STEP_LOG" 2>&1
}

# For `trap explain_failure EXIT`: says which step failed and shows the end of its log.
explain_failure() {
    local status=$?
    [ "$status" -ne 0 ] && [ -n "$STEP" ] || return 0
    printf '\nFAILED after %ds in the step: %s\n' $((SECONDS - STARTED_AT)) "$STEP" >&8
    [ -n "$STEP_LOG" ] && [ -e "$STEP_LOG" ] || return 0
    printf 'The end of its log, %s:\n' "$STEP_LOG" >&8
    tail -n 25 "$STEP_LOG" | sed 's/^/    /' >&8
}

# Tries a command until it succeeds. $1 = seconds at most, $2 = what is waited for, $3... = the command
wait_until() {
    local limit=$1 what=$2 deadline
    shift 2
    deadline=$((SECONDS + limit))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || die "$what did not happen within $limit s"
        sleep 0.2
    done
}

port_open() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
