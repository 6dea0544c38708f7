# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Configures and compiles one build directory with Meson. Sourced, defines functions only.

# build_make DIR MESON_OPTION...: configure (again, if it exists) and compile what BUILD_MATCH, a
# regular expression of Ninja's targets, finds; everything without it.
build_make() {
    local dir=$1 targets=()
    shift
    if [ -e "$dir/meson-private/coredata.dat" ]; then
        # A directory that another Meson or another checkout configured is not worth mending.
        meson setup --reconfigure "$dir" "$@" || {
            rm -rf "$dir"
            meson setup "$dir" "$@"
        }
    else
        rm -rf "$dir"
        meson setup "$dir" "$@"
    fi
    if [ -n "${BUILD_MATCH:-}" ]; then
        mapfile -t targets < <(ninja -C "$dir" -t targets all | sed -n 's/: .*//p' |
            grep -xE "$BUILD_MATCH")
    fi
    ninja -C "$dir" -j "$(build_jobs)" "${targets[@]}"
}

# One job per processor, but not more than memory carries (a sanitizer build takes about 400 MB each).
build_jobs() {
    local processors memory
    processors=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 400000) }' /proc/meminfo)
    [ "${memory:-1}" -ge 1 ] || memory=1
    echo $((processors < memory ? processors : memory))
}
