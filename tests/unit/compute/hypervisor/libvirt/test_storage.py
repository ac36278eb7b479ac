from __future__ import annotations

import concurrent.futures
import dataclasses
import errno
import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from nova_clone.compute.hypervisor.libvirt.settings import StorageSettings
from nova_clone.compute.hypervisor.libvirt.storage import record
from nova_clone.compute.hypervisor.libvirt.storage.disks import Disks
from nova_clone.compute.hypervisor.libvirt.storage.files import takes_direct_io
from nova_clone.compute.hypervisor.libvirt.storage.inspection import inspect
from nova_clone.compute.hypervisor.libvirt.storage.record import Disk
from nova_clone.compute.hypervisor.port import GuestSpec
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.errors import ExternalFailure, Invalid, NotFound, TryElsewhere
from nova_clone.domain.image import Image

from . import images
from .guests import VOLUME, a_server, with_flavor
from .programs import Programs

BASE = hashlib.sha1(b"img-1").hexdigest()


class Store:
    """A host's disks, with an image service that has one image."""

    def __init__(self, path: Path, content: bytes = b"", **settings: Any) -> None:
        self.path = path / "instances"
        self.disks = Disks(self.path, StorageSettings(**settings))
        self.content = content
        self.fetched = 0

    def fetch(self, image_id: str, path: Path) -> None:
        self.fetched += 1
        path.write_bytes(self.content)

    def prepare(self, declared: str | None = "qcow2", **server: Any) -> tuple[Disk, ...]:
        spec = GuestSpec(server=a_server(**server), image=Image(id="img-1", disk_format=declared))
        self.disks.prepare(spec, self.fetch)
        found = self.disks.load(spec.server)
        assert found is not None
        return found

    @property
    def cached(self) -> list[str]:
        return sorted(path.name for path in (self.path / "_base").iterdir())

    @property
    def directory(self) -> Path:
        return self.disks.directory(a_server())


def small(gigabytes: int = 1) -> dict[str, Any]:
    return {"flavor": with_flavor(disk=gigabytes).flavor}


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("qcow2", images.qcow2(backing=b"/etc/passwd")),
        ("qcow2", images.qcow2(backing=b'json:{"driver": "file"}')),
        ("qcow2", images.qcow2(features=images.DATA_FILE)),
        ("qcow2", images.qcow2(features=images.UNKNOWN)),
        ("qcow2", images.qcow2(size=1024**5)),
        ("qcow2", images.VMDK),
        ("qcow2", images.raw()),
        ("qcow2", b""),
        ("raw", images.qcow2(backing=b"/etc/passwd")),
        ("raw", images.qcow2()),
        ("raw", images.VMDK),
        ("raw", images.disc()),
        ("iso", images.raw()),
        ("vmdk", images.VMDK),
        ("vhd", images.raw()),
        ("ploop", images.raw()),
        ("", images.raw()),
        (None, images.raw()),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_image_that_could_do_harm_is_refused_unopened(
    tmp_path: Path, programs: Programs, declared: str | None, content: bytes
) -> None:
    store = Store(tmp_path, content)
    with pytest.raises(Invalid):
        store.prepare(declared, **small())
    assert programs.calls == []
    assert store.cached == []
    assert store.disks.load(a_server()) is None


def test_a_raw_image_has_to_fit_too(tmp_path: Path, programs: Programs) -> None:
    def sparse(image_id: str, path: Path) -> None:
        with path.open("wb") as out:
            out.truncate(images.GIB + 1)

    store = Store(tmp_path)
    image = Image(id="img-1", disk_format="raw")
    with pytest.raises(Invalid):
        store.disks.prepare(GuestSpec(server=a_server(**small()), image=image), sparse)
    assert store.cached == []


def test_an_image_that_is_too_large_is_not_even_fetched(tmp_path: Path) -> None:
    store = Store(tmp_path)
    image = Image(id="img-1", disk_format="qcow2", size=2 * images.GIB)
    with pytest.raises(Invalid):
        store.disks.prepare(GuestSpec(server=a_server(**small()), image=image), store.fetch)
    assert store.fetched == 0


