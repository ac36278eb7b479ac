"""Features of the guest in which the flavor and the image must agree."""

from __future__ import annotations

from nova_clone.domain.errors import Invalid
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.topology.wishes import Wishes


def wishes_of(spec: RequestSpec) -> Wishes:
    """Return what the flavor and the image of a request say."""
    return Wishes(flavor=spec.flavor, image=spec.image_properties)


def agreed(wishes: Wishes, name: str, *allowed: str) -> str | None:
    """Return ``hw:name`` of the flavor or ``hw_name`` of the image, ``None`` for neither.

    Raises `Invalid` when they differ or say something other than `allowed`.
    """
    return one_of(f"hw:{name}", wishes.of_flavor(name), wishes.of_image(name), allowed=allowed)


def one_of(
    key: str, ours: str | None, theirs: str | None, *, allowed: tuple[str, ...]
) -> str | None:
    """Return what the flavor or the image says about `key`; raises `Invalid`."""
    for value in (ours, theirs):
        if value is not None and value not in allowed:
            raise Invalid(f"{key} must be one of {', '.join(allowed)}, not {value[:40]!r}.")
    if ours is not None and theirs is not None and ours != theirs:
        raise Invalid(f"The flavor asks for {key}={ours}, and the image for {theirs}.")
    return theirs if ours is None else ours
