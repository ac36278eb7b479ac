"""Where the services of the cloud are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from nova_clone.standalone.identity.directory import Directory
from nova_clone.standalone.identity.records import INTERFACES, Endpoint, Region, Service

_NAMES = {
    "compute": "nova",
    "placement": "placement",
    "image": "glance",
    "network": "neutron",
    "identity": "keystone",
    "volumev3": "cinderv3",
    "block-storage": "cinder",
    "metadata": "nova-metadata",
}
_PROJECT_MARKS = ("%(project_id)s", "$(project_id)s", "%(tenant_id)s", "$(tenant_id)s")


def publish(directory: Directory, urls: Mapping[str, str], *, region: str) -> None:
    """Make the catalog tell these URLs by service type; other services stay as they are."""
    with directory.transaction():
        if directory.regions.find(region) is None:
            directory.regions.insert(Region(id=region))
        for kind, url in urls.items():
            service_id = _stable_id(kind)
            if directory.services.find(service_id) is None:
                name = _NAMES.get(kind, kind)
                directory.services.insert(Service(id=service_id, type=kind, name=name))
            for interface in INTERFACES:
                directory.endpoints.put(
                    Endpoint(
                        id=_stable_id(f"{kind}/{interface}/{region}"),
                        service_id=service_id,
                        interface=interface,
                        url=url,
                        region_id=region,
                    )
                )


def catalog(directory: Directory, *, project_id: str | None) -> list[dict[str, Any]]:
    """Return the catalog as tokens carry it."""
    endpoints: dict[str, list[dict[str, Any]]] = {}
    for endpoint in directory.endpoints.list(enabled=True):
        url = _for_project(endpoint.url, project_id)
        if url is not None:
            endpoints.setdefault(endpoint.service_id, []).append(
                {
                    "id": endpoint.id,
                    "interface": endpoint.interface,
                    "region_id": endpoint.region_id,
                    "region": endpoint.region_id,
                    "url": url,
                }
            )
    return [
        {
            "id": service.id,
            "type": service.type,
            "name": service.name,
            "endpoints": endpoints.get(service.id, []),
        }
        for service in directory.services.list(enabled=True)
    ]


def _for_project(url: str, project_id: str | None) -> str | None:
    for mark in _PROJECT_MARKS:
        if mark in url:
            if project_id is None:
                return None
            url = url.replace(mark, project_id)
    return url


def _stable_id(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"nova-standalone/{name}").hex
