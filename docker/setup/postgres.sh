# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A private PostgreSQL under ./.portcullis: a cluster of its own with a password of its own, on a
# free loopback port and a Unix socket, never as root (PostgreSQL refuses that): a script started by
# root runs it as the system user `postgres`, which Debian's package made. Where that user cannot
# reach the checkout (a home closed to others), the cluster lies under /var/tmp and ./.portcullis
# holds a link to it. Nothing here touches a PostgreSQL the machine may have already.
# Sourced, defines functions only. Needs STATE, the absolute path of ./.portcullis.

# postgres_start NAME fast|durable: creates the cluster NAME if needed, starts it, and writes
# $STATE/NAME.env with DATABASE_URL (superuser `portcullis`, database `portcullis`).
postgres_start() {
    local name=$1 kind=$2 home try port
    home=$(postgres_home_make "$name")
    postgres_stop "$name"
    if ! [ -e "$STATE/$name.password" ]; then
        (umask 077 && od -An -tx1 -N16 /dev/urandom | tr -d ' \n' >"$STATE/$name.password")
    fi
    postgres_as test -e "$home/made" || postgres_create "$name" "$home"
    for try in 1 2 3 4 5; do
        port=$(port_free)
        if postgres_launch "$home" "$port" "$kind"; then
            postgres_env_write "$name" "$port"
            return 0
        fi
        echo "PostgreSQL did not start on port $port (try $try of 5); the end of its log:"
        postgres_as tail -n 5 "$home/log"
    done
    return 1
}

# postgres_stop NAME: also one that an earlier, killed run left behind.
postgres_stop() {
    local home="$STATE/$1"
    [ -e "$home" ] || [ -L "$home" ] || return 0
    home=$(readlink -f "$home")
    if postgres_as test -e "$home/data/postmaster.pid" 2>/dev/null; then
        postgres_as "$(postgres_bin)/pg_ctl" -D "$home/data" -m fast -w -t 60 stop || {
            # Not ours any more, or not running: a stale file must not stop the next start.
            postgres_as "$(postgres_bin)/pg_ctl" -D "$home/data" status >/dev/null && return 1
            postgres_as rm -f "$home/data/postmaster.pid"
        }
    fi
}

# postgres_remove NAME: stop it and forget everything it held.
postgres_remove() {
    local home
    postgres_stop "$1"
    home=$(readlink -f "$STATE/$1" 2>/dev/null || true)
    if [ -n "$home" ] && [ -d "$home" ]; then
        rm -rf --one-file-system "$home"
    fi
    rm -rf "${STATE:?}/$1" "$STATE/$1.env" "$STATE/$1.password"
}

# Run as the user PostgreSQL runs as: us, unless we are root. Never with our lock on descriptor 9.
postgres_as() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec setpriv --reuid postgres --regid postgres --init-groups -- "$@" 9>&-)
    else
        "$@" 9>&-
    fi
}

postgres_bin() {
    local newest
    newest=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null |
        sort -V | tail -n 1)
    [ -n "$newest" ] || die "no PostgreSQL server found under /usr/lib/postgresql"
    dirname "$newest"
}

# The directory of a cluster, owned by the user it runs as. Prints its real path.
postgres_home_make() {
    local link="$STATE/$1" real
    if [ "$(id -u)" -ne 0 ]; then
        mkdir -p "$link"
        chmod 700 "$link"
        readlink -f "$link"
        return
    fi
    # The checkout of before may have lain elsewhere: a link to nowhere is no cluster.
    if [ -L "$link" ] && ! [ -d "$link" ]; then
        rm -f "$link"
    fi
    if ! [ -e "$link" ]; then
        if postgres_as test -x "$STATE"; then
            mkdir "$link"
        else
            real=$(mktemp -d "/var/tmp/portcullis-$1.XXXXXX")
            ln -s "$real" "$link"
        fi
    fi
    real=$(readlink -f "$link")
    chown postgres:postgres "$real"
    chmod 700 "$real"
    postgres_as test -x "$real" || {
        echo "the user postgres cannot reach $real: move the checkout, or remove $link" >&2
        return 1
    }
    printf '%s\n' "$real"
}

# The password is on no command line, and in a file of the user it is for only while initdb reads it.
postgres_create() {
    postgres_as rm -rf "$2/data"
    # shellcheck disable=SC2016
    postgres_as sh -c 'umask 077 && cat >"$1"' sh "$2/password" <"$STATE/$1.password"
    postgres_as env LC_ALL=C "$(postgres_bin)/initdb" -D "$2/data" -U portcullis --encoding=UTF8 \
        --locale=C --auth=scram-sha-256 "--pwfile=$2/password" --no-sync
    postgres_as rm -f "$2/password"
    # Last, so that one that was broken off is not taken for a cluster.
    postgres_as touch "$2/made"
}

postgres_launch() {
    local home=$1 port=$2 kind=$3 options socket="$1/run"
    postgres_as mkdir -p "$socket"
    # A Unix socket's path has 107 bytes at most; without room for it, loopback alone must do.
    [ "${#socket}" -lt 90 ] || socket=
    options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='$socket'"
    options+=" -c shared_buffers=64MB -c max_connections=200 -c log_min_messages=warning"
    if [ "$kind" = fast ]; then
        options+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    fi
    postgres_as env LC_ALL=C "$(postgres_bin)/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 \
        -o "$options" start >/dev/null
}

postgres_env_write() {
    local url
    url="postgresql://portcullis:$(cat "$STATE/$1.password")@127.0.0.1:$2"
    (umask 077 && printf 'DATABASE_URL=%s\n' "$url/portcullis" >"$STATE/$1.env")
    if [ "$(psql "$url/postgres" -Atqc \
        "SELECT 1 FROM pg_database WHERE datname = 'portcullis'")" != 1 ]; then
        psql "$url/postgres" -qc 'CREATE DATABASE portcullis'
    fi
}

# port_free: a loopback port nobody listens on, below the kernel's ephemeral range.
port_free() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}
