# What a stack leaves in libvirt and in the kernel: how to find it, take it down, and see that it is gone.
# shellcheck shell=bash

# The network service's firewall; one machine has one such service that wires.
TABLES=(nova_ports nova_tracking)

# Like grep -qF, but reads to the end: what writes to it must not die of a closed pipe, which pipefail would count.
holds() {
    grep -F -- "$1" >/dev/null
}

# Prints the domains whose files lie in the stack's folder.
stack_domains() {
    local domain
    command -v virsh >/dev/null && timeout 60 virsh -q -c qemu:///system uri >/dev/null 2>&1 || return 0
    for domain in $(virsh -q -c qemu:///system list --all --uuid); do
        virsh -q -c qemu:///system dumpxml "$domain" 2>/dev/null | holds "$STATE/" && echo "$domain"
    done
    return 0
}

# Prints the names that this stack may have wired. $1 = namespace or device
wired() {
    [ -x "$STACK_VENV/bin/python" ] || return 0
    "$STACK_VENV/bin/python" "$DEVSTACK/lib/wired.py" "$STATE/standalone/network.sqlite" "$STATE/network" |
        sed -n "s/^$1 //p"
}

stack_namespaces() {
    local name
    for name in $(wired namespace); do
        [ ! -e "/run/netns/$name" ] || echo "$name"
    done
}

stack_devices() {
    local name
    for name in $(wired device); do
        [ ! -e "/sys/class/net/$name" ] || echo "$name"
    done
}

stack_tables() {
    local name
    [ -d "$STATE/network" ] && command -v nft >/dev/null || return 0
    for name in "${TABLES[@]}"; do
        nft list tables | sed -n "s/^table \([a-z]* $name\)$/\1/p"
    done
}

destroy_guests() {
    local domain
    for domain in $(stack_domains); do
        # One that is off already cannot be destroyed.
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

remove_networks() {
    local name
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
    [ ! -e "$STATE/network/forwarding-was-off" ] || echo 0 >/proc/sys/net/ipv4/ip_forward
    rm -f "$STATE/network/forwarding-was-off"
}

# Prints the processes whose command line names the stack's folder.
stack_processes() {
    local path pid
    for path in /proc/[0-9]*/cmdline; do
        pid=${path#/proc/}
        pid=${pid%/cmdline}
        case $pid in "$$" | "$BASHPID") continue ;; esac
        tr '\0' ' ' <"$path" 2>/dev/null | holds "$STACK_DATA/" && echo "$pid"
    done
    return 0
}

report_leftovers() {
    local kind left deadline=$((SECONDS + 30))
    for kind in domains namespaces devices tables processes; do
        while left=$("stack_$kind" | sed -z 's/\n\(.\)/, \1/g') && [ -n "$left" ]; do
            # What was told to end may take a moment.
            [ "$SECONDS" -lt "$deadline" ] || die "$kind are left: $left"
            sleep 0.2
        done
        note "no $kind are left"
    done
}
