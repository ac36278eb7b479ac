# What a stack leaves in libvirt and in the kernel: how to find it, take it down, and see that it is gone.
# shellcheck shell=bash

NAMESPACE_PATTERN='^novar?-[0-9a-f]{8}-[0-9a-f]{2}$'
DEVICE_PATTERN='^(brq|tap|nvo)[0-9a-f]{8}-[0-9a-f]{2}$'
TABLE_PATTERN='nova[-_]'

# Prints the domains whose files lie in the stack's folder.
stack_domains() {
    local domain
    command -v virsh >/dev/null && timeout 10 virsh -q -c qemu:///system uri >/dev/null 2>&1 || return 0
    for domain in $(virsh -q -c qemu:///system list --all --uuid); do
        virsh -q -c qemu:///system dumpxml "$domain" 2>/dev/null | grep -qF "$STATE/" && echo "$domain"
    done
    return 0
}

stack_namespaces() {
    ip netns list | cut -d' ' -f1 | grep -E "$NAMESPACE_PATTERN" || true
}

stack_devices() {
    local path
    for path in /sys/class/net/*; do
        basename "$path"
    done | grep -E "$DEVICE_PATTERN" || true
}

stack_tables() {
    ! command -v nft >/dev/null || nft list tables | grep -E "$TABLE_PATTERN" | sed 's/^table //' || true
}

destroy_guests() {
    local domain
    for domain in $(stack_domains); do
        virsh -q -c qemu:///system destroy "$domain" >/dev/null 2>&1 || true
        virsh -q -c qemu:///system undefine --nvram --managed-save "$domain" >/dev/null 2>&1 || true
        note "guest $domain"
    done
}

# Processes in a namespace (DHCP, metadata) keep it alive.
remove_namespace() {
    local pids
    pids=$(ip netns pids "$1")
    # shellcheck disable=SC2086 # several
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    ip netns delete "$1"
    note "namespace $1"
}

# The network service knows best what it wired; what is left of a broken one goes by its names.
remove_networks() {
    local name
    [ ! -x "$STACK_VENV/bin/python" ] || "$STACK_VENV/bin/python" - <<'EOF' ||
from pathlib import Path

from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.wiring.agent import teardown_all

run_path: Path = NetworkSettings().run_path
run_path.mkdir(parents=True, exist_ok=True)
teardown_all(run_path)
EOF
        note "the network service's own teardown failed; going by names"
    for name in $(stack_namespaces); do
        remove_namespace "$name"
    done
    for name in $(stack_devices); do
        # The other end of a cable goes with it.
        ip link delete "$name" 2>/dev/null || continue
        note "device $name"
    done
    stack_tables | while read -r name; do
        # shellcheck disable=SC2086 # family and name
        nft delete table $name
        note "firewall table $name"
    done
}

# Prints the processes whose command line names the stack's folder.
stack_processes() {
    local path pid
    for path in /proc/[0-9]*/cmdline; do
        pid=${path#/proc/}
        pid=${pid%/cmdline}
        case $pid in "$$" | "$BASHPID") continue ;; esac
        tr '\0' ' ' <"$path" 2>/dev/null | grep -qF "$STACK_DATA/" && echo "$pid"
    done
    return 0
}

report_leftovers() {
    local kind left
    for kind in domains namespaces devices tables processes; do
        left=$("stack_$kind" | sed -z 's/\n\(.\)/, \1/g')
        [ -z "$left" ] || die "$kind are left: $left"
        note "no $kind are left"
    done
}
