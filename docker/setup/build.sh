# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Configures and compiles one build directory with Meson. Sourced, defines functions only.

# build_make DIR MESON_OPTION...: configure (again, if it exists) and compile BUILD_TARGETS, or all.
build_make() {
    local dir=$1
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
    # shellcheck disable=SC2086
    ninja -C "$dir" -j "$(build_jobs)" ${BUILD_TARGETS:-}
}

# One job per processor, but not more than memory carries (a sanitizer build takes about 400 MB each).
build_jobs() {
    local processors memory
    processors=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 400000) }' /proc/meminfo)
    [ "${memory:-1}" -ge 1 ] || memory=1
    echo $((processors < memory ? processors : memory))
}
