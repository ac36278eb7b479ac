from __future__ import annotations

import threading
from typing import Any

import libvirt
import pytest

from nova_clone.compute.hypervisor.libvirt.calls import Calls
from nova_clone.compute.hypervisor.libvirt.connection import is_remote
from nova_clone.compute.hypervisor.libvirt.native import here, wrapped
from nova_clone.compute.hypervisor.libvirt.translation import translated
from nova_clone.domain.errors import (
    Conflict,
    ExternalFailure,
    NotFound,
    NovaError,
    TimedOut,
    TryElsewhere,
    Unavailable,
)

PATIENCE = 60.0


def test_a_call_returns_what_it_finds() -> None:
    calls = Calls()
    assert calls.run(lambda: 42, timeout=PATIENCE) == 42
    calls.close()


def test_a_call_raises_what_it_meets() -> None:
    def broken() -> None:
        raise NotFound("nothing here")

    with pytest.raises(NotFound, match="nothing here"):
        Calls().run(broken, timeout=PATIENCE)


def test_a_call_that_hangs_is_given_up_and_others_go_on() -> None:
    calls, release = Calls(threads=2), threading.Event()
    with pytest.raises(TimedOut):
        calls.run(release.wait, timeout=0.01)
    assert calls.run(lambda: "fine", timeout=PATIENCE) == "fine"
    release.set()


def test_a_call_that_was_given_up_before_it_began_is_never_made() -> None:
    calls, begun, release, made = Calls(threads=1), threading.Event(), threading.Event(), []

    def hang() -> None:
        begun.set()
        release.wait()

    hanging = threading.Thread(target=calls.run, args=(hang,), kwargs={"timeout": PATIENCE})
    hanging.start()
    assert begun.wait(PATIENCE)
    with pytest.raises(TimedOut):
        calls.run(lambda: made.append("late"), timeout=0.01)
    release.set()
    hanging.join()
    assert calls.run(lambda: "last", timeout=PATIENCE) == "last"
    assert made == []


def test_calls_do_not_wait_for_each_other() -> None:
    calls, both = Calls(), threading.Barrier(2)
    threads = [
        threading.Thread(target=calls.run, args=(both.wait,), kwargs={"timeout": PATIENCE})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not both.broken


def test_threads_are_used_again() -> None:
    calls = Calls()
    names = {calls.run(lambda: threading.current_thread().name, timeout=PATIENCE)}
    for _ in range(20):
        names.add(calls.run(lambda: threading.current_thread().name, timeout=PATIENCE))
    assert len(names) <= 2


def an_error(code: int, *, domain: int = 0, message: str = "no luck", number: int = 0) -> Any:
    error = libvirt.libvirtError("it failed")
    error.err = (code, domain, message, 2, None, None, None, number, 0)
    return error


@pytest.mark.parametrize(
    ("code", "fields", "expected"),
    [
        (libvirt.VIR_ERR_NO_DOMAIN, {}, NotFound),
        (libvirt.VIR_ERR_OPERATION_INVALID, {}, Conflict),
        (libvirt.VIR_ERR_OPERATION_TIMEOUT, {}, TimedOut),
        (libvirt.VIR_ERR_CONFIG_UNSUPPORTED, {}, TryElsewhere),
        (libvirt.VIR_ERR_SYSTEM_ERROR, {"domain": libvirt.VIR_FROM_RPC}, Unavailable),
        (libvirt.VIR_ERR_SYSTEM_ERROR, {"number": 16}, Unavailable),
        (libvirt.VIR_ERR_SYSTEM_ERROR, {}, ExternalFailure),
        (
            libvirt.VIR_ERR_INTERNAL_ERROR,
            {"message": "cannot write: No space left on device"},
            TryElsewhere,
        ),
        (libvirt.VIR_ERR_INTERNAL_ERROR, {}, ExternalFailure),
    ],
)
def test_errors_of_libvirt_get_a_meaning(
    code: int, fields: dict[str, Any], expected: type[NovaError]
) -> None:
    assert type(translated(an_error(code, **fields), connected=True)) is expected


def test_without_a_connection_every_error_means_that_nobody_was_there() -> None:
    error = translated(an_error(libvirt.VIR_ERR_NO_DOMAIN), connected=False)
    assert type(error) is Unavailable


def test_objects_of_libvirt_may_be_called_elsewhere() -> None:
    made: list[str] = []

    def elsewhere(function: Any) -> Any:
        made.append("called")
        return function()

    connection = wrapped(libvirt.open("test:///default"), elsewhere)
    [domain] = connection.listAllDomains()
    assert domain.name() == "test"
    [(same, _values)] = wrapped(
        [(libvirt.open("test:///default").lookupByName("test"), {})], elsewhere
    )
    assert same.isActive()
    assert len(made) == 3


def test_or_where_they_are() -> None:
    connection = libvirt.open("test:///default")
    assert wrapped(connection, here) is connection


@pytest.mark.parametrize(
    ("uri", "remote"),
    [
        ("qemu:///system", False),
        ("qemu+unix:///system?socket=/run/other", False),
        ("qemu+tcp://192.0.2.1/system", True),
        ("qemu+tls://host/system", True),
    ],
)
def test_only_remote_peers_are_asked_whether_they_live(uri: str, *, remote: bool) -> None:
    assert is_remote(uri) is remote
