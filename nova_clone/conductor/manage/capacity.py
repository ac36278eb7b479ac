"""``nova-manage scheduler capacity``: how many more servers of a flavor fit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from nova_clone.clients.image import GlanceImages
from nova_clone.clients.session import ServiceAuth, own_credentials
from nova_clone.conductor.manage.bus import open_bus
from nova_clone.conductor.manage.session import Desk, subcommand
from nova_clone.conductor.manage.table import draw
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.conf.opts import register_opts
from nova_clone.contracts.flavors import FlavorQuery
from nova_clone.contracts.scheduler import Capacity, CapacityQuery, Removal, SchedulerContract
from nova_clone.domain import errors
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import service_context
from nova_clone.domain.image import Image
from nova_clone.domain.request_spec import RequestSpec
from nova_clone.rpc.contract import proxy

#: Exit codes: some fit; bad input or nobody answers; none fits.
FITS, WRONG, FULL = 0, 1, 3
#: Seconds in which a scheduler that is there says so.
_PATIENCE = 10.0


def add_command(parsers: Any) -> None:
    """Add the command to those of ``scheduler``."""
    parser = subcommand(
        parsers, "capacity", capacity, "Count how many more servers of a flavor fit."
    )
    parser.add_argument("--flavor", required=True, metavar="ID|NAME")
    parser.add_argument("--image", metavar="ID", help="an image, whose properties count")
    parser.add_argument("--availability-zone", metavar="ZONE")
    parser.add_argument("--project", default="", metavar="ID", help="whose servers they would be")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many hosts to show")
    parser.add_argument("--json", action="store_true", help="for programs")


def capacity(desk: Desk) -> int:
    """Print how many fit, where, and what stops the next; 3 when none fits."""
    arguments = desk.arguments
    flavor = desk.store.read(lambda work: _flavor(work, arguments.flavor))
    image = _image(desk) if arguments.image is not None else None
    spec = RequestSpec(
        flavor=flavor,
        project_id=arguments.project,
        image_id=image.id if image else None,
        image_properties=dict(image.properties) if image else {},
        image_disk_format=image.disk_format if image else None,
        availability_zone=arguments.availability_zone,
    )
    found = _ask(desk, CapacityQuery(spec=spec, top=max(0, arguments.top)))
    if arguments.json:
        desk.say(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        desk.say("\n".join(_lines(found, flavor)))
    return FITS if found.total else FULL


def _ask(desk: Desk, query: CapacityQuery) -> Capacity:
    with open_bus(desk.conf) as bus:
        try:
            # A broker or scheduler that is away should not take as long as a count may take.
            bus.ping("scheduler", timeout=min(_PATIENCE, bus.response_timeout))
            return proxy(SchedulerContract, bus).capacity(service_context(), query)
        except errors.NoValidHost as error:
            return Capacity(
                total=0, host_count=0, removals=(Removal(reason=error.message, count=0),)
            )
        except errors.Unavailable as error:
            who = str(error.details.get("topic") or "scheduler")
            raise errors.Unavailable(
                f"No answer from {who}: {error.message} Is it running?"
            ) from error


def _flavor(work: UnitOfWork, wanted: str) -> Flavor:
    try:
        return work.flavors.get(wanted)
    except errors.NotFound:
        query = FlavorQuery(all_projects=True, name=wanted)
        named = work.flavors.page(query).flavors
        if not named:
            raise
        return named[0]


def _image(desk: Desk) -> Image:
    register_opts(
        desk.conf, ("glance", "keystone_authtoken_credentials", "neutron", "service_user")
    )
    settings = ServiceAuth.from_section(
        desk.conf.glance, service_type="image", credentials=own_credentials(desk.conf)
    )
    return GlanceImages(settings).show(service_context(), desk.arguments.image)


def _lines(found: Capacity, flavor: Flavor) -> Iterator[str]:
    least = "" if found.complete else "at least "
    yield f"Flavor {flavor.name}: {least}{found.total} more fit, on {found.host_count} host(s)."
    yield f"Placement offered {found.candidates} of {found.considered} hosts."
    if found.hosts:
        rows = [(one.host, str(one.count), one.limit) for one in found.hosts]
        yield draw(("Host", "Fit", "What stops the next"), rows)
    if found.limits:
        yield "What stops the next server on hosts that take some:"
        yield from map(_removal, found.limits)
    if found.removals:
        yield "Why other hosts take none:"
        yield from map(_removal, found.removals)


def _removal(removal: Removal) -> str:
    if not removal.count:
        return f"  {removal.reason}"
    hosts = ", ".join(removal.hosts)
    more = ", …" if hosts and removal.count > len(removal.hosts) else ""
    return f"  {removal.reason}: {removal.count} host(s){' ' if hosts else ''}{hosts}{more}"
