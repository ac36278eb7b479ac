"""The laws of a network service, for the fake and for the standalone one over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nova_clone.clients.network import Networks
from nova_clone.clients.network_fake import FakeNetworks
from nova_clone.clients.session import Connection, Credentials, ServiceAuth
from nova_clone.domain import errors
from nova_clone.domain.identity import new_uuid
from nova_clone.domain.port import NetworkMode, RequestedNetwork, RequestedNetworks
from tests.unit.clients.network_worlds import (
    FakeWorld,
    HttpWorld,
    World,
    context_of,
    http_world,
    server_of,
)


@pytest.fixture(params=["fake", "http"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fake":
        yield FakeWorld()
    else:
        with http_world(tmp_path) as served:
            yield served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HttpWorld]:
    with http_world(tmp_path) as world:
        yield world


def listed(*items: RequestedNetwork, groups: tuple[str, ...] = ()) -> RequestedNetworks:
    return RequestedNetworks(mode=NetworkMode.LISTED, items=items, security_groups=groups)


def on(network_id: str, **values: str) -> RequestedNetwork:
    return RequestedNetwork(network_id=network_id, **values)


AUTO = RequestedNetworks(mode=NetworkMode.AUTO)
DEFAULT = RequestedNetworks(mode=NetworkMode.DEFAULT)


class TestResolve:
    def test_a_network_of_the_project_is_fine(self, world: World) -> None:
        network = world.network(world.red)
        asked = listed(on(network), on(network, tag="second"))
        assert world.service.resolve(context_of(world.red), asked, 3) == asked

    def test_a_port_brings_its_network(self, world: World) -> None:
        network = world.network(world.red)
        port = world.port(network, world.red)
        asked = listed(RequestedNetwork(port_id=port))
        found = world.service.resolve(context_of(world.red), asked, 1)
        assert found.items == (RequestedNetwork(port_id=port, network_id=network),)

    @pytest.mark.parametrize("requested", [AUTO, DEFAULT])
    def test_the_only_network_is_chosen(self, world: World, requested: RequestedNetworks) -> None:
        world.network(world.blue)
        network = world.network(world.red)
        found = world.service.resolve(context_of(world.red), requested, 2)
        assert found == listed(on(network))

    @pytest.mark.parametrize("requested", [AUTO, DEFAULT])
    def test_one_of_several_is_not_chosen(self, world: World, requested: RequestedNetworks) -> None:
        world.network(world.red)
        world.network(world.blue, shared=True)
        with pytest.raises(errors.Conflict, match="Multiple possible networks"):
            world.service.resolve(context_of(world.red), requested, 1)

    def test_without_any_network_auto_fails_and_default_has_none(self, world: World) -> None:
        with pytest.raises(errors.Invalid, match="automatically allocate"):
            world.service.resolve(context_of(world.red), AUTO, 1)
        found = world.service.resolve(context_of(world.red), DEFAULT, 1)
        assert found.mode is NetworkMode.NONE

    def test_none_is_none(self, world: World) -> None:
        world.network(world.red)
        none = RequestedNetworks(mode=NetworkMode.NONE)
        assert world.service.resolve(context_of(world.red), none, 1) == none

    def test_networks_of_others_and_of_nobody_are_not_found(self, world: World) -> None:
        for network in (world.network(world.blue), new_uuid()):
            with pytest.raises(errors.NotFound):
                world.service.resolve(context_of(world.red), listed(on(network)), 1)

    def test_an_external_network_is_for_admins(self, world: World) -> None:
        asked = listed(on(world.network(world.blue, external=True)))
        with pytest.raises(errors.Forbidden, match="external network"):
            world.service.resolve(context_of(world.red), asked, 1)
        assert world.service.resolve(context_of(world.red, admin=True), asked, 1) == asked

    def test_ports_in_use_foreign_unknown_or_twice_are_refused(self, world: World) -> None:
        network = world.network(world.red, shared=True)
        context = context_of(world.red)
        used, foreign = world.port(network, world.red), world.port(network, world.blue)
        asked = listed(RequestedNetwork(port_id=used))
        world.service.allocate(context, server_of(world.red), asked, host="h")
        free = RequestedNetwork(port_id=world.port(network, world.red))
        for items, error in (
            (asked.items, errors.Conflict),
            ((RequestedNetwork(port_id=foreign),), errors.Invalid),
            ((RequestedNetwork(port_id=new_uuid()),), errors.NotFound),
            ((free, free), errors.Invalid),
        ):
            with pytest.raises(error):
                world.service.resolve(context, listed(*items), 1)

    def test_many_servers_cannot_share_a_port_or_an_address(self, world: World) -> None:
        network = world.network(world.red)
        port = RequestedNetwork(port_id=world.port(network, world.red))
        for item in (port, on(network, fixed_ip="10.0.0.77")):
            with pytest.raises(errors.Invalid, match="multiple instances"):
                world.service.resolve(context_of(world.red), listed(item), 2)

    def test_a_fixed_address_must_fit_and_be_free(self, world: World) -> None:
        network = world.network(world.red)
        context = context_of(world.red)
        item = on(network, fixed_ip="10.0.0.77")
        assert world.service.resolve(context, listed(item), 1).items == (item,)
        world.service.allocate(context, server_of(world.red), listed(item), host="h")
        for address in ("10.0.0.77", "10.9.9.9", "nonsense"):
            with pytest.raises(errors.Invalid):
                world.service.resolve(context, listed(on(network, fixed_ip=address)), 1)

    def test_the_quota_of_ports_counts_every_server(self, world: World) -> None:
        network = world.network(world.red)
        used = len(world_ports(world, network))
        world.limit_ports(world.red, used + 4)
        asked = listed(on(network), on(network))
        assert world.service.resolve(context_of(world.red), asked, 2) == asked
        with pytest.raises(errors.OverQuota):
            world.service.resolve(context_of(world.red), asked, 3)

    def test_security_groups_must_be_known_and_unambiguous(self, world: World) -> None:
        network = world.network(world.red)
        context = context_of(world.red)
        world.group(world.red, "web")
        asked = listed(on(network), groups=("web", "default"))
        assert world.service.resolve(context, asked, 1) == asked
        world.group(world.blue, "db")
        with pytest.raises(errors.Invalid, match="not found"):
            world.service.resolve(context, listed(on(network), groups=("db",)), 1)
        world.group(world.red, "web")
        with pytest.raises(errors.Conflict, match="Multiple security groups"):
            world.service.resolve(context, asked, 1)

    def test_security_groups_need_addresses(self, world: World) -> None:
        network = world.network(world.red, cidr=None)
        world.group(world.red, "web")
        with pytest.raises(errors.Invalid, match="port_security_enabled"):
            world.service.resolve(context_of(world.red), listed(on(network), groups=("web",)), 1)


def world_ports(world: World, network: str) -> list[str]:
    """Return the ports that count against the project before any server."""
    if isinstance(world, HttpWorld):
        return [port["id"] for port in world.show(f"ports?network_id={network}")["ports"]]
    return []


class TestAllocate:
    def test_ports_come_in_order_and_bound(self, world: World) -> None:
        first, second = world.network(world.red), world.network(world.red, cidr="10.2.0.0/24")
        port = world.port(second, world.red)
        server = server_of(world.red)
        asked = listed(
            on(first, tag="a"), RequestedNetwork(port_id=port, tag="b"), on(first, tag="c")
        )
        vifs = world.service.allocate(context_of(world.red), server, asked, host="h")
        assert [vif.network_id for vif in vifs] == [first, second, first]
        assert [vif.tag for vif in vifs] == ["a", "b", "c"]
        assert [vif.owned for vif in vifs] == [True, False, True]
        assert {vif.vif_type for vif in vifs} == {"bridge"}
        assert len({vif.mac_address for vif in vifs}) == 3
        for vif in vifs:
            assert vif.active
            assert vif.device_name == f"tap{vif.port_id[:11]}"
            assert vif.vif_details["bridge_name"] == f"brq{vif.network_id[:11]}"
            assert vif.mtu == 1500
            assert vif.network_label == "net"
            assert [one.id for one in vif.subnets] == [vif.addresses[0].subnet_id]
        assert world.service.vifs(server.id) == vifs

    def test_a_repeat_changes_nothing(self, world: World) -> None:
        network = world.network(world.red)
        port = world.port(network, world.red)
        server = server_of(world.red)
        asked = listed(on(network), RequestedNetwork(port_id=port))
        context = context_of(world.red)
        vifs = world.service.allocate(context, server, asked, host="h")
        assert world.service.allocate(context, server, asked, host="h") == vifs

    def test_what_is_missing_is_made_beside_what_is_there(self, world: World) -> None:
        network = world.network(world.red)
        server, context = server_of(world.red), context_of(world.red)
        asked = listed(on(network), on(network))
        kept, lost = world.service.allocate(context, server, asked, host="h")
        world.service.delete_port(lost.port_id)
        again = world.service.allocate(context, server, asked, host="h")
        assert again[0] == kept
        assert again[1].port_id != lost.port_id

    def test_another_host_gets_the_same_ports(self, world: World) -> None:
        network = world.network(world.red)
        server, context = server_of(world.red), context_of(world.red)
        (first,) = world.service.allocate(context, server, listed(on(network)), host="h1")
        (second,) = world.service.allocate(context, server, listed(on(network)), host="h2")
        assert second.port_id == first.port_id

    def test_a_fixed_address_is_given(self, world: World) -> None:
        network = world.network(world.red)
        asked = listed(on(network, fixed_ip="10.0.0.99"))
        (vif,) = world.service.allocate(
            context_of(world.red), server_of(world.red), asked, host="h"
        )
        assert [one.address for one in vif.addresses] == ["10.0.0.99"]

    def test_security_groups_are_applied_by_name(self, world: World) -> None:
        network, group = world.network(world.red), world.group(world.red, "web")
        asked = listed(on(network), groups=("web",))
        (vif,) = world.service.allocate(
            context_of(world.red), server_of(world.red), asked, host="h"
        )
        assert vif.security_groups == (group,)

    def test_nothing_asked_is_nothing_made(self, world: World) -> None:
        none = RequestedNetworks(mode=NetworkMode.NONE)
        server = server_of(world.red)
        assert world.service.allocate(context_of(world.red), server, none, host="h") == ()
        assert world.service.vifs(server.id) == ()

    def test_a_port_taken_meanwhile_is_a_conflict(self, world: World) -> None:
        network, context = world.network(world.red), context_of(world.red)
        asked = listed(RequestedNetwork(port_id=world.port(network, world.red)))
        world.service.allocate(context, server_of(world.red), asked, host="h")
        with pytest.raises(errors.Conflict):
            world.service.allocate(context, server_of(world.red), asked, host="h")

    def test_a_full_network_is_a_conflict(self, world: World) -> None:
        network, context = world.network(world.red, cidr="10.0.0.0/29"), context_of(world.red)

        def fill() -> None:
            for _ in range(6):
                world.service.allocate(context, server_of(world.red), listed(on(network)), host="h")

        with pytest.raises(errors.Conflict, match="No more IP addresses"):
            fill()

    def test_a_full_quota_is_named(self, world: World) -> None:
        network = world.network(world.red)
        world.limit_ports(world.red, len(world_ports(world, network)))
        with pytest.raises(errors.OverQuota):
            world.service.allocate(
                context_of(world.red), server_of(world.red), listed(on(network)), host="h"
            )

    def test_a_network_deleted_meanwhile_is_not_found(self, world: World) -> None:
        with pytest.raises(errors.NotFound):
            world.service.allocate(
                context_of(world.red), server_of(world.red), listed(on(new_uuid())), host="h"
            )


class TestAfterwards:
    def test_release_deletes_what_was_made_and_frees_the_rest(self, world: World) -> None:
        network = world.network(world.red)
        port = world.port(network, world.red)
        server, context = server_of(world.red), context_of(world.red)
        asked = listed(on(network), RequestedNetwork(port_id=port, tag="mine"))
        made, taken = world.service.allocate(context, server, asked, host="h")
        world.service.release(server.id)
        world.service.release(server.id)
        assert world.device_of(made.port_id) is None
        assert world.device_of(taken.port_id) == ""
        assert world.service.vifs(server.id) == ()
        other = server_of(world.red)
        (again,) = world.service.allocate(
            context, other, listed(RequestedNetwork(port_id=port)), host="h"
        )
        assert again.tag is None
        assert not again.owned

    def test_release_of_a_server_that_never_had_ports_is_fine(self, world: World) -> None:
        world.service.release(new_uuid())
        world.service.delete_port(new_uuid())
        world.service.unbind(new_uuid())

    def test_unbound_ports_can_be_bound_again(self, world: World) -> None:
        network, context = world.network(world.red), context_of(world.red)
        server = server_of(world.red)
        (vif,) = world.service.allocate(context, server, listed(on(network)), host="h1")
        world.service.unbind(server.id)
        (unbound,) = world.service.vifs(server.id)
        assert unbound.vif_type == "unbound"
        assert world.service.bind(server.id, host="h2") == (vif,)

    def test_floating_addresses_are_shown(self, world: World) -> None:
        network, context = world.network(world.red), context_of(world.red)
        server = server_of(world.red)
        (vif,) = world.service.allocate(context, server, listed(on(network)), host="h")
        floating = world.lead_floating(vif.port_id, world.red)
        (shown,) = world.service.vifs(server.id)
        assert shown.addresses[0].floating == (floating,)

    def test_groups_are_resolved_once_each(self, world: World) -> None:
        group = world.group(world.red, "web")
        found = world.service.security_groups(context_of(world.red), ["web", group, "web"])
        assert found == (group, group)
        with pytest.raises(errors.Invalid):
            world.service.security_groups(context_of(world.blue), ["web"])


class TestOverHttp:
    def test_the_users_own_token_is_used_to_look(self, served: HttpWorld) -> None:
        network = served.network(served.red)
        context = context_of(served.red, token=served.token("red"))
        asked = listed(on(network))
        assert served.service.resolve(context, asked, 1) == asked
        with pytest.raises(errors.NotFound):
            served.service.resolve(context_of(served.blue, token=served.token("blue")), asked, 1)

    def test_tenants_see_no_notes_of_nova(self, served: HttpWorld) -> None:
        network = served.network(served.red)
        server = server_of(served.red, availability_zone="east")
        (vif,) = served.service.allocate(
            context_of(served.red), server, listed(on(network)), host="h"
        )
        port = served.show(f"ports/{vif.port_id}")["port"]
        assert port["device_owner"] == "compute:east"
        assert port["binding:host_id"] == "h"
        assert port["project_id"] == served.red

    def test_a_port_that_only_claims_to_be_the_servers_is_not(self, served: HttpWorld) -> None:
        network = served.network(served.red)
        server = server_of(served.red)
        (vif,) = served.service.allocate(
            context_of(served.red), server, listed(on(network)), host="h"
        )
        claim = served.make(
            "ports", network_id=network, project_id=served.blue, device_id=server.id
        )
        assert served.service.vifs(server.id) == (vif,)
        served.service.release(server.id)
        assert served.device_of(claim["id"]) == server.id

    @pytest.mark.parametrize("older", [True, False])
    def test_a_port_is_told_its_providers(self, served: HttpWorld, *, older: bool) -> None:
        network, context = served.network(served.red), context_of(served.red)
        server = server_of(served.red)
        port = served.make(
            "ports",
            network_id=network,
            project_id=served.red,
            **{"binding:profile": {"trusted": True, "allocation": "of another time"}},
        )["id"]
        group = port if older else "group"

        service = served.service
        assert isinstance(service, Networks)

        def allocate(host: str, provider: str | None) -> object:
            told = {} if provider is None else {group: provider}
            item = RequestedNetwork(port_id=port, allocation=told)
            vifs = served.service.allocate(context, server, listed(item), host=host)
            assert [vif.vif_type for vif in vifs] == ["bridge"]
            shown = served.show(f"ports/{port}")["port"]
            assert shown["binding:host_id"] == host
            assert shown["binding:profile"]["trusted"]
            return shown["binding:profile"].get("allocation")

        for host, provider in (("h1", "rp-1"), ("h1", "rp-1"), ("h1", "rp-2"), ("h2", "rp-3")):
            assert allocate(host, provider) == (provider if older else {group: provider})
        service.tell_allocation(port, {group: "rp-4"})
        healed = served.show(f"ports/{port}")["port"]["binding:profile"]
        assert healed["allocation"] == ("rp-4" if older else {group: "rp-4"})
        assert healed["trusted"]
        # The standalone network service knows no ports that need anything.
        assert service.port_needs(server.id) == ()
        served.service.release(server.id)
        assert served.show(f"ports/{port}")["port"]["binding:profile"] == {"trusted": True}
        assert allocate("h2", None) is None

    def test_a_kind_of_card_that_no_bridge_has_cannot_be_bound(self, served: HttpWorld) -> None:
        network = served.network(served.red)
        port = served.make(
            "ports",
            network_id=network,
            project_id=served.red,
            **{"binding:vnic_type": "direct"},
        )
        asked = listed(RequestedNetwork(port_id=port["id"]))
        with pytest.raises(errors.ExternalFailure, match="Binding failed"):
            served.service.allocate(context_of(served.red), server_of(served.red), asked, host="h")


def test_a_service_that_is_not_there_is_unavailable() -> None:
    from nova_clone.clients.network import Networks

    auth = ServiceAuth(
        service_type="network",
        credentials=Credentials(auth_url="http://127.0.0.1:9/v3", username="x", password="y"),
        connect_retries=0,
    )
    with pytest.raises(errors.Unavailable):
        Networks(Connection(auth)).vifs(new_uuid())


def test_the_fake_can_refuse_to_bind() -> None:
    fake = FakeNetworks()
    fake.broken_hosts.add("bad")
    network = fake.add_network("p")
    server = server_of("p")
    with pytest.raises(errors.ExternalFailure):
        fake.allocate(context_of("p"), server, listed(on(network.id)), host="bad")
    (vif,) = fake.allocate(context_of("p"), server, listed(on(network.id)), host="good")
    assert fake.vifs(server.id) == (vif,)
