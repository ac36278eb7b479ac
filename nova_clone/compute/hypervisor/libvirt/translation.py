"""From libvirt's errors to errors by meaning."""

from __future__ import annotations

import errno

import libvirt

from nova_clone.domain.errors import (
    AlreadyExists,
    Conflict,
    ExternalFailure,
    NotFound,
    NovaError,
    TimedOut,
    TryElsewhere,
    Unavailable,
)

_BY_CODE: dict[int, type[NovaError]] = {
    libvirt.VIR_ERR_NO_DOMAIN: NotFound,
    libvirt.VIR_ERR_DOM_EXIST: AlreadyExists,
    libvirt.VIR_ERR_OPERATION_INVALID: Conflict,
    libvirt.VIR_ERR_OPERATION_TIMEOUT: TimedOut,
    libvirt.VIR_ERR_RPC: Unavailable,
    libvirt.VIR_ERR_NO_CONNECT: Unavailable,
    libvirt.VIR_ERR_INVALID_CONN: Unavailable,
    libvirt.VIR_ERR_AUTH_FAILED: Unavailable,
    libvirt.VIR_ERR_AUTH_UNAVAILABLE: Unavailable,
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED: TryElsewhere,
    libvirt.VIR_ERR_NO_SUPPORT: TryElsewhere,
}
#: Parts of libvirt whose errors mean that nobody was reached.
_TRANSPORT = frozenset({libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE})


def translated(error: libvirt.libvirtError, *, connected: bool) -> NovaError:
    """Return the error to raise instead; `connected` tells whether there is a connection."""
    message = f"libvirt: {error.get_error_message() or error}"
    code = error.get_error_code()
    if not connected or error.get_error_domain() in _TRANSPORT:
        return Unavailable(message)
    if code == libvirt.VIR_ERR_SYSTEM_ERROR and error.get_int1() == errno.EBUSY:
        # A process that does not end yet, most often because it waits for a disk.
        return Unavailable(message)
    if "No space left on device" in message:
        return TryElsewhere(message)
    return _BY_CODE.get(code, ExternalFailure)(message)


def is_absence(error: libvirt.libvirtError) -> bool:
    """Tell whether the error says that there is no such guest."""
    return bool(error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)


def is_needless(error: libvirt.libvirtError) -> bool:
    """Tell whether the error says that the guest is in the wanted state already, or gone."""
    return error.get_error_code() in (
        libvirt.VIR_ERR_NO_DOMAIN,
        libvirt.VIR_ERR_OPERATION_INVALID,
    )
