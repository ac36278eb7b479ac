"""Bodies that write allocations, in all their versions, raised to the newest shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from nova_clone.domain.errors import Invalid
from nova_clone.domain.resources import Allocation
from nova_clone.placement.settings import PlacementSettings
from nova_clone.placement.snapshot import Snapshot
from nova_clone.placement.web.forms import (
    AMOUNT,
    GENERATION,
    OWNER,
    RESOURCE_CLASS,
    UUID,
    Form,
)
from nova_clone.placement.web.history import SCHEME, since
from nova_clone.placement.web.resource import canonical
from nova_clone.web.call import Request
from nova_clone.web.requests import Array, Field, Object
from nova_clone.web.schemas import FORMATS, integer, nullable, string

_UUID_KEY: Final = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_SUFFIX_KEY: Final = "^[a-zA-Z0-9_-]{0,64}$"
_RESOURCES: Final = Object(patterns={RESOURCE_CLASS: AMOUNT}, min_keys=1)
_SHARE: Final = Object(
    Field("resources", _RESOURCES, required=True), Field("generation", integer())
).at(SCHEME.supported.max)
_BY_PROVIDER: Final = {_UUID_KEY: _SHARE}
_LISTED: Final = Array(
    Object(
        Field("resource_provider", Object(Field("uuid", UUID, required=True)), required=True),
        Field("resources", _RESOURCES, required=True),
    ),
    min_items=1,
)
_MAPPINGS: Final = Object(
    patterns={_SUFFIX_KEY: Array(UUID, min_items=1).at(SCHEME.supported.max)}, min_keys=1
)
_FIELDS: Final = (
    Field("project_id", OWNER, required=True, since="1.8"),
    Field("user_id", OWNER, required=True, since="1.8"),
    Field("consumer_generation", nullable(GENERATION), required=True, since="1.28"),
    Field("mappings", _MAPPINGS, since="1.34"),
    Field("consumer_type", string(1, 255, pattern=RESOURCE_CLASS), required=True, since="1.38"),
)
PUT: Final = Form(
    Object(
        Field("allocations", _LISTED, required=True, until="1.11"),
        Field(
            "allocations",
            Object(patterns=_BY_PROVIDER, min_keys=1),
            required=True,
            since="1.12",
            until="1.27",
        ),
        Field("allocations", Object(patterns=_BY_PROVIDER), required=True, since="1.28"),
        *_FIELDS,
    )
)
#: What ``POST /allocations`` and the reshaper take: consumer → as in PUT, or nothing held.
BY_CONSUMER: Final = Object(
    free=Object(Field("allocations", Object(patterns=_BY_PROVIDER), required=True), *_FIELDS)
)
POST: Final = Form(
    Object(
        free=Object(Field("allocations", Object(patterns=_BY_PROVIDER), required=True), *_FIELDS),
        min_keys=1,
    )
)
GENERATIONS: Final = since("1.28")


def allocation_of(
    consumer_id: str, body: Mapping[str, Any], settings: PlacementSettings
) -> Allocation:
    """Return what a body says that a consumer shall hold; raises `Invalid`."""
    return Allocation(
        consumer_id=consumer_id,
        resources=_holdings(body["allocations"]),
        project_id=body.get("project_id", settings.incomplete_project),
        user_id=body.get("user_id", settings.incomplete_user),
        consumer_type=body.get("consumer_type"),
        consumer_generation=body.get("consumer_generation"),
    )


def _holdings(allocations: Any) -> dict[str, dict[str, int]]:
    if isinstance(allocations, dict):
        shares = ((key, share["resources"]) for key, share in allocations.items())
    else:
        shares = ((one["resource_provider"]["uuid"], one["resources"]) for one in allocations)
    found: dict[str, dict[str, int]] = {}
    for provider_id, resources in shares:
        found.setdefault(canonical(provider_id), {}).update(resources)
    return found


def several(
    bodies: Mapping[str, Mapping[str, Any]], settings: PlacementSettings
) -> tuple[Allocation, ...]:
    """Return what several consumers shall hold; raises `Invalid`."""
    for consumer_id in bodies:
        _check_consumer(consumer_id)
    return tuple(
        allocation_of(canonical(consumer_id), body, settings)
        for consumer_id, body in bodies.items()
    )


def _check_consumer(consumer_id: str) -> None:
    """Raise `Invalid` for a consumer that is named by no UUID."""
    if not FORMATS["uuid"](consumer_id):
        raise Invalid(
            f"JSON does not validate: '{consumer_id[:80]}' does not match any of the regexes: "
            f"'{_UUID_KEY}'"
        )


def check_against(snapshot: Snapshot, allocations: Iterable[Allocation]) -> None:
    """Raise `Invalid` for providers and resource classes that there are not."""
    for allocation in allocations:
        for provider_id, amounts in allocation.resources.items():
            if provider_id not in snapshot.providers:
                raise _impossible(
                    allocation,
                    f"Allocation for resource provider '{provider_id}' that does not exist.",
                )
            for name in amounts:
                if not snapshot.has_class(name):
                    raise _impossible(allocation, f"No such resource class {name[:255]}.")


def _impossible(allocation: Allocation, reason: str) -> Invalid:
    return Invalid(f"Unable to allocate inventory for consumer {allocation.consumer_id}: {reason}")


def checked(req: Request) -> bool:
    """Tell whether writes of this version are refused when a consumer has changed."""
    return GENERATIONS.holds(req.context.version)
