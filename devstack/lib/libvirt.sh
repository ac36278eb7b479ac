# The machine's libvirt (qemu:///system). With systemd it is the system's own; without, it is started here, and
# ended when the last of its users (a stack, a test run) has gone.
# shellcheck shell=bash

LIBVIRT_DIR=/run/nova_clone/libvirt

has_systemd() {
    [ -d /run/systemd/system ]
}

libvirt_ready() {
    timeout 10 virsh --quiet --connect qemu:///system uri
}

# $1 = name of the user, e.g. stack
libvirt_start() {
    mkdir -p "$LIBVIRT_DIR/users"
    touch "$LIBVIRT_DIR/users/$1"
    libvirt_ready >/dev/null 2>&1 && return
    if has_systemd; then
        systemctl start libvirtd
        return
    fi
    ! libvirtd_starting || return 0
    grant_kvm
    start_process "$LIBVIRT_DIR/virtlogd.pid" /var/log/libvirt/virtlogd.log virtlogd
    start_process "$LIBVIRT_DIR/libvirtd.pid" /var/log/libvirt/libvirtd.log libvirtd
}

# What udev does where it runs. When QEMU's user cannot open a device that root can, libvirt throws away its
# cached capabilities at each look: half a minute for every guest.
grant_kvm() {
    [ -c /dev/kvm ] || return 0
    chgrp kvm /dev/kvm
    chmod g+rw /dev/kvm
}

# Prints kvm where the processor can, else qemu.
virt_type() {
    if [ -c /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
        echo kvm
    else
        echo qemu
    fi
}

# A libvirtd of somebody else that is still starting.
libvirtd_starting() {
    local pid
    pid=$(cat /run/libvirtd.pid 2>/dev/null) || return 1
    [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = libvirtd ]
}

libvirt_wait() {
    wait_until 240 "the start of libvirt" libvirt_ready
}

libvirt_stop() {
    rm -f "$LIBVIRT_DIR/users/$1"
    [ -d "$LIBVIRT_DIR" ] || return 0
    [ -z "$(ls -A "$LIBVIRT_DIR/users")" ] || return 0
    stop_process "$LIBVIRT_DIR/libvirtd.pid" 20
    stop_process "$LIBVIRT_DIR/virtlogd.pid" 10
    rm -rf "$LIBVIRT_DIR"
}
