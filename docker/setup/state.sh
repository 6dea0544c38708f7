# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# ./.portcullis, where the set-up keeps all it makes: builds, logs, the private PostgreSQL, the
# Python environment. One script at a time may use it. Sourced, defines functions and the advice
# texts the steps share.

ADVICE_NETWORK="is the network there? Run the same command again; it continues where it stopped."
ADVICE_BUILD="the compiler's message is above; if this is an unchanged checkout, please report it."
ADVICE_POSTGRES="remove ./.portcullis and run this again; PostgreSQL's own log is in the message above."
ADVICE_GATEWAY="see the message above; the logs are under ./.portcullis/log. Please report what you see."

# state_open: makes ./.portcullis, takes its lock (descriptor 9, until this script ends).
state_open() {
    local why
    STATE=$PWD/.portcullis
    STEP_LOG=/dev/null
    if ! why=$({ mkdir -p "$STATE/log" && touch "$STATE/lock"; } 2>&1) || ! [ -O "$STATE" ]; then
        if [ -e "$STATE" ] && ! [ -O "$STATE" ]; then
            die "$STATE belongs to another user (was this run as root before?); what to do: let" \
                "that user remove it, for example: sudo rm -rf '$STATE'"
        fi
        die "${why#*: }; what to do: all that is made here goes into $STATE, so use a checkout that" \
            "you may write to, on a disk with room"
    fi
    exec 9>"$STATE/lock"
    flock -n 9 || die "another ./check or ./quickstart is running in this checkout; what to do:" \
        "wait for it, or run './quickstart --stop'"
}
