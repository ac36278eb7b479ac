"""Whether the devices that Placement would give are the ones that a server can have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from nova_clone.contracts.placement import Candidates
from nova_clone.domain.pci.provider import device_providers, on_providers
from nova_clone.domain.placing import Needs, could_place, needs_of
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.scheduler.filters.hardware import aliases, space
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlacedDevices:
    """What a server needs, and the names of the providers that may give it devices."""

    needs: Needs
    names: Mapping[str, str]

    def fit(self, view: HostView, mappings: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether the host could take the server with devices of these providers."""
        found = space(view)
        pci = on_providers(
            self.needs.pci, device_providers(mappings), self.names, node=view.record.node
        )
        # As with the claim, a host that tells of no cells is not asked for any.
        topology = None if found.topology is None else self.needs.topology
        return could_place(found, Needs(topology=topology, pci=pci))


def placed_devices(
    spec: RequestSpec, offer: Candidates, settings: SchedulerSettings
) -> PlacedDevices | None:
    """Return the devices of a request; ``None`` when Placement was asked for none."""
    if not settings.requests.placed_aliases:
        return None
    needs = needs_of(spec.flavor, spec.image_properties, aliases(settings.pci_aliases))
    if not needs.pci:
        return None
    beside = offer.ids[len(offer.summaries) :]
    return PlacedDevices(needs=needs, names=dict(zip(beside, offer.beside, strict=False)))
