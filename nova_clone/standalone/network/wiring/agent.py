"""The agent: compares the plan with what was last applied and mends the difference."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from nova_clone.domain import errors
from nova_clone.standalone.network.names import bridge_name, network_namespace, tap_name
from nova_clone.standalone.network.ports import Ports
from nova_clone.standalone.network.records import Port
from nova_clone.standalone.network.settings import NetworkSettings
from nova_clone.standalone.network.state import State
from nova_clone.standalone.network.wiring import apply, firewall, kernel
from nova_clone.standalone.network.wiring.events import Events
from nova_clone.standalone.network.wiring.kernel import Link
from nova_clone.standalone.network.wiring.metadata import MetadataProxy
from nova_clone.standalone.network.wiring.plan import (
    Bridge,
    Plan,
    Space,
    guest_ports,
    make_plan,
)
from nova_clone.standalone.network.wiring.servers import Servers
from nova_clone.standalone.network.wiring.watch import LinkWatch

_LOG = logging.getLogger(__name__)

#: Seconds between two looks at everything, in case somebody else changed the kernel.
_FULL_LOOK = 300.0
#: Seconds from one round to the next at least, in which further news gather.
_PAUSE = 0.05
#: Seconds until a failed part is tried again; doubled each time.
_FIRST_RETRY = 1.0
_LAST_RETRY = 60.0
_FORWARD = "net/ipv4/ip_forward"


class WiringAgent:
    """Keeps bridges, namespaces, DHCP servers and filters as the records ask for.

    Records change, devices appear, time passes: each wakes the one thread that
    does all the work, so nothing is ever applied twice at a time.
    """

    def __init__(self, state: State, settings: NetworkSettings, ports: Ports) -> None:
        self._state = state
        self._settings = settings
        self._ports = ports
        self._servers = Servers(settings.run_path)
        self._events = (
            Events(settings.events_url, settings.events_auth) if settings.events_url else None
        )
        self._metadata = (
            MetadataProxy(
                settings.metadata_url,
                secret=settings.metadata_secret,
                find_port=self._port_at,
            )
            if settings.metadata_url
            else None
        )
        self._wanted = threading.Condition()
        self._asked = 1
        self._done = 0
        self._stopping = False
        self._bridges: dict[str, Bridge] = {}
        self._spaces: dict[str, Space] = {}
        self._filter = ""
        self._failed = False
        self._looked = 0.0
        self._links: dict[str, Link] = {}
        self._links_changed = True
        self._tracked = False
        self._watch: LinkWatch | None = None
        self._thread = threading.Thread(target=self._work, name="wiring", daemon=True)

    def start(self) -> None:
        """Make everything as it should be, and keep it so from now on."""
        self._settings.run_path.mkdir(parents=True, exist_ok=True)
        self._settings.run_path.chmod(0o755)
        self._tracked = _tracks(self._settings.firewall)
        self._state.listen(self.wake)
        self._watch = LinkWatch(self._wake_for_links)
        self._watch.start()
        if self._metadata is not None:
            self._metadata.start()
        if self._events is not None:
            self._events.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop working; what is wired stays and guests notice nothing."""
        with self._wanted:
            self._stopping = True
            self._wanted.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        if self._watch is not None:
            self._watch.stop()
        if self._metadata is not None:
            self._metadata.stop()
        if self._events is not None:
            self._events.stop()

    def wake(self) -> None:
        """Look at what changed, soon."""
        with self._wanted:
            self._asked += 1
            self._wanted.notify_all()

    def _wake_for_links(self) -> None:
        self._links_changed = True
        self.wake()

    def settle(self, timeout: float = 30.0) -> bool:
        """Wait until everything known so far was looked at; tell whether it was in time."""
        with self._wanted:
            self._asked += 1
            target = self._asked
            self._wanted.notify_all()
            return self._wanted.wait_for(lambda: self._done >= target, timeout)

    def _work(self) -> None:
        retry = _FIRST_RETRY
        while (serving := self._next(retry if self._failed else _FULL_LOOK)) is not None:
            self._failed = False
            try:
                self._round()
            except errors.NovaError as error:
                self._note(error)
            except Exception:  # noqa: BLE001 - the boundary of this thread
                _LOG.exception("Wiring failed.")
                self._failed = True
            retry = min(retry * 2, _LAST_RETRY) if self._failed else _FIRST_RETRY
            with self._wanted:
                self._done = serving
                self._wanted.notify_all()

    def _next(self, patience: float) -> int | None:
        """Wait for a reason to work and return its number; None when it is time to stop."""
        with self._wanted:
            self._wanted.wait_for(lambda: self._asked > self._done or self._stopping, patience)
            self._wanted.wait_for(lambda: self._stopping, _PAUSE)
            return None if self._stopping else self._asked

    def _round(self) -> None:
        plan = make_plan(self._state, self._settings)
        if not self._looked or time.monotonic() - self._looked > _FULL_LOOK:
            self._forget_applied()
        links = self._present_links()
        self._apply_bridges(plan, links)
        self._apply_spaces(plan, links)
        self._apply_filter(plan)

    def _present_links(self) -> dict[str, Link]:
        """Return the host's devices, asked for only when one may have changed."""
        if self._links_changed:
            self._links_changed = False
            self._links = kernel.links()
        return self._links

    def _forget_applied(self) -> None:
        """Believe nothing about the kernel but what it says itself."""
        self._bridges.clear()
        self._spaces.clear()
        self._filter = ""
        self._links_changed = True
        self._looked = time.monotonic()

    def _apply_bridges(self, plan: Plan, links: Mapping[str, Link]) -> None:
        names = {bridge.name for bridge in plan.bridges}
        for bridge in plan.bridges:
            if self._bridges.get(bridge.name) == bridge and bridge.name in links:
                continue
            self._bridges.pop(bridge.name, None)
            with self._tolerating():
                apply.ensure_bridge(bridge, links, tracked=self._tracked)
                self._bridges[bridge.name] = bridge
        gone = [name for name, link in links.items() if _is_our_bridge(link) and name not in names]
        with self._tolerating():
            apply.drop_bridges(gone)
        for name in gone:
            self._bridges.pop(name, None)
        if any(bridge.masqueraded for bridge in plan.bridges):
            self._forward_packets()

    def _apply_spaces(self, plan: Plan, links: Mapping[str, Link]) -> None:
        present = kernel.namespaces()
        planned = {space.name for space in plan.spaces}
        for name in sorted((present | self._servers.keys()) - planned):
            with self._tolerating():
                self._drop_space(name, exists=name in present)
        for space in plan.spaces:
            if self._spaces.get(space.name) == space and self._stands(space, present, links):
                continue
            with self._tolerating():
                self._ensure_space(space, links, exists=space.name in present)
        self._serve_metadata(plan)

    def _stands(self, space: Space, present: set[str], links: Mapping[str, Link]) -> bool:
        cables = all(
            (link := links.get(cable.outer)) is not None and link.master == cable.bridge
            for cable in space.cables
        )
        served = space.dnsmasq is None or self._servers.running(space.dnsmasq.key) is not None
        return space.name in present and cables and served

    def _ensure_space(self, space: Space, links: Mapping[str, Link], *, exists: bool) -> None:
        before = self._spaces.pop(space.name, None)
        if before is None or not exists or _wires(before) != _wires(space):
            apply.ensure_space(space, links, exists=exists)
        if space.dnsmasq is not None:
            self._servers.ensure(space.dnsmasq, namespace=space.name)
        elif space.name in self._servers.keys():  # noqa: SIM118
            self._servers.stop(space.name)
        self._spaces[space.name] = space

    def _drop_space(self, name: str, *, exists: bool) -> None:
        self._spaces.pop(name, None)
        if self._metadata is not None:
            for network in self._metadata.networks():
                if network_namespace(network) == name:
                    self._metadata.forget(network)
        self._servers.stop(name)
        if exists:
            self._servers.end_strays(name)
            apply.drop_space(name)

    def _serve_metadata(self, plan: Plan) -> None:
        if self._metadata is None:
            return
        for space in plan.spaces:
            if space.metadata_of is not None and space.name in self._spaces:
                try:
                    self._metadata.serve(space.metadata_of, kernel.NAMESPACES / space.name)
                except OSError as error:
                    self._note(kernel.CommandFailed(f"metadata of {space.name}: {error}"))

    def _apply_filter(self, plan: Plan) -> None:
        """Load the filter for the taps there are, then say that they are plugged."""
        links = self._present_links()
        guests = guest_ports(self._state)
        plugged = [port for port in guests if _is_plugged(port, links)]
        script = self._script(plan, plugged, links)
        if script != self._filter:
            with self._tolerating():
                kernel.load_rules(script)
                self._filter = script
        if script == self._filter:
            self._report(guests, {port.id for port in plugged})

    def _script(self, plan: Plan, plugged: list[Port], links: Mapping[str, Link]) -> str:
        bridges = {bridge.name for bridge in plan.bridges}
        trusted = sorted(
            link.name
            for link in links.values()
            if link.master in bridges and not link.name.startswith("tap")
        )
        with self._state.reading():
            groups = {group for port in plugged for group in port.security_groups}
            rules = {group: self._state.rules.by("group", group) for group in sorted(groups)}
            named = {r.remote_group_id for found in rules.values() for r in found}
            members = {
                group: sorted(
                    ip.ip_address
                    for port in self._state.ports.by("group", group)
                    for ip in port.fixed_ips
                )
                for group in sorted(name for name in named if name)
            }
        filters = firewall.Filter(
            ports=plugged, rules=rules, members=members, trusted=trusted, tracked=self._tracked
        )
        return kernel.replacing(
            "inet",
            firewall.TRACKING_TABLE,
            firewall.tracking_script(plan.bridges, tracked=self._tracked),
        ) + kernel.replacing("bridge", firewall.PORTS_TABLE, firewall.ports_script(filters))

    def _report(self, guests: list[Port], plugged: set[str]) -> None:
        for port in guests:
            up = port.id in plugged and port.admin_state_up and bool(port.binding_host_id)
            status = "ACTIVE" if up else "DOWN"
            if port.status != status and self._ports.set_status(port.id, status):
                if self._events is not None and up:
                    self._events.plugged(port)
                elif self._events is not None:
                    self._events.unplugged(port)

    def _port_at(self, network_id: str, address: str) -> Port | None:
        with self._state.reading():
            for subnet in self._state.subnets.by("network", network_id):
                found = self._state.ports.one("address", (subnet.id, address))
                if found is not None:
                    return found
        return None

    def _forward_packets(self) -> None:
        """Let the host forward, and remember for the teardown if it did not before."""
        path = Path("/proc/sys", _FORWARD)
        if path.read_text().strip() == "0":
            (self._settings.run_path / "forwarding-was-off").touch()
            path.write_text("1")

    @contextlib.contextmanager
    def _tolerating(self) -> Iterator[None]:
        """Go on with the other parts when one fails, and come back to it soon."""
        try:
            yield
        except (errors.ExternalFailure, OSError) as error:
            self._note(error)

    def _note(self, error: Exception) -> None:
        _LOG.warning("Wiring: %s", error)
        self._failed = True
        self._looked = 0.0


