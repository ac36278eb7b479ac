"""Ways to place a server of which Placement has chosen the devices."""

from __future__ import annotations

from collections.abc import Mapping

from nova_clone.contracts.placement import Candidate, Candidates, ShapePart
from nova_clone.domain.hardware import Hardware
from nova_clone.domain.pci.device import PciPool
from nova_clone.domain.pci.provider import group_suffix, provider_name
from nova_clone.scheduler import filters, weighers
from nova_clone.scheduler.pipeline import Choosing, Rules
from nova_clone.scheduler.prefilters.base import RequestSettings
from nova_clone.scheduler.settings import SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from tests.unit.scheduler.hosts import host, request
from tests.unit.scheduler.offers import SMALL, by_provider

ALIASES = ('{"name": "gpu", "vendor_id": "10de", "product_id": "20b0"}',)
SETTINGS = SchedulerSettings(
    pci_aliases=ALIASES, requests=RequestSettings(placed_aliases=ALIASES), alternates=9
)
GPU = {"pci_passthrough:alias": "gpu:1"}
GPUS = tuple(f"gpu-{number}" for number in range(8))
POOL = PciPool(vendor_id="10de", product_id="20b0", addresses=GPUS)


def a_host(name: str, *used: str) -> HostView:
    return host(name, hardware=Hardware(pci=(POOL,)), pci_used=used)


def a_choosing(
    views: list[HostView],
    addresses: Mapping[str, tuple[str, ...]],
    extra_specs: Mapping[str, str] = GPU,
    settings: SchedulerSettings = SETTINGS,
) -> Choosing:
    """Every host has a way to each of its addresses, whoever has the device."""
    names: dict[str, str] = {}
    candidates = []
    for view in views:
        for address in addresses[view.host]:
            name = provider_name(view.host, address)
            names[f"rp-{name}"] = name
            providers = (view.summary.id, f"rp-{name}")
            candidates.append(Candidate(root_id=view.summary.id, shape=0, providers=providers))
    parts = (
        ShapePart(resources=SMALL),
        ShapePart(resources={"CUSTOM_PCI_10DE_20B0": 1}, suffixes=(group_suffix(0, 0),)),
    )
    offer = Candidates.of(
        candidates,
        [view.summary for view in views],
        sequence=1,
        shapes=(parts,),
        room=tuple({"CUSTOM_PCI_10DE_20B0": 1} for _name in names),
        beside=tuple(names.values()),
    )
    rules = Rules(filters=filters.enabled(settings), weighers=weighers.enabled(settings))
    return Choosing(request(extra_specs=extra_specs), offer, by_provider(views), rules, settings)


def ways(choosing: Choosing) -> list[tuple[str, str]]:
    return [
        (choice.host, choice.mappings[group_suffix(0, 0)][0].rpartition("_")[2])
        for choice in choosing.choose()
    ]


def test_the_ways_that_are_named_are_to_free_devices() -> None:
    choosing = a_choosing([a_host("h1", *GPUS[:6])], {"h1": GPUS})
    assert ways(choosing) == [("h1", "gpu-6"), ("h1", "gpu-7")]


def test_hosts_without_such_a_way_are_left_out() -> None:
    views = [a_host("h1", *GPUS[:2]), a_host("h2")]
    choosing = a_choosing(views, {"h1": GPUS[:2], "h2": ("gpu-1", "unknown")})
    (removal,) = choosing.explanation().removals
    assert (removal.reason, removal.hosts) == ("PCI devices of Placement", ("h1",))
    assert ways(choosing) == [("h2", "gpu-1")]


def test_servers_of_one_request_share_what_is_free() -> None:
    choosing = a_choosing([a_host("h1", "gpu-1")], {"h1": GPUS[:4]})
    firsts = [found[0][1] for _server in range(4) if (found := ways(choosing))]
    assert firsts == ["gpu-0", "gpu-2", "gpu-3"]


def test_no_way_is_looked_at_unless_placement_was_asked() -> None:
    views, addresses = [a_host("h1", *GPUS)], {"h1": GPUS[:2]}
    assert len(ways(a_choosing(views, addresses, {}))) == 2
    without = SchedulerSettings(pci_aliases=ALIASES, alternates=9)
    assert len(ways(a_choosing(views, addresses, settings=without))) == 2
