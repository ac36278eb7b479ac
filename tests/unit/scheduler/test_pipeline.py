from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from nova_clone.contracts.placement import Candidate, Candidates, ShapePart
from nova_clone.contracts.scheduler import Explanation, HostChoice
from nova_clone.domain.request_spec import GroupPlacement, RequestSpec
from nova_clone.scheduler import filters, weighers
from nova_clone.scheduler.pipeline import WAYS_PER_HOST, Choosing, Rules
from nova_clone.scheduler.settings import DEFAULT_FILTERS, SchedulerSettings
from nova_clone.scheduler.snapshot import HostView
from tests.unit.scheduler.hosts import host, request
from tests.unit.scheduler.offers import SMALL, beside, by_provider, plain

FULL = {"vcpus": (16, 15), "ram": (8192, 0), "disk": (100, 0)}


def a_choosing(
    views: Sequence[HostView],
    spec: RequestSpec | None = None,
    settings: SchedulerSettings | None = None,
    *,
    offer: Candidates | None = None,
    known: Mapping[str, HostView] | None = None,
) -> Choosing:
    settings = settings or SchedulerSettings()
    return Choosing(
        spec or request(),
        plain(views) if offer is None else offer,
        by_provider(views) if known is None else known,
        Rules(filters=filters.enabled(settings), weighers=weighers.enabled(settings)),
        settings,
    )


def several(choosing: Choosing, count: int) -> list[tuple[HostChoice, ...]]:
    return [choosing.choose() for _server in range(count)]


def firsts(found: Sequence[tuple[HostChoice, ...]]) -> list[str | None]:
    return [choices[0].host if choices else None for choices in found]


@st.composite
def clouds(draw: st.DrawFn) -> list[HostView]:
    numbers = st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(0, 3))
    sizes = draw(st.lists(numbers, min_size=1, max_size=7))
    return [
        host(
            f"h{number}",
            vcpus=(vcpus, draw(st.integers(0, vcpus - 1))),
            ram=(ram * 512, draw(st.integers(0, ram - 1)) * 512),
            disk=(20, 0),
            consumers=servers,
            failed_builds=draw(st.integers(0, 1)),
            building=draw(st.integers(0, 2)),
        )
        for number, (vcpus, ram, servers) in enumerate(sizes)
    ]


SETTINGS = st.builds(
    SchedulerSettings,
    enabled_filters=st.just((*DEFAULT_FILTERS, "IoOpsFilter", "NumInstancesFilter")),
    weight_multipliers=st.fixed_dictionaries(
        {f"{name}_weight_multiplier": st.sampled_from((-1.0, 0.0, 1.0)) for name in ("ram", "cpu")}
    ),
    max_io_ops_per_host=st.integers(2, 8),
    max_instances_per_host=st.integers(2, 8),
    alternates=st.integers(0, 3),
)
GROUPS = st.one_of(
    st.none(),
    st.builds(
        GroupPlacement,
        policy=st.sampled_from(("affinity", "anti-affinity", "soft-affinity")),
        members=st.dictionaries(st.sampled_from(("h0", "h1")), st.integers(1, 2)),
        max_per_host=st.integers(1, 3),
    ),
)


@given(clouds(), SETTINGS, st.integers(1, 12))
def test_a_request_takes_no_more_than_there_is(
    views: list[HostView], settings: SchedulerSettings, servers: int
) -> None:
    found = several(a_choosing(views, settings=settings), servers)

    taken = Counter(firsts(found))
    for view in views:
        assert taken[view.host] <= view.free_vcpus
        assert taken[view.host] * 512 <= view.free_ram_mb
        assert taken[view.host] + view.building <= max(settings.max_io_ops_per_host, view.building)


@given(clouds(), SETTINGS, GROUPS, st.integers(1, 8))
def test_a_request_of_many_is_like_many_requests_of_one(
    views: list[HostView],
    settings: SchedulerSettings,
    group: GroupPlacement | None,
    servers: int,
) -> None:
    spec = request(group=group)

    together = several(a_choosing(views, spec, settings), servers)

    assert firsts(together) == one_by_one(views, spec, settings, servers)


def one_by_one(
    views: list[HostView], spec: RequestSpec, settings: SchedulerSettings, servers: int
) -> list[str | None]:
    found: list[str | None] = []
    for _server in range(servers):
        fit = [view for view in views if view.free_vcpus >= 1 and view.free_ram_mb >= 512]
        choices = a_choosing(fit, spec, settings).choose()
        found.append(choices[0].host if choices else None)
        if not choices:
            continue
        views = [view.taking([SMALL]) if view.host == found[-1] else view for view in views]
        if spec.group is not None:
            members = Counter(spec.group.members) + Counter([choices[0].host])
            group = dataclasses.replace(spec.group, members=dict(members))
            spec = dataclasses.replace(spec, group=group)
    return found


