# Debian packages: one non-interactive call for all that is missing, and no service started by it.
# shellcheck shell=bash

POLICY=/usr/sbin/policy-rc.d

package_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Prints what is missing of a line "a|b": nothing, or its first choice.
missing_of() {
    local choice
    for choice in ${1//|/ }; do
        package_installed "$choice" && return
    done
    echo "${1%%|*}"
}

# Lists of devstack/packages by name; prints the missing packages.
missing_packages() {
    local list line
    for list in "$@"; do
        while read -r line; do
            case $line in '' | '#'*) ;; *) missing_of "$line" ;; esac
        done <"$DEVSTACK/packages/$list"
    done | sort -u
}

# A package's service would take ports and memory: the stack starts its own instances.
without_services() {
    local status=0 ours=no
    if [ ! -e "$POLICY" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$POLICY"
        chmod 755 "$POLICY"
        ours=yes
    fi
    "$@" || status=$?
    [ "$ours" = no ] || rm -f "$POLICY"
    return "$status"
}

apt_install() {
    # A broken third-party source must not stop what Debian's own can give.
    apt-get -q -o Acquire::Retries=5 update || echo "apt-get update failed; going on with the lists there are"
    DEBIAN_FRONTEND=noninteractive without_services apt-get -q -y --no-install-recommends \
        -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 install "$@"
}

# Installs what is missing of the lists named.
install_packages() {
    local -a missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    note "installing ${#missing[@]} packages: ${missing[*]}"
    logged apt_install "${missing[@]}"
}
