#!/usr/bin/env bash
# Builds a small bootable guest from Debian packages: busybox, dropbear and the QEMU guest agent on the cloud kernel.
#
# usage: build.sh OUT
#   OUT/guest.qcow2   MBR disk: FAT with syslinux and the kernel, ext4 root that grows to its disk
#   OUT/vmlinuz, OUT/initrd.img   the same kernel for images that are booted without a boot loader
# Nothing is built when OUT already holds the result of the same inputs. NOVA_CLONE_CACHE keeps the kernel package.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${NOVA_CLONE_CACHE:-/var/cache/nova_clone}
BOOT_MIB=24
ROOT_MIB=40

ROOT_MODULES=(
    virtio_pci virtio_blk virtio_net virtio_console virtio-rng virtio_balloon virtio_scsi virtio_input
    button evdev isofs vfat nls_cp437 nls_iso8859-1 nls_ascii sr_mod sd_mod ata_piix ahci
    i6300esb e1000 usb-storage uhci-hcd ehci-pci xhci-pci 8021q
)
BOOT_MODULES=(virtio_pci virtio_blk virtio_scsi sd_mod ata_piix ahci usb-storage xhci-pci)

die() {
    echo "build.sh: $*" >&2
    exit 1
}

# Prints the newest kernel's package names: Debian has one with its modules, Ubuntu splits the modules off.
kernel_packages() {
    local image
    image=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        awk '/Depends: linux-image-[0-9]/ {print $2; exit}')
    [ -n "$image" ] || image=$(apt-cache depends linux-image-virtual 2>/dev/null |
        awk '/Depends: linux-image-[0-9]/ {print $2; exit}')
    [ -n "$image" ] || die "no kernel package known to apt: run apt-get update"
    echo "$image"
    case $(apt-cache depends "$image") in
    *linux-modules-*) echo "${image/linux-image/linux-modules}" ;;
    esac
}

