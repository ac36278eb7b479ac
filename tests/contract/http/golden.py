"""Published bodies of the compute API, kept as steps from version to version.

A file holds, for one request, the body in 2.1 and then what each later version changed:
keys ``set`` (new or with another value) and keys to ``drop``. Running this module
writes the files anew; a changed file is a changed contract and has to be looked at.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nova_clone.api.history import HISTORY
from nova_clone.domain.action import Action, ActionEvent
from nova_clone.domain.block_device import BlockDevice
from nova_clone.domain.host import Aggregate
from nova_clone.domain.server.server import Fault
from nova_clone.domain.server.status import VmState
from nova_clone.domain.server_group import ServerGroup
from tests.unit.api.builders import (
    MADE,
    NETWORK_ID,
    PORT_ID,
    PROJECT,
    SERVER_ID,
    USER,
    a_flavor,
    a_hypervisor,
    a_keypair,
    a_server,
    a_service,
    a_vif,
)
from tests.unit.api.conftest import ADMIN, MEMBER, Client, an_api
from tests.unit.api.fake_conductor import FakeConductor

FOLDER = Path(__file__).parent
VERSIONS = tuple(version for version, _ in HISTORY)

Body = dict[str, Any]
Step = dict[str, Any]

FAILED_ID = "0f0f0f0f-0f3c-4a1c-9f9a-1d2e3f405162"
VOLUME_ID = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
GROUP_ID = "66666666-aaaa-4bbb-8ccc-dddddddddddd"
AGGREGATE_ID = "55555555-aaaa-4bbb-8ccc-dddddddddddd"
REQUEST_ID = "req-11111111-2222-4333-8444-555555555555"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept:
    """One request, and where its answer's body is found in the answer."""

    name: str
    path: str
    pick: Callable[[Any], Body]
    token: str = MEMBER
    method: str = "GET"
    body: Any = None
    since: str = "2.1"
    until: str = VERSIONS[-1]

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.json"

    @property
    def versions(self) -> tuple[str, ...]:
        return VERSIONS[VERSIONS.index(self.since) : VERSIONS.index(self.until) + 1]


def a_cloud() -> FakeConductor:
    """Return a conductor with one of each thing."""
    disk = BlockDevice(
        id="88888888-aaaa-4bbb-8ccc-dddddddddddd",
        source="volume",
        destination="volume",
        volume_id=VOLUME_ID,
        attachment_id="77777777-aaaa-4bbb-8ccc-dddddddddddd",
        device_name="/dev/vdb",
        tag="data",
    )
    conductor = FakeConductor()
    conductor.add(
        a_flavor(swap=0),
        a_server(
            vifs=(a_vif(tag="front"),),
            block_devices=(disk,),
            trusted_certs=("cert-1",),
            server_groups=(NETWORK_ID,),
            pinned_zone="nova",
            user_data="I2Nsb3VkLWNvbmZpZw==",
            config_drive=True,
        ),
        a_server(
            id=FAILED_ID,
            name="failed",
            vm_state=VmState.ERROR,
            image_id=None,
            host=None,
            node=None,
            vifs=(),
            fault=Fault(
                code=500, message="No valid host was found.", details="why", created_at=MADE
            ),
            launched_at=None,
            updated_at=None,
        ),
        a_keypair(),
        ServerGroup(
            id=GROUP_ID,
            name="apart",
            project_id=PROJECT,
            user_id=USER,
            policy="anti-affinity",
            max_per_host=2,
            members=(SERVER_ID,),
        ),
        a_service(),
        a_hypervisor(),
        Aggregate(
            id=1,
            uuid=AGGREGATE_ID,
            name="fast",
            hosts=("compute-1",),
            metadata={"availability_zone": "east", "ssd": "true"},
            created_at=MADE,
        ),
    )
    event = ActionEvent(
        event="compute_start",
        start_time=MADE,
        finish_time=MADE,
        result="Success",
        host="compute-1",
        details="all went well",
    )
    conductor.actions = [
        Action(
            server_id=SERVER_ID,
            action="start",
            request_id=REQUEST_ID,
            user_id=USER,
            project_id=PROJECT,
            start_time=MADE,
            events=(event,),
        )
    ]
    return conductor


_SERVER = f"/servers/{SERVER_ID}"