@given(clouds(), st.integers(1, 3), st.integers(1, 9))
def test_a_group_is_kept_apart_within_a_request(
    views: list[HostView], most: int, servers: int
) -> None:
    members = {"h0": 1}
    group = GroupPlacement(policy="anti-affinity", members=members, max_per_host=most)

    found = firsts(several(a_choosing(views, request(group=group)), servers))

    placed = Counter(members) + Counter(name for name in found if name)
    assert all(count <= most for count in placed.values())


def test_a_group_is_kept_together_within_a_request() -> None:
    views = [host("small", vcpus=(2, 0)), host("large", vcpus=(3, 0))]
    group = GroupPlacement(policy="affinity")

    found = firsts(several(a_choosing(views, request(group=group)), 4))

    assert found == ["large", "large", "large", None]


def own(explanation: Explanation) -> int:
    removals = explanation.removals
    return sum(each.count for each in removals if not each.reason.startswith("Placement: "))


@given(clouds(), SETTINGS, GROUPS, st.integers(0, 6), st.sets(st.sampled_from(("h0", "h2"))))
def test_every_candidate_is_removed_or_left(
    views: list[HostView],
    settings: SchedulerSettings,
    group: GroupPlacement | None,
    servers: int,
    tried: set[str],
) -> None:
    offer = plain([*views, host("stranger")], considered=9, removed={"VCPU": 1})
    changed = [dataclasses.replace(view, up=view.building < 2) for view in views]
    choosing = a_choosing(
        changed, request(group=group), settings, offer=offer, known=by_provider(changed)
    )
    choosing.without(frozenset(tried))

    for _server in range(servers + 1):
        told = choosing.explanation()
        choosing.choose()

        assert told.candidates == len(views) + 1
        assert told.candidates == own(told) + told.fitting
        for removal in told.removals:
            assert len(removal.hosts) == min(removal.count, 5) or removal.reason == (
                "Placement: VCPU"
            )


@given(clouds(), st.integers(1, 9), st.integers(0, 4))
def test_the_first_is_of_the_best_and_alternates_follow_by_weight(
    views: list[HostView], subset: int, alternates: int
) -> None:
    settings = SchedulerSettings(host_subset_size=subset, alternates=alternates)
    choosing = a_choosing(views, settings=settings)
    weights = dict(choosing.explanation().weights)

    hosts = [choice.host for choice in choosing.choose()]

    assert len(hosts) == len(set(hosts)) == min(alternates + 1, len(views))
    ranked = sorted(weights.values(), reverse=True)
    if len(views) <= 5:
        assert weights[hosts[0]] >= ranked[min(subset, len(ranked)) - 1]
        behind = [weights[name] for name in hosts[1:]]
        assert behind == sorted(behind, reverse=True)


def test_equals_are_taken_in_order_or_shuffled() -> None:
    views = [host(f"h{number}") for number in range(4)]
    shuffled = SchedulerSettings(shuffle_best_same_weighed_hosts=True)

    plainly = {a_choosing(views).choose()[0].host for _try in range(60)}
    mixed = {a_choosing(views, settings=shuffled).choose()[0].host for _try in range(200)}

    assert plainly == {"h0"}
    assert mixed == {"h0", "h1", "h2", "h3"}


def test_hosts_that_others_have_filled_are_left_out() -> None:
    views = [host("full", **FULL), host("free", **FULL)]
    taken = views[0].taking([SMALL])
    choosing = a_choosing(views)

    choosing.with_others({"rp-full": taken})

    assert [choice.host for choice in choosing.choose()] == ["free"]
    removal = choosing.explanation().removals[0]
    assert (removal.reason, removal.hosts) == ("chosen by other requests", ("full",))


