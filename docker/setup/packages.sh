# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Which Debian packages the project needs, and how they get onto a machine. Debian 13 has all of
# them. Debian 12 has no yyjson, and its llhttp (6.0) and mbedTLS (2.28) are too old to be safe
# here, so exactly those three libraries come from Debian 13, from the mirror this machine already
# uses for Debian 12, with everything else of Debian 13 pinned so low that apt never takes it. The
# C library is never replaced: the installation is simulated first, and refused if it would be.
# A machine that has everything is recognised by one dpkg-query: no apt call, no root needed.
# Sourced, defines functions only. Runs apt as root, or through sudo.

PACKAGES_TRIXIE_ONLY="libyyjson-dev libyyjson0 libllhttp-dev libllhttp9.2"
PACKAGES_TRIXIE_ONLY+=" libmbedtls-dev libmbedtls21 libmbedcrypto16 libmbedx509-7"
PACKAGES_SOURCE_FILE=/etc/apt/sources.list.d/portcullis-trixie.sources
PACKAGES_PIN_FILE=/etc/apt/preferences.d/portcullis-trixie

# packages_names KIND...: build, run, check, fuzz, peers (what bench/scan measures us beside).
packages_names() {
    local kind
    for kind in "$@"; do
        case $kind in
        build)
            printf '%s\n' gcc libc6-dev meson ninja-build pkgconf libuv1-dev libpq-dev \
                libutf8proc-dev libyyjson-dev libllhttp-dev libmbedtls-dev libcmocka-dev python3
            packages_regex_library
            packages_aes_library
            ;;
        run) printf '%s\n' postgresql postgresql-client ca-certificates curl openssl procps ;;
        check) printf '%s\n' python3-venv git ;;
        fuzz) printf '%s\n' clang llvm "$(packages_clang_runtime)" ;;
        peers) printf '%s\n' g++ libpcre2-dev libre2-dev ;;
        esac
    done
}

# Hyperscan is for x86 only; Vectorscan is the same library for other processors.
packages_regex_library() {
    case $(dpkg --print-architecture) in
    amd64 | i386) echo libhyperscan-dev ;;
    *) echo libvectorscan-dev ;;
    esac
}

# A faster AES-GCM under TLS; it exists for amd64 only.
packages_aes_library() {
    case $(dpkg --print-architecture) in
    amd64) echo libipsec-mb-dev ;;
    esac
}

packages_clang_runtime() {
    if [ "$(packages_release)" = bookworm ]; then
        echo libclang-rt-14-dev
    else
        echo libclang-rt-19-dev
    fi
}

packages_release() {
    # shellcheck disable=SC1091
    (. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
}

# packages_missing KIND...: prints what is not installed, or installed but too old.
packages_missing() {
    local name have
    for name in $(packages_names "$@"); do
        have=$(dpkg-query -W -f '${db:Status-Abbrev}${Version}\n' "$name" 2>/dev/null |
            sed -n 's/^[ih]i //p' | head -n 1) || have=
        case $name in
        libllhttp-dev) packages_is_at_least "$have" 9.2 || echo "$name" ;;
        libmbedtls-dev) packages_is_at_least "$have" 3.6 || echo "$name" ;;
        *) [ -n "$have" ] || echo "$name" ;;
        esac
    done
}

packages_is_at_least() {
    [ -n "$1" ] && dpkg --compare-versions "$1" ge "$2"
}

# packages_step KIND...: the step of ./check and ./quickstart: nothing to do, or install.
packages_step() {
    local missing count
    missing=$(packages_missing "$@")
    if [ -z "$missing" ]; then
        step "Packages: all installed" "" true
        return
    fi
    count=$(wc -w <<<"$missing")
    # shellcheck disable=SC2086
    packages_prepare $missing
    # shellcheck disable=SC2034
    STEP_SAME_GROUP=1
    step "Installing $count packages and what they need" "$ADVICE_NETWORK" packages_install "$@"
    # shellcheck disable=SC2034
    STEP_SAME_GROUP=0
}

# packages_prepare MISSING: who may install? Asks for the sudo password now, while the terminal is
# ours. Leaves the prefix for apt in PACKAGES_SUDO.
packages_prepare() {
    PACKAGES_SUDO=
    if [ "$(id -u)" -eq 0 ]; then
        return 0
    fi
    if command -v sudo >/dev/null; then
        if sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; then
            PACKAGES_SUDO="sudo -n"
            return 0
        fi
    fi
    {
        echo "error: packages are missing, and installing them needs root: this user is not root"
        echo "and cannot use sudo (without a terminal, sudo must not ask for a password)."
        echo "Missing:" "$@"
        echo "What to do: let root run '$PWD/docker/setup/install.sh all' once, then run this again."
    } >&2
    exit 1
}

packages_apt() {
    # shellcheck disable=SC2086
    $PACKAGES_SUDO env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
        -o Acquire::Retries=3 "$@"
}

# packages_write FILE: standard input becomes FILE, as root.
packages_write() {
    # shellcheck disable=SC2086
    $PACKAGES_SUDO mkdir -p "$(dirname "$1")"
    # shellcheck disable=SC2086
    $PACKAGES_SUDO tee "$1" >/dev/null
}

