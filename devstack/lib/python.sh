# The virtual environment with this project in it, editable.
# shellcheck shell=bash

# A registry that does not answer for a moment is asked again; tox hands them on.
export PIP_RETRIES=${PIP_RETRIES:-10} PIP_DEFAULT_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-60}

# Debian's own interpreter is built with profile-guided optimisation, hence first.
find_python() {
    local candidate
    for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        candidate=$(command -v "$candidate") || continue
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "no Python 3.11 or newer with the venv module"
}

# What the environment was made from; a moved clone counts as a change, since the install is editable.
environment_key() {
    local python=$1
    shift
    { echo "$REPOSITORY $*"; "$python" -V; cat "$REPOSITORY/pyproject.toml"; } | sha256sum | cut -d' ' -f1
}

# $1 = folder, $2... = what pip shall install beside the project's extras, e.g. ".[libvirt]"
make_environment() {
    local venv=$1 python key
    shift
    python=$(find_python)
    key=$(environment_key "$python" "$@")
    [ "$(cat "$venv/key" 2>/dev/null)" != "$key" ] || return 0
    note "installing the project and its dependencies into $venv"
    [ -x "$venv/bin/python" ] || logged "$python" -m venv "$venv"
    rm -f "$venv/key"
    (cd "$REPOSITORY" && logged "$venv/bin/python" -m pip --disable-pip-version-check install \
        --quiet --prefer-binary "$@")
    echo "$key" >"$venv/key"
}