def teardown_all(run_path: Path) -> None:
    """Remove every process, namespace, device and rule that belongs to the network service."""
    servers = Servers(run_path)
    for key in servers.keys():  # noqa: SIM118
        servers.stop(key)
    for name in kernel.namespaces():
        servers.end_strays(name)
        apply.drop_space(name)
    links = kernel.links()
    ours = [name for name, link in links.items() if link.alias == kernel.OWNER_ALIAS]
    apply.drop_bridges(ours)
    for family, table in (
        ("bridge", firewall.PORTS_TABLE),
        ("inet", firewall.TRACKING_TABLE),
    ):
        kernel.load_rules(kernel.replacing(family, table, ""))
    marker = run_path / "forwarding-was-off"
    if marker.exists():
        kernel.sysctl([(_FORWARD, "0")])
        marker.unlink()


def _tracks(wanted: str) -> bool:
    if wanted == "stateless":
        return False
    able = kernel.bridges_filter_packets()
    if not able:
        if wanted == "stateful":
            raise errors.NotSupported("The kernel has no br_netfilter to track bridged packets.")
        _LOG.warning("No br_netfilter: security groups work without tracking connections.")
    return able


def _wires(space: Space) -> tuple[object, ...]:
    return (space.cables, space.routes, space.forwards, space.translation)


def _is_our_bridge(link: Link) -> bool:
    return link.alias == kernel.OWNER_ALIAS and link.name.startswith("brq")


def _is_plugged(port: Port, links: Mapping[str, Link]) -> bool:
    link = links.get(tap_name(port.id))
    return link is not None and link.master == bridge_name(port.network_id)