class TestWideTrees:
    def test_a_host_is_named_with_its_other_ways(self) -> None:
        views = [host("h1", disk=(2000, 0)), host("h2")]
        cards = {f"card-{number}": 1 for number in range(6)}
        ways = [(views[0], card) for card in list(cards)[:5]] + [(views[1], "card-5")]

        (choices,) = several(a_choosing(views, offer=beside(ways, cards)), 1)

        assert [choice.host for choice in choices] == ["h1"] * WAYS_PER_HOST + ["h2"]
        assert [list(choice.allocation) for choice in choices[:2]] == [
            ["rp-h1", "card-0"],
            ["rp-h1", "card-1"],
        ]

    def test_each_group_with_a_suffix_is_told_its_providers(self) -> None:
        views = [host("h1"), host("h2")]
        ids = [view.summary.id for view in views]
        offer = Candidates.of(
            [
                Candidate(root_id=ids[0], shape=0, providers=(ids[0], "card")),
                Candidate(root_id=ids[1], shape=1, providers=(ids[1],)),
            ],
            [view.summary for view in views],
            sequence=1,
            shapes=(
                (
                    ShapePart(resources=SMALL, suffixes=("", "near")),
                    ShapePart(resources={"PCI": 2}, suffixes=("a", "b")),
                ),
                (ShapePart(resources=SMALL),),
            ),
        )

        (choices,) = several(a_choosing(views, offer=offer), 1)

        mappings = {choice.host: choice.mappings for choice in choices}
        near = {"near": (ids[0],), "a": ("card",), "b": ("card",)}
        assert mappings == {"h1": near, "h2": {}}

    def test_what_lies_below_a_host_is_used_up_as_well(self) -> None:
        views = [host("h1")]
        ways = [(views[0], "card-0"), (views[0], "card-1")]
        choosing = a_choosing(views, offer=beside(ways, {"card-0": 1, "card-1": 2}))

        found = several(choosing, 4)

        used = [list(choices[0].allocation)[1] for choices in found[:3]]
        assert (used, found[3]) == (["card-0", "card-1", "card-1"], ())
        assert own(choosing.explanation()) == 1

    def test_what_hosts_share_is_used_up_for_all_of_them(self) -> None:
        views = [host("h1"), host("h2"), host("h3")]
        ways = [(views[0], "shared"), (views[1], "shared"), (views[2], "other")]
        choosing = a_choosing(views, offer=beside(ways, {"shared": 2, "other": 1}))

        found = firsts(several(choosing, 4))

        assert sorted(name or "" for name in found) == ["", *sorted(["h3", *hosts_of(found)])]
        assert len(hosts_of(found)) == 2

    def test_a_group_does_not_hide_what_is_used_up(self) -> None:
        views = [host("h1"), host("h2")]
        ways = [(view, "shared") for view in views]
        group = GroupPlacement(policy="soft-anti-affinity")
        choosing = a_choosing(views, request(group=group), offer=beside(ways, {"shared": 1}))

        assert [bool(choices) for choices in several(choosing, 2)] == [True, False]
        assert own(choosing.explanation()) == 2


@st.composite
def wide(draw: st.DrawFn) -> tuple[list[HostView], list[tuple[HostView, str]], dict[str, int]]:
    """Hosts, their ways to a device on one of a few providers, and how many each has left."""
    views = [
        host(f"h{number}", vcpus=(room, 0))
        for number, room in enumerate(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    ]
    left = {f"card-{number}": draw(st.integers(1, 3)) for number in range(5)}
    pairs = st.tuples(st.integers(0, len(views) - 1), st.sampled_from(sorted(left)))
    drawn = draw(st.lists(pairs, min_size=1, unique=True))
    ways = [(views[number], place) for number, place in drawn]
    return views, ways, left


@given(wide(), st.sampled_from((None, "soft-anti-affinity")))
def test_ways_are_used_as_long_as_they_fit_and_no_longer(
    cloud: tuple[list[HostView], list[tuple[HostView, str]], dict[str, int]], policy: str | None
) -> None:
    views, ways, left = cloud
    offered = [view for view in views if any(view is owner for owner, _place in ways)]
    group = None if policy is None else GroupPlacement(policy=policy)
    choosing = a_choosing(offered, request(group=group), offer=beside(ways, left))

    taken: Counter[str] = Counter()
    while choices := choosing.choose():
        for place in choices[0].allocation:
            taken[place] += 1

    assert all(taken[place] <= count for place, count in left.items())
    assert all(taken[view.summary.id] <= view.free_vcpus for view in offered)
    for view, place in ways:
        assert taken[place] == left[place] or taken[view.summary.id] == view.free_vcpus
    told = choosing.explanation()
    assert (told.fitting, own(told)) == (0, len(offered))


def hosts_of(found: Sequence[str | None]) -> list[str]:
    return [name for name in found if name and name != "h3"]


def test_a_forced_host_passes_no_other_filter() -> None:
    views = [host("h1", disabled=True), host("h2")]

    forced = a_choosing(views, request(forced_host="h1")).choose()
    requested = a_choosing(views, request(requested_host="h1")).choose()

    assert ([choice.host for choice in forced], requested) == (["h1"], ())