def test_an_image_becomes_raw_in_the_cache_and_disks_lie_over_it(
    tmp_path: Path, programs: Programs
) -> None:
    store = Store(tmp_path, images.qcow2())
    [disk] = store.prepare()
    assert disk == Disk(file="disk", format="qcow2", size=10 * images.GIB, base=BASE)
    convert, create = programs.calls
    base, made = store.path / "_base" / BASE, store.directory / "disk"
    assert convert == f"qemu-img convert -q -f qcow2 -O raw {base}.part {base}.new"
    assert create == f"qemu-img create -q -f qcow2 -b {base} -F raw {made}.new {10 * images.GIB}"
    assert store.cached == [BASE]
    assert base.stat().st_mode & 0o777 == 0o644


def test_an_image_is_fetched_once_for_all_servers(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    store.prepare("raw")
    store.prepare("raw", id="00000000-0000-4000-8000-000000000002")
    assert store.fetched == 1
    assert [call.split()[1] for call in programs.calls] == ["create", "create"]


def test_servers_that_come_together_share_one_download(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    both = threading.Barrier(2)

    def build(number: int) -> None:
        both.wait()
        store.prepare("raw", id=f"00000000-0000-4000-8000-00000000000{number}")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(build, (1, 2)))
    assert store.fetched == 1


def test_a_cached_image_must_fit_the_flavor_too(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.qcow2(size=3 * images.GIB), force_raw_images=False)
    store.prepare()
    with pytest.raises(Invalid):
        store.prepare(id="00000000-0000-4000-8000-000000000002", **small())


def test_images_may_keep_their_format(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.qcow2(), force_raw_images=False)
    store.prepare()
    assert store.cached == [f"{BASE}.qcow2"]
    [create] = programs.calls
    assert f"-b {store.path / '_base' / BASE}.qcow2 -F qcow2" in create


def test_a_flavor_without_a_disk_takes_the_size_of_the_image(
    tmp_path: Path, programs: Programs
) -> None:
    store = Store(tmp_path, images.raw(megabytes=3))
    [disk] = store.prepare("raw", **small(0))
    assert disk.size == 3 * 1024**2


def test_an_image_larger_than_the_file_system_may_fit_elsewhere(
    tmp_path: Path, programs: Programs
) -> None:
    store = Store(tmp_path, images.qcow2(size=1024**6))
    with pytest.raises(TryElsewhere):
        store.prepare(**small(0))
    assert programs.calls == []


def test_disks_may_be_plain_copies(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, b"content".ljust(1024**2, b"\0"), images_type="raw")
    [disk] = store.prepare("raw", **small())
    assert disk.format == "raw"
    made = store.directory / "disk"
    assert made.stat().st_size == images.GIB
    with made.open("rb") as written:
        assert written.read(7) == b"content"
    assert store.disks.promised() > images.GIB - 1024**2


def test_room_can_be_taken_in_advance(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw(), preallocate=True)
    store.prepare("raw", **small())
    assert programs.calls[-1].startswith(f"fallocate -n -l {images.GIB} ")


def test_a_disc_is_attached_as_one(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.disc())
    [disk] = store.prepare("iso")
    assert disk.device == "cdrom"
    assert store.disks.load(a_server()) == (disk,)


def test_blank_disks_and_swap_are_made_from_templates(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    flavor = with_flavor(ephemeral=2, swap=64).flavor
    _root, ephemeral, swap = store.prepare("raw", flavor=flavor)
    assert (ephemeral.file, ephemeral.size) == ("disk.eph0", 2 * images.GIB)
    assert (swap.file, swap.size) == ("disk.swap", 64 * 1024**2)
    assert [call for call in programs.calls if call.startswith("mk")] == [
        f"mkfs.ext4 -q -F -L ephemeral0 {store.path}/_base/ephemeral0_2_ext4.new",
        f"mkswap {store.path}/_base/swap_64.new",
    ]
    store.prepare("raw", flavor=flavor, id="00000000-0000-4000-8000-000000000002")
    assert len([call for call in programs.calls if call.startswith("mk")]) == 2


def test_several_blank_disks_may_be_asked_for(tmp_path: Path, programs: Programs) -> None:
    blanks = tuple(
        BlockDevice(id=f"b{size}", source="blank", size=size, guest_format="ext4")
        for size in (1, 2)
    )
    made = Store(tmp_path, images.raw()).prepare("raw", block_devices=blanks)
    assert [disk.size for disk in made[1:]] == [images.GIB, 2 * images.GIB]


def test_a_blank_disk_with_a_strange_file_system_is_refused(
    tmp_path: Path, programs: Programs
) -> None:
    blank = BlockDevice(id="b1", source="blank", size=1, guest_format="; rm -rf /")
    with pytest.raises(Invalid):
        Store(tmp_path, images.raw()).prepare("raw", block_devices=(blank,))
    assert not any("rm -rf" in call for call in programs.calls)


def test_volumes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        Store(tmp_path).prepare(block_devices=(VOLUME,))


def test_a_server_without_an_image_has_no_disks(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.disks.prepare(GuestSpec(server=a_server(), image=None), store.fetch)
    assert store.disks.load(a_server()) == ()


def test_own_kernels_lie_beside_the_disks(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    store.prepare("ami", kernel_id="k1", ramdisk_id="r1")
    assert {"disk", "kernel", "ramdisk"} <= {path.name for path in store.directory.iterdir()}


def test_a_kernel_may_look_like_a_disk(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.boot_sector())
    with pytest.raises(Invalid):
        store.prepare("raw")
    found = inspect(_written(tmp_path / "kernel", images.boot_sector()), "aki")
    assert found.format == "raw"


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_preparing_again_changes_nothing(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    assert store.prepare("raw") == store.prepare("raw")
    assert len(programs.calls) == 1


def test_a_lost_disk_is_made_again(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    store.prepare("raw")
    (store.directory / "disk").unlink()
    assert store.disks.load(a_server()) is None
    store.prepare("raw")
    assert (store.directory / "disk").exists()


def test_a_full_disk_sends_the_server_elsewhere(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def full(image_id: str, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    spec = GuestSpec(server=a_server(), image=Image(id="img-1", disk_format="raw"))
    with pytest.raises(TryElsewhere):
        store.disks.prepare(spec, full)
    assert store.cached == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("qemu-img: error while writing: No space left on device", TryElsewhere),
        ("qemu-img: Could not open: Image is corrupt", Invalid),
    ],
)
def test_a_failed_conversion_leaves_nothing(
    tmp_path: Path, programs: Programs, words: str, expected: type[Exception]
) -> None:
    programs.fail("qemu-img", words)
    store = Store(tmp_path, images.qcow2())
    with pytest.raises(expected):
        store.prepare()
    assert store.cached == []


def test_a_disk_that_cannot_be_made_is_no_fault_of_the_image(
    tmp_path: Path, programs: Programs
) -> None:
    programs.fail("qemu-img", "qemu-img: out of luck")
    store = Store(tmp_path, images.raw())
    with pytest.raises(ExternalFailure):
        store.prepare("raw")
    assert not (store.directory / "disk").exists()
    assert not (store.directory / "disk.new").exists()


def test_an_image_service_that_fails_is_heard(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def gone(image_id: str, path: Path) -> None:
        raise NotFound("no such image")

    spec = GuestSpec(server=a_server(), image=Image(id="img-1", disk_format="raw"))
    with pytest.raises(NotFound):
        store.disks.prepare(spec, gone)


def test_disks_can_be_removed_twice(tmp_path: Path, programs: Programs) -> None:
    store = Store(tmp_path, images.raw())
    store.prepare("raw")
    store.disks.delete(a_server())
    assert not store.directory.exists()
    store.disks.delete(a_server())


def test_a_server_id_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(Invalid):
        store.disks.delete(a_server(id="../.."))


def test_a_broken_record_is_an_error(tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text("[{}]")
    with pytest.raises(ExternalFailure):
        record.load(tmp_path)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    disk = Disk(file="disk", format="raw", size=5, role="swap", device="cdrom", base="x")
    record.save(tmp_path, [disk, dataclasses.replace(disk, file="other")])
    assert record.load(tmp_path) == (disk, dataclasses.replace(disk, file="other"))


def test_a_look_at_the_file_system_leaves_nothing(tmp_path: Path) -> None:
    assert takes_direct_io(tmp_path) in (True, False)
    assert list(tmp_path.iterdir()) == []
