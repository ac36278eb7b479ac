from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from nova_clone.domain.pci.device import PCI, PF, VF, PciPool
from nova_clone.domain.pci.fit import (
    PciGrant,
    PciSupply,
    devices_by_cell,
    fit_pci,
    pci_covers,
)
from nova_clone.domain.pci.request import DeviceWish, PciPolicy, PciRequest

SOCKETS = {0: 0, 1: 0, 2: 1}
CELLS = tuple(SOCKETS)


def a_pool(
    *addresses: str, node: int | None = 0, product: str = "0001", **more: str | None
) -> PciPool:
    return PciPool(
        vendor_id="8086",
        product_id=product,
        numa_node=node,
        addresses=addresses,
        device_type=more.get("device_type") or PCI,
        parent=more.get("parent"),
    )


def a_request(
    count: int = 1, policy: PciPolicy = PciPolicy.LEGACY, *products: str, kind: str | None = None
) -> PciRequest:
    wishes = tuple(
        DeviceWish(product_id=product, device_type=kind) for product in products or ("0001",)
    )
    return PciRequest(alias="a", count=count, wishes=wishes, policy=policy)


def a_supply(*pools: PciPool, used: frozenset[str] = frozenset()) -> PciSupply:
    return PciSupply(pools=pools, used=used, sockets=SOCKETS)


def addresses(found: tuple[PciGrant, ...] | None) -> list[str] | None:
    return None if found is None else [grant.address for grant in found]


NODES = st.sampled_from((None, *CELLS))
PRODUCTS = st.sampled_from(("0001", "0002"))


@st.composite
def supplies(draw: st.DrawFn) -> PciSupply:
    pools = []
    for number in range(draw(st.integers(1, 3))):
        names = tuple(f"{number}.{each}" for each in range(draw(st.integers(1, 2))))
        pools.append(a_pool(*names, node=draw(NODES), product=draw(PRODUCTS)))
    if draw(st.booleans()):
        node = draw(NODES)
        pools.append(a_pool("pf", node=node, product="0003", device_type=PF))
        pools.append(a_pool("vf1", "vf2", node=node, product="0002", device_type=VF, parent="pf"))
    everything = [address for pool in pools for address in pool.addresses]
    return a_supply(*pools, used=draw(st.frozensets(st.sampled_from(everything), max_size=1)))


REQUESTS = st.lists(
    st.one_of(
        st.builds(
            lambda count, policy, products: a_request(count, policy, *products),
            st.integers(1, 2),
            st.sampled_from(PciPolicy),
            st.lists(PRODUCTS, min_size=1, max_size=2, unique=True),
        ),
        st.builds(lambda policy: a_request(1, policy, "0003", kind=PF), st.sampled_from(PciPolicy)),
    ),
    min_size=1,
    max_size=3,
)


def could_be(
    supply: PciSupply, request: PciRequest, pool: PciPool, cells: frozenset[int] | None
) -> bool:
    if not any(
        wish.product_id == pool.product_id
        and (wish.device_type == pool.device_type or wish.device_type is None)
        and (pool.device_type != PF or wish.device_type == PF)
        for wish in request.wishes
    ):
        return False
    near = {
        PciPolicy.PREFERRED: True,
        PciPolicy.LEGACY: pool.numa_node is None or pool.numa_node in (cells or ()),
        PciPolicy.REQUIRED: pool.numa_node in (cells or ()),
        PciPolicy.SOCKET: pool.numa_node is not None
        and SOCKETS[pool.numa_node] in {SOCKETS[cell] for cell in cells or ()},
    }
    return cells is None or near[request.policy]


def naively(
    supply: PciSupply, requests: list[PciRequest], cells: frozenset[int] | None
) -> set[tuple[str, ...]]:
    devices = [(address, pool) for pool in supply.pools for address in pool.addresses]
    wanted = [request for request in requests for _each in range(request.count)]
    found = set()
    for chosen in itertools.permutations(devices, len(wanted)):
        taken = {address for address, _pool in chosen}
        both = taken | supply.used
        if (
            taken.isdisjoint(supply.used)
            and not ("pf" in both and both & {"vf1", "vf2"})
            and all(
                could_be(supply, request, pool, cells)
                for request, (_address, pool) in zip(wanted, chosen, strict=True)
            )
        ):
            found.add(tuple(address for address, _pool in chosen))
    return found