# $@ = kernel packages
inputs_key() {
    {
        (cd "$HERE" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
        sha256sum /bin/busybox /usr/sbin/dropbear /usr/bin/dropbearkey /usr/sbin/qemu-ga \
            "$(command -v resize2fs)" "$(command -v sfdisk)" "$(command -v syslinux)"
        apt-cache policy "$@" | grep Candidate
    } | sha256sum | cut -d' ' -f1
}

# Unpacks the kernel packages into the folder $1, downloading each only once.
unpack_kernel() {
    local into=$1 package version archive
    shift
    mkdir -p "$CACHE/packages"
    for package in "$@"; do
        version=$(apt-cache policy "$package" | awk '$1 == "Candidate:" {print $2}')
        archive=$CACHE/packages/${package}_${version//:/%3a}_$(dpkg --print-architecture).deb
        [ -e "$archive" ] || download_package "$package=$version"
        dpkg-deb -x "$archive" "$into"
    done
}

# apt's own sandbox user cannot write everywhere, hence a folder made for it.
download_package() {
    local landing
    landing=$(mktemp -d)
    chmod 755 "$landing"
    (cd "$landing" && apt-get -q=2 -o APT::Sandbox::User=root -o Acquire::Retries=5 download "$1")
    mv "$landing"/*.deb "$CACHE/packages/"
    rmdir "$landing"
}

# Copies the program $1 and the shared libraries it needs into the tree $2, at the path $3.
install_program() {
    local program=$1 tree=$2 path=$3 library
    mkdir -p "$tree$(dirname "$path")"
    cp -L "$program" "$tree$path"
    strip_if_possible --strip-unneeded "$tree$path"
    while read -r library; do
        mkdir -p "$tree$(dirname "$library")"
        [ -e "$tree$library" ] || cp -L "$library" "$tree$library"
    done < <(ldd "$program" 2>/dev/null | awk '/=> \// {print $3} /^\t\// {print $1}')
}

# Smaller files boot faster; binutils is a luxury.
strip_if_possible() {
    ! command -v strip >/dev/null || strip "$@" 2>/dev/null || true
}

install_module() {
    local source=$1 target=$2
    case $source in
    *.ko.xz) xz -dc "$source" >"${target%.xz}" && target=${target%.xz} ;;
    *.ko.zst) zstd -qdc "$source" >"${target%.zst}" && target=${target%.zst} ;;
    *) cp "$source" "$target" ;;
    esac
    strip_if_possible -g "$target"
}

# Copies kernel modules and what they depend on. $1 = unpacked kernel, $2 = release, $3 = tree, $4... = modules
install_modules() {
    local kernel=$1 release=$2 tree=$3 module file relative index
    shift 3
    for module in "$@"; do
        modprobe -d "$kernel" -S "$release" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" {print $2}' || true
    done | sort -u | while read -r file; do
        relative=lib/modules/${file#*/lib/modules/}
        mkdir -p "$tree/$(dirname "$relative")"
        install_module "$file" "$tree/$relative"
    done
    for index in modules.builtin modules.order modules.builtin.modinfo; do
        [ ! -e "$kernel/lib/modules/$release/$index" ] ||
            install -D -m 644 "$kernel/lib/modules/$release/$index" "$tree/lib/modules/$release/$index"
    done
    depmod -b "$tree" "$release"
}

install_busybox() {
    local tree=$1 applet
    install_program /bin/busybox "$tree" /bin/busybox
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$tree/bin/$applet"
    done
}

write_accounts() {
    local etc=$1/etc
    mkdir -p "$etc"
    # For the console of a throw-away guest: root, gocubsgo. ssh takes keys only.
    echo "root:$(openssl passwd -6 -salt nova gocubsgo):0:0:root:/root:/bin/sh" >"$etc/passwd"
    echo 'root:x:0:' >"$etc/group"
    echo 'guest' >"$etc/hostname"
    echo '127.0.0.1 localhost' >"$etc/hosts"
    echo '/bin/sh' >"$etc/shells"
    printf '%s\n' 'Nova guest \n on \l' >"$etc/issue"
}

# $1 = unpacked kernel, $2 = release, $3 = tree
make_root() {
    local kernel=$1 release=$2 tree=$3 path
    mkdir -p "$tree"/{dev,proc,sys,run,tmp,mnt,root,sbin,usr/bin,usr/sbin,etc/dropbear,var/lib/cloud,var/log}
    ln -s ../run "$tree/var/run"
    install_busybox "$tree"
    for path in init getty reboot uevent; do
        ln -sf ../bin/busybox "$tree/sbin/$path"
    done
    for path in dropbear qemu-ga; do
        install_program "/usr/sbin/$path" "$tree" "/usr/sbin/$path"
    done
    install_program /usr/bin/dropbearkey "$tree" /usr/bin/dropbearkey
    cp -a "$HERE/rootfs/." "$tree/"
    chown -R 0:0 "$tree"
    chmod 755 "$tree"/etc/init.d/* "$tree"/etc/acpi/PWRF/* "$tree"/usr/share/udhcpc/* "$tree"/usr/lib/cloud/hotplug
    chmod 1777 "$tree/tmp"
    chmod 700 "$tree/root"
    write_accounts "$tree"
    install_modules "$kernel" "$release" "$tree" "${ROOT_MODULES[@]}"
}

# $1 = unpacked kernel, $2 = release, $3 = tree, $4 = the archive to write
make_initrd() {
    local kernel=$1 release=$2 tree=$3 archive=$4 program
    mkdir -p "$tree"/{bin,dev,proc,sys,root}
    install_program /bin/busybox "$tree" /bin/busybox
    ln -s busybox "$tree/bin/sh"
    for program in resize2fs sfdisk; do
        install_program "$(command -v "$program")" "$tree" "/bin/$program"
    done
    install -m 755 "$HERE/initramfs/init" "$tree/init"
    install_modules "$kernel" "$release" "$tree" "${BOOT_MODULES[@]}"
    (cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -6) >"$archive"
}

# $1 = folder that holds vmlinuz and initrd.img, $2 = file to write
make_boot_partition() {
    local from=$1 image=$2
    export MTOOLS_SKIP_CHECK=1
    mkfs.vfat -n BOOT -C "$image" $((BOOT_MIB * 1024)) >/dev/null
    mcopy -i "$image" "$from/vmlinuz" "$from/initrd.img" "$HERE/boot/syslinux.cfg" ::/
    syslinux --install "$image"
    # syslinux finds its sectors through the partition's start (2048), which the FAT header must name.
    printf '\x00\x08\x00\x00' | dd of="$image" bs=1 seek=28 conv=notrunc status=none
}

# $1 = boot partition, $2 = root tree, $3 = raw disk to write
make_disk() {
    local boot=$1 tree=$2 disk=$3 root_image=$3.root
    mke2fs -q -t ext4 -O '^has_journal,^metadata_csum' -E lazy_itable_init=1 -L guest-root -m 0 \
        -d "$tree" "$root_image" "${ROOT_MIB}M" >/dev/null
    truncate -s $((1 + BOOT_MIB + ROOT_MIB))M "$disk"
    printf 'label: dos\nstart=2048, size=%d, type=e, bootable\nstart=%d, size=%d, type=83\n' \
        $((BOOT_MIB * 2048)) $((2048 + BOOT_MIB * 2048)) $((ROOT_MIB * 2048)) | sfdisk -q "$disk"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc bs=440 count=1 status=none
    dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
    dd if="$root_image" of="$disk" bs=1M seek=$((1 + BOOT_MIB)) conv=notrunc,sparse status=none
}

# $1 = work folder, $2... = kernel packages
build() {
    local work=$1 release
    shift
    unpack_kernel "$work/kernel" "$@"
    release=$(basename "$work"/kernel/lib/modules/*)
    depmod -b "$work/kernel" "$release"
    cp "$work/kernel/boot/vmlinuz-$release" "$work/vmlinuz"
    make_root "$work/kernel" "$release" "$work/root"
    make_initrd "$work/kernel" "$release" "$work/initrd" "$work/initrd.img"
    make_boot_partition "$work" "$work/boot.img"
    make_disk "$work/boot.img" "$work/root" "$work/disk.raw"
    qemu-img convert -q -c -O qcow2 "$work/disk.raw" "$work/guest.qcow2"
}

main() {
    [ $# -eq 1 ] || die "usage: build.sh OUT"
    [ "$(id -u)" -eq 0 ] || die "must be root: the guest's files belong to root"
    PATH=$PATH:/usr/sbin:/sbin
    local out=$1 key kernel
    local -a kernels
    kernel=$(kernel_packages)
    mapfile -t kernels <<<"$kernel"
    key=$(inputs_key "${kernels[@]}")
    if [ "$(cat "$out/key" 2>/dev/null)" = "$key" ]; then
        echo "$out/guest.qcow2 is up to date"
        return
    fi
    mkdir -p "$out"
    work=$(mktemp -d "$out/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    build "$work" "${kernels[@]}"
    rm -f "$out/key"
    mv -f "$work/vmlinuz" "$work/initrd.img" "$work/guest.qcow2" "$out/"
    chmod 644 "$out"/{vmlinuz,initrd.img,guest.qcow2}
    echo "$key" >"$out/key"
    echo "$out/guest.qcow2: $(du -h --apparent-size "$out/guest.qcow2" | cut -f1)"
}

main "$@"
