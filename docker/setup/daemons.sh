# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Programs that run beside ./quickstart: start them in a process group of their own, wait until they
# answer, and end them, also those that an earlier, killed run left behind. A process number from a
# file is believed only if that process still works for this ./.portcullis.
# Sourced, defines functions only. Needs STATE.

# daemon_start NAME COMMAND...: output to log/NAME.log, number to run/NAME.pid.
daemon_start() {
    local name=$1
    shift
    mkdir -p "$STATE/run"
    set -m
    QUICKSTART_STATE="$STATE" "$@" >"$STATE/log/$name.log" 2>&1 </dev/null 9>&- &
    set +m
    echo $! >"$STATE/run/$name.pid"
}

# daemon_wait NAME SECONDS COMMAND...: until the command succeeds; fails at once if NAME has ended.
daemon_wait() {
    local name=$1 tries=$(($2 * 10))
    shift 2
    while [ "$tries" -gt 0 ]; do
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        # Just started, it may not have become the program yet: look twice.
        sleep 0.1
        if ! daemon_is_ours "$name" && sleep 0.4 && ! daemon_is_ours "$name"; then
            break
        fi
        tries=$((tries - 1))
    done
    echo "$name did not come up; the end of its log:"
    tail -n 15 "$STATE/log/$name.log"
    return 1
}

daemon_is_ours() {
    local pid
    pid=$(cat "$STATE/run/$1.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && { tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null |
        grep -qxF "QUICKSTART_STATE=$STATE"
}

# daemon_stop NAME: asks, waits up to 10 s, then insists.
daemon_stop() {
    local pid tries=100
    if daemon_is_ours "$1"; then
        pid=$(cat "$STATE/run/$1.pid")
        kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
        while daemon_is_ours "$1" && [ "$tries" -gt 0 ]; do
            sleep 0.1
            tries=$((tries - 1))
        done
        kill -KILL -- "-$pid" 2>/dev/null || true
    fi
    rm -f "$STATE/run/$1.pid"
}
