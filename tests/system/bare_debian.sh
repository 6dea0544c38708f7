#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Does ./check (or ./quickstart) work on a Debian with nothing installed? Makes one with debootstrap
# (minbase: no sudo, no certificates, no Python), clones the committed state of this checkout into
# it and runs the script there, as root or as a user with sudo. The mirror, proxy and certificates
# are those of the machine's own configuration. Needs root and debootstrap; namespaces of its own
# keep mounts and processes from leaking. The pristine systems are kept for the next run.
set -Eeuo pipefail

ROOTS=${PORTCULLIS_ROOTS:-/var/tmp/portcullis-roots}

usage() {
    cat >&2 <<-EOT
	usage: tests/system/bare_debian.sh bookworm|trixie root|sudo check|quickstart|shell [OPTION...]
	Options go to the script; quickstart gets --tour-only by itself. PORTCULLIS_ROOTS=$ROOTS
	holds the systems. Exit status: that of the script.
	EOT
    exit 2
}

main() {
    [ $# -ge 3 ] || usage
    local release=$1 who=$2 what=$3
    shift 3
    case "$release-$who-$what" in
    bookworm-root-* | bookworm-sudo-* | trixie-root-* | trixie-sudo-*) ;;
    *) usage ;;
    esac
    [ "$(id -u)" -eq 0 ] || { echo "error: debootstrap and chroot need root" >&2; exit 1; }
    CHECKOUT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    mkdir -p "$ROOTS"
    pristine_make "$release"
    ROOT=$(mktemp -d "$ROOTS/run-$release-$who-$what.XXXXXX")
    trap 'rm -rf --one-file-system "$ROOT"' EXIT
    tar -C "$ROOT" -xzf "$ROOTS/$release.tar.gz"
    machine_settings_copy
    checkout_copy "$who"
    echo "== $what on bare Debian $release as $who, commit $(git -C "$CHECKOUT" rev-parse --short HEAD)"
    script_run "$who" "$what" "$@"
}

# The bare system of a release, as a tarball, from the mirror this machine uses itself.
pristine_make() {
    local release=$1 mirror
    if [ -s "$ROOTS/$release.tar.gz" ]; then
        return
    fi
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(LABEL)|$(REPO_URI)' \
        'Created-By: Packages' | sed -n 's/^Debian|main|Debian|//p' | head -n 1)
    [ -n "$mirror" ] || { echo "error: this machine's apt names no Debian mirror" >&2; exit 1; }
    rm -rf --one-file-system "$ROOTS/$release.new"
    debootstrap --variant=minbase "$release" "$ROOTS/$release.new" "$mirror"
    rm -rf "$ROOTS/$release.new/var/cache/apt/archives/"*.deb
    tar --numeric-owner -C "$ROOTS/$release.new" -czf "$ROOTS/$release.tar.gz.new" .
    mv "$ROOTS/$release.tar.gz.new" "$ROOTS/$release.tar.gz"
    rm -rf --one-file-system "$ROOTS/$release.new"
}

# Name resolution, how apt and pip reach the outside, and the machine's own certificates.
machine_settings_copy() {
    cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/"
    apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' |
        grep -v '::: ' >"$ROOT/etc/apt/apt.conf.d/99machine" || true
    cp /etc/pip.conf "$ROOT/etc/" 2>/dev/null || true
    if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
        mkdir -p "$ROOT/usr/local/share/ca-certificates"
        cp /usr/local/share/ca-certificates/*.crt "$ROOT/usr/local/share/ca-certificates/"
    fi
}

checkout_copy() {
    HOME_IN_ROOT=/root
    if [ "$1" = sudo ]; then
        HOME_IN_ROOT=/home/dev
        chroot "$ROOT" useradd --create-home --shell /bin/bash dev
        chroot "$ROOT" sh -c 'export DEBIAN_FRONTEND=noninteractive
            apt-get -qq update && apt-get -qq install -y --no-install-recommends sudo' \
            >"$ROOT/sudo.log" 2>&1 || { cat "$ROOT/sudo.log"; exit 1; }
        echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$ROOT/etc/sudoers.d/dev"
    fi
    # The home is closed to everybody else, as real ones are.
    chmod 700 "$ROOT$HOME_IN_ROOT"
    git clone --quiet --no-hardlinks "$CHECKOUT" "$ROOT$HOME_IN_ROOT/portcullis"
    if [ "$1" = sudo ]; then
        chroot "$ROOT" chown -R dev:dev "$HOME_IN_ROOT/portcullis"
    fi
}

# In namespaces of its own: when the script ends, so does everything it started; what is still
# running then is reported as a failure, because the scripts promise to clean up.
script_run() {
    local who=$1 what=$2 command user=root
    shift 2
    [ "$who" = root ] || user=dev
    case $what in
    check) command="./check" ;;
    quickstart) command="./quickstart --tour-only" ;;
    shell) command="bash" ;;
    *) usage ;;
    esac
    # shellcheck disable=SC2016
    unshare --mount --pid --fork --kill-child bash -c '
        set -e
        root=$1 home=$2 user=$3 command=$4
        shift 4
        mount --make-rprivate /
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/dev/shm"
        status=0
        chroot "$root" /usr/bin/env -i HOME="$home" USER="$user" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            CI="${CI:-true}" ${http_proxy+http_proxy="$http_proxy"} \
            ${https_proxy+https_proxy="$https_proxy"} ${no_proxy+no_proxy="$no_proxy"} \
            setpriv --reuid "$user" --regid "$user" --init-groups \
            bash -c "cd portcullis 2>/dev/null || cd \$HOME/portcullis; exec $command \"\$@\"" \
            bash "$@" || status=$?
        left=$(chroot "$root" sh -c "ls /proc" | grep -E "^[0-9]+$" | while read -r pid; do
            [ "$(readlink "$root/proc/$pid/root")" != "$root" ] || tr "\0" " " <"$root/proc/$pid/cmdline"
        done)
        if [ -n "$left" ]; then
            echo "error: processes were left behind: $left"
            status=1
        fi
        exit "$status"' bash "$ROOT" "$HOME_IN_ROOT" "$user" "$command" "$@" </dev/null
}

main "$@"