@settings(max_examples=150, deadline=None)
@given(supplies(), REQUESTS, st.one_of(st.none(), st.frozensets(st.sampled_from(CELLS))))
def test_devices_are_found_when_there_are_some(
    supply: PciSupply, requests: list[PciRequest], cells: frozenset[int] | None
) -> None:
    possible = naively(supply, requests, cells)
    found = addresses(fit_pci(supply, requests, cells))
    assert (found is not None) == bool(possible)
    assert found is None or tuple(found) in possible


@settings(max_examples=60, deadline=None)
@given(supplies(), REQUESTS, st.integers(1, 3))
def test_covers_are_exactly_where_devices_are(
    supply: PciSupply, requests: list[PciRequest], most: int
) -> None:
    covers = pci_covers(supply, requests, most=most)
    for size in range(most + 1):
        for chosen in map(frozenset, itertools.combinations(CELLS, size)):
            covered = any(cover <= chosen for cover in covers)
            assert covered == (fit_pci(supply, requests, chosen) is not None)


def test_a_later_request_may_move_an_earlier_one() -> None:
    supply = a_supply(a_pool("a", product="0001"), a_pool("b", product="0002"))
    wide, narrow = a_request(1, PciPolicy.LEGACY, "0001", "0002"), a_request(1)
    assert addresses(fit_pci(supply, [wide, narrow], None)) == ["b", "a"]


def test_near_devices_are_preferred() -> None:
    supply = a_supply(a_pool("a", node=0), a_pool("b", node=1))
    wish = [a_request(1, PciPolicy.PREFERRED)]
    assert addresses(fit_pci(supply, wish, frozenset({1}))) == ["b"]
    assert addresses(fit_pci(supply, wish, frozenset({2}))) == ["a"]
    assert pci_covers(supply, wish, most=1) == (frozenset(),)


def test_a_card_and_its_functions_exclude_each_other() -> None:
    card = a_pool("pf", product="0003", device_type=PF)
    functions = a_pool("vf1", "vf2", device_type=VF, parent="pf")
    whole = a_request(1, PciPolicy.LEGACY, "0003", kind=PF)
    assert fit_pci(a_supply(card, functions), [whole, a_request()], None) is None
    assert fit_pci(a_supply(card, functions, used=frozenset({"vf1"})), [whole], None) is None
    assert fit_pci(a_supply(card, functions, used=frozenset({"pf"})), [a_request()], None) is None
    more = a_supply(card, functions, a_pool("x", node=2))
    assert addresses(fit_pci(more, [whole, a_request()], None)) == ["pf", "x"]


def test_devices_are_counted_by_cell() -> None:
    supply = a_supply(
        a_pool("a", "b", node=0), a_pool("c", node=1, product="0002"), a_pool("d", node=None)
    )
    assert devices_by_cell(supply, [a_request()]) == {0: 2}
    assert devices_by_cell(supply, []) == {0: 2, 1: 1}


def test_devices_managed_from_afar_are_for_ports() -> None:
    pool = PciPool(
        vendor_id="8086", product_id="0001", tags={"remote_managed": "True"}, addresses=("a",)
    )
    assert fit_pci(a_supply(pool), [a_request()], None) is None


def test_many_cells_do_not_take_for_ever() -> None:
    sockets = {cell: cell // 8 for cell in range(64)}
    pools = tuple(a_pool(f"{cell}", node=cell) for cell in range(64))
    supply = PciSupply(pools=pools, sockets=sockets)
    everything = [a_request(4, PciPolicy.REQUIRED)]
    covers = pci_covers(supply, everything, most=8)
    assert len(covers) == 4
    assert all(fit_pci(supply, everything, cover) is not None for cover in covers)
    assert len(pci_covers(supply, [a_request(1, PciPolicy.REQUIRED)], most=8)) == 64
