#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the packages Portcullis needs and nothing else: install.sh build|all. For a machine where
# root sets things up and somebody else builds, and for the container image. ./check and
# ./quickstart do the same by themselves when they may.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. docker/setup/packages.sh

main() {
    local kinds
    case ${1:-} in
    build) kinds="build" ;;
    all) kinds="build run check" ;;
    fuzz) kinds="build run check fuzz" ;;
    *)
        echo "usage: docker/setup/install.sh build|all|fuzz" >&2
        exit 2
        ;;
    esac
    # shellcheck disable=SC2086
    if [ -z "$(packages_missing $kinds)" ]; then
        echo "everything is installed"
        return
    fi
    # shellcheck disable=SC2046,SC2086
    packages_prepare $(packages_missing $kinds)
    # shellcheck disable=SC2086
    packages_install $kinds
}

main "$@"
