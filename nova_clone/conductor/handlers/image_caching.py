"""Images brought to the hosts of an aggregate before servers need them.

Hosts are asked in a few lines, one host of each at a time: a host that is done names those
behind it, and the next one is asked. No more than that is remembered anywhere; a line that
is lost costs the hosts in it a head start, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from nova_clone.conductor.environment import Environment
from nova_clone.conductor.store.standings import COMPUTE
from nova_clone.contracts.aggregates import CacheAggregateImages, ImagesCached
from nova_clone.contracts.compute import CacheImages
from nova_clone.contracts.hosts import ServiceQuery
from nova_clone.domain.errors import Invalid, NotFound
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.image import Image


def cache_images(env: Environment, context: RequestContext, request: CacheAggregateImages) -> None:
    """Begin to cache images on the hosts of an aggregate.

    Raises `NotFound` for the aggregate, and `Invalid` for an image that cannot be used.
    """
    hosts = env.store.read(lambda work: work.aggregates.get(request.id)).hosts
    images = tuple(_image(env, context, each) for each in dict.fromkeys(request.image_ids))
    lines = min(env.settings.precache_concurrency, len(hosts))
    for first in range(lines):
        ask_next(env, context, ImagesCached(images=images, then=hosts[first::lines]))


def ask_next(env: Environment, context: RequestContext, line: ImagesCached) -> None:
    """Ask the first host of a line that is there."""
    up = _up(env, line.then)
    for place, host in enumerate(line.then):
        if host in up:
            behind = line.then[place + 1 :]
            env.compute(host).cache_images(context, CacheImages(images=line.images, then=behind))
            return


def _up(env: Environment, hosts: Sequence[str]) -> frozenset[str]:
    if not hosts:
        return frozenset()
    services = env.store.read(lambda work: work.hosts.services(ServiceQuery(binary=COMPUTE)))
    return frozenset(one.host for one in services if one.up).intersection(hosts)


def _image(env: Environment, context: RequestContext, image_id: str) -> Image:
    try:
        image = env.images.show(context, image_id)
    except NotFound as error:
        raise Invalid(f"Image {image_id} could not be found.") from error
    if image.status != "active":
        raise Invalid(f"Image {image_id} is not active.")
    return image
