# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What ./check and ./quickstart say, and how they run a step. One line per step on the terminal
# (which of how many, what, how long); everything a step prints goes to a log file. A step that
# fails shows the last 20 lines of that log and what to do about it, then ends the script.
# A step runs in a process group of its own, so that Ctrl-C, SIGTERM and every other way out end
# it with all its children. Sourced, defines functions only; step_begin_all() must come first.

STEP_NUMBER=0
STEP_COUNT=0
STEP_LOG=/dev/null
STEP_CHILD=0
STEP_STATUS=0
STEP_TITLE=
STEP_ROOM_KIB=20480 # with less of the disk left, that is why a step failed

say() {
    printf '%s\n' "$*"
}

# die MESSAGE...: an error in one line, and what would be right.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step_begin_all COUNT LOGFILE: how many steps there will be, and where their output goes.
step_begin_all() {
    STEP_COUNT=$1
    STEP_LOG=$2
    mkdir -p "$(dirname "$STEP_LOG")"
    : >"$STEP_LOG"
}

# step TITLE ADVICE COMMAND...: run, time, and on failure explain and exit.
step() {
    local advice=$2
    step_try "$1" "${@:3}"
    if [ "$STEP_STATUS" -ne 0 ]; then
        step_explain "$advice"
        exit 1
    fi
}

# step_try TITLE COMMAND...: run and time; leaves the status in STEP_STATUS, so that the caller
# decides what a failure means. Never call it in a condition: bash would then ignore `set -e` in the
# command as well.
step_try() {
    local began=$SECONDS
    STEP_TITLE=$1
    shift
    STEP_NUMBER=$((STEP_NUMBER + 1))
    printf '[%d/%d] %s ...' "$STEP_NUMBER" "$STEP_COUNT" "$STEP_TITLE"
    printf '\n== %s\n' "$STEP_TITLE" >>"$STEP_LOG"
    step_spawn "$@"
    STEP_STATUS=0
    wait "$STEP_CHILD" || STEP_STATUS=$?
    STEP_CHILD=0
    if [ "$STEP_STATUS" -eq 0 ]; then
        printf ' %d s\n' "$((SECONDS - began))"
    else
        printf ' FAILED after %d s\n' "$((SECONDS - began))"
    fi
}

# Start the command as a job of its own process group. With STEP_SAME_GROUP=1 it stays in ours:
# sudo must be able to talk to the terminal, which a background group may not.
step_spawn() {
    if [ "${STEP_SAME_GROUP:-0}" = 1 ]; then
        (set -Eeuo pipefail; trap - INT TERM EXIT; "$@") >>"$STEP_LOG" 2>&1 </dev/null 9>&- &
    else
        set -m
        (set -Eeuo pipefail; trap - INT TERM EXIT; "$@") >>"$STEP_LOG" 2>&1 </dev/null 9>&- &
        set +m
    fi
    STEP_CHILD=$!
}

# step_stop: end the running step, if there is one. For the EXIT trap.
step_stop() {
    local child=$STEP_CHILD tries=0
    STEP_CHILD=0
    if [ "$child" -eq 0 ]; then
        return 0
    fi
    kill -TERM -- "-$child" 2>/dev/null || kill -TERM "$child" 2>/dev/null || return 0
    while kill -0 -- "-$child" 2>/dev/null && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -KILL -- "-$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
}

# step_explain ADVICE: why the last step failed, as far as its log knows. A full disk is told as one.
step_explain() {
    local advice=$1 room
    room=$(df -Pk "$(dirname "$STEP_LOG")" 2>/dev/null | awk 'NR == 2 { print $4 }')
    if [ "${room:-$STEP_ROOM_KIB}" -lt "$STEP_ROOM_KIB" ]; then
        advice="make room on the disk of $PWD; $((room / 1024)) MiB are left."
    fi
    {
        printf '\nThe last lines of %s:\n' "$STEP_LOG"
        tail -n 20 "$STEP_LOG" | sed 's/^/    /'
        printf '\nerror: "%s" failed (status %d).\n' "$STEP_TITLE" "$STEP_STATUS"
        printf 'What to do: %s\n' "$advice"
    } >&2
}
