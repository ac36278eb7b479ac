"""The same decisions, asked of real daemons over a real broker, and claimed in a database."""

from __future__ import annotations

import concurrent.futures
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nova_clone.contracts.hosts import HostReport, RegisterService
from nova_clone.contracts.placement_store import PutAllocations
from nova_clone.contracts.scheduler import Explanation, SchedulerContract, SelectHosts
from nova_clone.domain.errors import Conflict
from nova_clone.domain.host import HostResources
from nova_clone.domain.identity import new_uuid, service_context
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.domain.resources import DISK_GB, MEMORY_MB, VCPU, Allocation, Inventory
from nova_clone.rpc.contract import proxy
from tests.bench.figures import Times
from tests.bench.meters import Meters
from tests.bench.scheduler import FLAVOR, ROOM, WEIGHTS, Case, Figures, report
from tests.processes import Layout, Processes, a_cloud_of_processes

#: Columns of processor time, and whose it is.
_DAEMONS = {"sched cpu": "scheduler", "plac cpu": "placement", "cond cpu": "conductor-1"}


def run(measured: Iterator[Case], database: str) -> list[Figures]:
    """Measure cases, those of one number of hosts and one policy on one cloud."""
    clouds: dict[tuple[int, str], list[Case]] = {}
    for case in measured:
        if not case.allocated and case.limit == 1000:
            clouds.setdefault((case.hosts, case.weights), []).append(case)
    found = []
    for (hosts, weights), cases in clouds.items():
        layout = Layout(computes=0, conductors=1, database=database, options=_options(weights))
        with (
            tempfile.TemporaryDirectory(prefix="nova-bench-") as directory,
            a_cloud_of_processes(Path(directory), layout) as cloud,
        ):
            _populate(cloud, hosts)
            meters = Meters(cloud)
            found += report(_measure(cloud, case, meters) for case in cases)
    return found


def _options(weights: str) -> dict[str, str]:
    multipliers = {f"filter_scheduler.{name}": str(each) for name, each in WEIGHTS[weights].items()}
    # Nobody beats the hearts of these hosts.
    return {"service_down_time": "86400", **multipliers}


def _populate(cloud: Processes, hosts: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(_add_host, cloud, number) for number in range(hosts)]:
            done.result()


def _add_host(cloud: Processes, number: int) -> None:
    context, name, node = service_context(), f"host-{number}", new_uuid()
    cloud.conductor.register_service(
        context,
        RegisterService(binary="nova-compute", host=name, topic="compute", node_uuid=node),
    )
    sizes = {VCPU: FLAVOR.vcpus, MEMORY_MB: FLAVOR.ram, DISK_GB: FLAVOR.disk}
    resources = HostResources(
        hypervisor_hostname=name,
        uuid=node,
        hypervisor_type="QEMU",
        hypervisor_version=7_002_000,
        cpu_info={"arch": "x86_64"},
        inventories={each: Inventory(total=size * ROOM) for each, size in sizes.items()},
        traits=("COMPUTE_NODE", "HW_CPU_X86_AVX2", "COMPUTE_IMAGE_TYPE_QCOW2"),
        supported=(("x86_64", "qemu", "hvm"),),
    )
    cloud.conductor.report_host(context, HostReport(host=name, resources=resources))


def _measure(cloud: Processes, case: Case, meters: Meters) -> Figures:
    scheduler = proxy(SchedulerContract, cloud.bus)

    def request(_number: int) -> tuple[float, Explanation]:
        return _request(cloud, scheduler, case)

    with concurrent.futures.ThreadPoolExecutor(case.clients) as pool:
        list(pool.map(request, range(2 * case.clients)))
        with meters.phase("decide"):
            done = list(pool.map(request, range(case.requests)))
    told = [explanation for _wall, explanation in done]
    inside = statistics.fmean(each.milliseconds for each in told) / 1000
    placement = statistics.fmean(each.placement_milliseconds for each in told) / 1000
    times = Times.of([wall for wall, _explanation in done])
    phase = meters.phases[-1]
    spent = {name: phase.cpu[daemon] / case.requests for name, daemon in _DAEMONS.items()}
    return Figures(
        case=case,
        decisions_per_second=case.requests * case.servers / phase.seconds,
        request=times,
        parts={"before": placement, "choice": inside - placement, **spent},
    )


def _request(
    cloud: Processes, scheduler: SchedulerContract, case: Case
) -> tuple[float, Explanation]:
    ids = tuple(new_uuid() for _server in range(case.servers))
    asked = SelectHosts(spec=RequestSpec(flavor=FLAVOR, project_id="bench"), server_ids=ids)
    started = time.monotonic()
    selection = scheduler.select_hosts(service_context(), asked)
    wall = time.monotonic() - started
    for server_id, choices in zip(ids, selection.choices, strict=True):
        for choice in choices:
            held = Allocation(
                consumer_id=server_id,
                resources=choice.allocation,
                project_id="bench",
                user_id="bench",
            )
            try:
                cloud.conductor.put_allocations(
                    service_context(), PutAllocations(allocations=(held,))
                )
            except Conflict:
                continue
            break
    return wall, selection.explanation
