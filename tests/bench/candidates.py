"""What it costs to find allocation candidates, and to remember every provider.

The engine is called as the RPC endpoint calls it; the REST API as a WSGI server calls it, in
this process, without a socket. A conductor's answers come from memory. Times are those of the
processor: nothing here waits.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import httpx
import msgspec
from oslo_config import cfg

from nova_clone.conf.opts import register_opts
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.placement import CandidateQuery, Candidates
from nova_clone.domain.identity import service_context
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Provider, RequestGroup
from nova_clone.placement import app
from nova_clone.placement.service import PlacementService
from nova_clone.placement.settings import OPTIONS, from_conf
from nova_clone.placement.snapshot import Follower
from nova_clone.placement.web.environment import Environment
from nova_clone.placement.web.rules import RULES
from nova_clone.runtime import collector
from nova_clone.web import options as door_options
from nova_clone.web.policy import Policy
from tests.bench.figures import Times
from tests.bench.providers import DEVICES, PCI, RARE, ZONES, Case, Region, cloud, memory

AMOUNTS: Mapping[str, int] = {VCPU: 2, MEMORY_MB: 4096, DISK_GB: 20}
_SECONDS, _LEAST, _MOST = 1.0, 5, 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
    """What a case came to: seconds, and bytes of the answers."""

    case: Case
    found: int
    engine: Times
    wire: Times
    rest: Times
    message: int
    body: int

    def as_document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return dataclasses.asdict(self)

    def line(self) -> str:
        """Return it for people."""
        case = self.case
        times = "".join(
            f"{1000 * each:9.2f}"
            for each in (
                self.engine.p50,
                self.engine.p95,
                self.wire.p50,
                self.rest.p50,
                self.rest.p95,
            )
        )
        return (
            f"{case.kind:7}{case.providers:10}{case.consumers:10}{case.limit:7}{self.found:7}"
            f"{times}{self.message / 1024:9.1f}{self.body / 1024:9.1f}"
        )


HEADING = (
    f"{'kind':7}{'providers':>10}{'consumers':>10}{'limit':>7}{'found':>7}"
    f"{'engine':>9}{'p95':>9}{'wire':>9}{'REST':>9}{'p95':>9}{'RPC KiB':>9}{'REST KiB':>9}"
)


def query(case: Case) -> tuple[CandidateQuery, str]:
    """Return the request of a case for RPC, and for REST."""
    picky = case.kind == "picky"
    zones = ZONES[:2] if picky else ()
    groups = [
        RequestGroup(
            resources=AMOUNTS,
            required=(frozenset({RARE}),) if picky else (),
            forbidden=frozenset({"COMPUTE_STATUS_DISABLED"}),
            member_of=(frozenset(zones),) if zones else (),
        )
    ]
    wanted = ",".join(f"{name}:{amount}" for name, amount in AMOUNTS.items())
    said = [f"limit={case.limit}", f"resources={wanted}"]
    said.append("required=!COMPUTE_STATUS_DISABLED" + (f",{RARE}" if picky else ""))
    if picky:
        said.append(f"member_of=in:{','.join(zones)}")
    if case.kind == "wide":
        for number in range(DEVICES):
            groups.append(RequestGroup(suffix=f"_{number}", resources={PCI: 1}))
            said.append(f"resources_{number}={PCI}:1")
        said.append("group_policy=isolate")
    asked = CandidateQuery(
        groups=tuple(groups), limit=case.limit, group_policy="isolate" if groups[1:] else None
    )
    return asked, "&".join(said)


def measure(case: Case, providers: Sequence[Provider]) -> Figures:
    """Return what a case costs."""
    # As every daemon does once it is ready to work.
    collector.settle()
    follower = Follower(cast(ConductorContract, Region(providers)))
    service, context = PlacementService(follower), service_context()
    asked, said = query(case)
    found = service.candidates(context, asked)
    message = msgspec.json.encode(found)
    client = _client(follower)
    body = client.get(f"/allocation_candidates?{said}")
    body.raise_for_status()

    def travel() -> None:
        msgspec.json.decode(msgspec.json.encode(found), type=Candidates)

    return Figures(
        case=case,
        found=len(found.rows),
        engine=_times(lambda: service.candidates(context, asked)),
        wire=_times(travel),
        rest=_times(lambda: client.get(f"/allocation_candidates?{said}")),
        message=len(message),
        body=len(body.content),
    )


def _client(follower: Follower) -> httpx.Client:
    conf = cfg.ConfigOpts()
    register_opts(conf, ("base", *OPTIONS))
    conf(args=[], default_config_files=[], default_config_dirs=[])
    conf.set_override("auth_strategy", "noauth2", group="api")
    door_options.register(conf)
    environment = Environment(
        settings=from_conf(conf), conductor=cast(ConductorContract, None), follower=follower
    )
    policy = Policy(RULES, door_options.policy_settings(conf, *app.POLICY_PLACES))
    return httpx.Client(
        transport=httpx.WSGITransport(app=app.build_web(conf, environment, policy=policy)),
        base_url="http://placement.example.com",
        headers={
            "x-auth-token": "admin",
            "x-roles": "admin,service",
            "openstack-api-version": "placement 1.39",
        },
    )


def _times(call: Callable[[], object]) -> Times:
    seconds: list[float] = []
    while len(seconds) < _LEAST or (sum(seconds) < _SECONDS and len(seconds) < _MOST):
        started = time.process_time()
        call()
        seconds.append(time.process_time() - started)
    return Times.of(seconds)


def cases(providers: Sequence[int], limits: Sequence[int], *, wide: bool) -> Iterator[Case]:
    """Yield what is measured."""
    for count in providers:
        for limit in limits:
            for kind in ("roomy", "full", "picky", "shared"):
                yield Case(providers=count, limit=limit, kind=kind)
            yield Case(providers=count, limit=limit, kind="roomy", consumers=2000)
            if wide:
                yield Case(providers=count, limit=limit, kind="wide")


def run(measured: Iterator[Case]) -> tuple[list[Figures], dict[int, float]]:
    """Measure every case and print each as it is done, and the memory of each size."""
    print(HEADING, flush=True)
    found, kept = [], dict[int, float]()
    for case in measured:
        figures = measure(case, cloud(case))
        print(figures.line(), flush=True)
        found.append(figures)
        if case.kind == "roomy" and case.providers not in kept:
            kept[case.providers] = memory(case)
    for count, size in kept.items():
        print(f"{count:7} providers: {size:.0f} bytes each in memory")
    return found, kept


def document(found: Sequence[Figures], kept: Mapping[int, float]) -> str:
    """Return figures as JSON."""
    return json.dumps(
        {"cases": [figures.as_document() for figures in found], "bytes_per_provider": kept},
        indent=1,
    )