KEPT = (
    Kept(name="server", path=_SERVER, pick=lambda body: body["server"]),
    Kept(name="server-admin", path=_SERVER, pick=lambda body: body["server"], token=ADMIN),
    Kept(name="server-failed", path=f"/servers/{FAILED_ID}", pick=lambda body: body["server"]),
    Kept(
        name="server-changed",
        path=_SERVER,
        pick=lambda body: body["server"],
        method="PUT",
        body={"server": {"name": "first"}},
    ),
    Kept(name="servers", path="/servers", pick=lambda body: body["servers"][0]),
    Kept(
        name="servers-detail",
        path="/servers/detail",
        pick=lambda body: body["servers"][0],
    ),
    Kept(name="flavor", path="/flavors/1", pick=lambda body: body["flavor"]),
    Kept(name="flavors", path="/flavors", pick=lambda body: body["flavors"][0]),
    Kept(name="keypair", path="/os-keypairs/home", pick=lambda body: body["keypair"]),
    Kept(
        name="keypairs",
        path="/os-keypairs",
        pick=lambda body: body["keypairs"][0]["keypair"],
    ),
    Kept(
        name="server-group",
        path=f"/os-server-groups/{GROUP_ID}",
        pick=lambda body: body["server_group"],
    ),
    Kept(
        name="server-groups",
        path="/os-server-groups",
        pick=lambda body: body["server_groups"][0],
    ),
    Kept(
        name="aggregate",
        path="/os-aggregates/1",
        pick=lambda body: body["aggregate"],
        token=ADMIN,
    ),
    Kept(
        name="aggregates",
        path="/os-aggregates",
        pick=lambda body: body["aggregates"][0],
        token=ADMIN,
    ),
    Kept(
        name="hypervisors",
        path="/os-hypervisors",
        pick=lambda body: body["hypervisors"][0],
        token=ADMIN,
    ),
    Kept(
        name="hypervisors-detail",
        path="/os-hypervisors/detail",
        pick=lambda body: body["hypervisors"][0],
        token=ADMIN,
    ),
    Kept(
        name="hypervisors-with-servers",
        path="/os-hypervisors?with_servers=true",
        pick=lambda body: body["hypervisors"][0],
        token=ADMIN,
        since="2.53",
    ),
    Kept(
        name="hypervisor-statistics",
        path="/os-hypervisors/statistics",
        pick=lambda body: body["hypervisor_statistics"],
        token=ADMIN,
        until="2.87",
    ),
    Kept(name="service", path="/os-services", pick=lambda body: body["services"][0], token=ADMIN),
    Kept(
        name="instance-actions",
        path=f"{_SERVER}/os-instance-actions",
        pick=lambda body: body["instanceActions"][0],
    ),
    Kept(
        name="instance-action",
        path=f"{_SERVER}/os-instance-actions/{REQUEST_ID}",
        pick=lambda body: body["instanceAction"],
    ),
    Kept(
        name="instance-action-admin",
        path=f"{_SERVER}/os-instance-actions/{REQUEST_ID}",
        pick=lambda body: body["instanceAction"],
        token=ADMIN,
    ),
    Kept(
        name="interface",
        path=f"{_SERVER}/os-interface/{PORT_ID}",
        pick=lambda body: body["interfaceAttachment"],
    ),
    Kept(
        name="volume-attachment",
        path=f"{_SERVER}/os-volume_attachments/{VOLUME_ID}",
        pick=lambda body: body["volumeAttachment"],
    ),
    Kept(name="limits", path="/limits", pick=lambda body: body["limits"]["absolute"]),
    Kept(name="quota-set", path=f"/os-quota-sets/{PROJECT}", pick=lambda body: body["quota_set"]),
    Kept(
        name="availability-zones-detail",
        path="/os-availability-zone/detail",
        pick=lambda body: body["availabilityZoneInfo"][0],
        token=ADMIN,
    ),
    Kept(name="version", path="/", pick=lambda body: body["version"]),
)


def bodies(kept: Kept) -> Iterator[tuple[str, Body]]:
    """Yield the body of every version in which the request can be made."""
    client = Client(an_api(a_cloud()))
    for version in kept.versions:
        result = client.ask(kept.method, kept.path, kept.body, version=version, token=kept.token)
        assert result.status_code == 200, (kept.name, version, result.json)
        yield version, kept.pick(result.json)


def steps(kept: Kept) -> list[Step]:
    """Return what each version changed."""
    found: list[Step] = []
    former: Body = {}
    for version, body in bodies(kept):
        changed = {key: value for key, value in body.items() if former.get(key, ...) != value}
        dropped = sorted(former.keys() - body.keys())
        if changed or dropped:
            found.append({"version": version, "set": changed, "drop": dropped})
        former = body
    return found


def published(kept: Kept) -> list[Step]:
    """Return what is kept of a request."""
    found: list[Step] = json.loads(kept.file.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Write every file anew."""
    for kept in KEPT:
        text = json.dumps(steps(kept), indent=2, sort_keys=True)
        kept.file.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