packages_update() {
    local try
    for try in 1 2 3; do
        if packages_apt -o APT::Update::Error-Mode=any update; then
            return 0
        fi
        echo "apt-get update failed (try $try of 3)"
        sleep $((try * 3))
    done
    return 1
}

# packages_install KIND...: everything of these kinds. Root or sudo must have been prepared.
packages_install() {
    local names
    mapfile -t names < <(packages_names "$@")
    packages_update
    case $(packages_release) in
    bookworm) packages_add_trixie ;;
    trixie) ;;
    *) echo "This is neither Debian 12 nor 13; trying with the packages it has." ;;
    esac
    packages_refuse_new_libc "${names[@]}"
    packages_no_own_cluster
    packages_apt install -y --no-install-recommends "${names[@]}"
}

# Debian's postgresql package would create and start a cluster of its own on port 5432. Nobody asked
# for that. (A machine that has PostgreSQL already keeps what it has.)
packages_no_own_cluster() {
    if dpkg-query -W -f '${db:Status-Abbrev}' postgresql-common 2>/dev/null | grep -q '^ii'; then
        return 0
    fi
    packages_write /etc/postgresql-common/createcluster.d/portcullis.conf <<-EOT
	# Written by Portcullis' set-up: it runs a private cluster, no system-wide one.
	create_main_cluster = false
	EOT
}

# The simulation must not touch the C library beyond its own release's updates.
packages_refuse_new_libc() {
    local change
    change=$(packages_apt -s install --no-install-recommends "$@" | sed -n 's/^Inst libc6 //p')
    # "[2.36-9+deb12u10] (2.36-9+deb12u13 Debian:12.12/...": the part before the dash is upstream's.
    if [ -n "$change" ] && ! [[ $change =~ ^\[([^-]+)-[^\ ]*\ \(([^-]+)- && \
        ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]]; then
        echo "refused: this would replace the C library: libc6 $change"
        echo "Something besides the pinned packages asks for Debian 13; see 'apt-cache policy libc6'."
        return 1
    fi
}

# The pin comes first: at no time may apt see Debian 13 without it.
packages_add_trixie() {
    local base signed security
    # The mirror's own keyring package may be older than Debian 13's keys.
    packages_apt install -y --no-install-recommends debian-archive-keyring
    base=$(packages_repository bookworm)
    if [ -z "$base" ]; then
        echo "This machine's apt configuration names no Debian 12 (bookworm, main) archive, so there"
        echo "is no mirror to take Debian 13's yyjson, llhttp and mbedTLS from."
        return 1
    fi
    packages_write "$PACKAGES_PIN_FILE" <<-EOT
	# Written by Portcullis' set-up: of Debian 13 only these libraries, nothing else.
	Package: *
	Pin: release n=trixie*
	Pin-Priority: -10

	Package: $PACKAGES_TRIXIE_ONLY
	Pin: release n=trixie*
	Pin-Priority: 990
	EOT
    signed=$(packages_signed_by "$base")
    security=$(packages_repository bookworm-security)
    {
        packages_source "${base#*|}" trixie "$signed"
        if [ -n "$security" ]; then
            echo
            packages_source "${security#*|}" trixie-security "$(packages_signed_by "$security")"
        fi
    } | packages_write "$PACKAGES_SOURCE_FILE"
    if ! packages_update && [ -n "$security" ]; then
        echo "trying without trixie-security, which this machine's mirror may not have"
        packages_source "${base#*|}" trixie "$signed" | packages_write "$PACKAGES_SOURCE_FILE"
        packages_update
    fi
}

packages_source() {
    printf '# Written by Portcullis%s set-up: see %s.\n' "'" "$PACKAGES_PIN_FILE"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$1" "$2"
    if [ -n "$3" ]; then
        printf 'Signed-By: %s\n' "$3"
    fi
}

# packages_repository CODENAME: "file:entry|uri" of the first Debian archive entry of that name in
# the machine's own apt configuration. apt reads both formats of sources for us.
packages_repository() {
    # shellcheck disable=SC2016
    apt-get indextargets \
        --format '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(SOURCESENTRY)|$(REPO_URI)' \
        'Created-By: Packages' | sed -n "s/^Debian|$1|main|//p" | head -n 1
}

# packages_signed_by "file:entry|uri": the keyring that entry names; nothing if it names none, which
# means apt's own trusted keys.
packages_signed_by() {
    local file=${1%%|*} uri=${1#*|}
    file=${file%:*}
    uri=${uri%/}
    case $file in
    *.sources)
        awk -v uri="$uri" 'BEGIN { RS = ""; FS = "\n" } index($0, uri) {
            for (i = 1; i <= NF; i++) if (tolower($i) ~ /^signed-by:[ \t]*\//) {
                sub(/^[^:]*:[ \t]*/, "", $i); print $i; exit } }' "$file"
        ;;
    *) grep -F "$uri" "$file" | sed -n 's/.*signed-by=\([^] ]*\).*/\1/p' | head -n 1 ;;
    esac
}
