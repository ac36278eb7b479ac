"""Flavors as every version shows them."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from nova_clone.api.flavor_extra_specs.policy import INDEX as SEE_EXTRA_SPECS
from nova_clone.api.links import links_below
from nova_clone.domain.flavor import Flavor
from nova_clone.web.call import Call
from nova_clone.web.rows import Fields, Row, Rows
from nova_clone.web.versions import between


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FlavorView:
    """Where the links of flavors begin."""

    link_root: str
    bookmark_root: str


def _links(flavor: Flavor, view: FlavorView) -> Any:
    return links_below(view.link_root, view.bookmark_root, f"flavors/{flavor.id}")


_FR = Row[Flavor, FlavorView]
_DESCRIPTION: Final = _FR("description", lambda flavor, _: flavor.description, between("2.55"))

BRIEF: Final = Rows[Flavor, FlavorView](
    _FR("id", lambda flavor, _: flavor.id),
    _FR("name", lambda flavor, _: flavor.name),
    _FR("links", _links),
    _DESCRIPTION,
)

FLAVOR: Final = Rows[Flavor, FlavorView](
    *BRIEF,
    _FR("ram", lambda flavor, _: flavor.ram),
    _FR("disk", lambda flavor, _: flavor.disk),
    _FR("vcpus", lambda flavor, _: flavor.vcpus),
    _FR("swap", lambda flavor, _: flavor.swap or "", between(until="2.74")),
    _FR("swap", lambda flavor, _: flavor.swap, between("2.75")),
    _FR("OS-FLV-EXT-DATA:ephemeral", lambda flavor, _: flavor.ephemeral),
    _FR("OS-FLV-DISABLED:disabled", lambda flavor, _: flavor.disabled, between(until="2.101")),
    _FR("os-flavor-access:is_public", lambda flavor, _: flavor.public),
    _FR("rxtx_factor", lambda flavor, _: flavor.rxtx_factor, between(until="2.101")),
    _FR(
        "extra_specs",
        lambda flavor, _: flavor.extra_specs,
        between("2.61"),
        policy=SEE_EXTRA_SPECS,
    ),
)


class Rendering:
    """Shows flavors to one caller."""

    def __init__(self, call: Call, table: Rows[Flavor, FlavorView]) -> None:
        visible = call.policy.visible(table.rules)
        self._plan = table.plan(call.version, visible=visible)
        self._view = FlavorView(link_root=call.link_root, bookmark_root=call.bookmark_root)

    def __call__(self, flavor: Flavor) -> Fields:
        """Return the body of one flavor."""
        return self._plan(flavor, self._view)
