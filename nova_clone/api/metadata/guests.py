"""Which server asks: by signed headers of the network's agent, or by address."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from nova_clone.api.metadata.settings import MetadataSettings
from nova_clone.contracts.conductor import ConductorContract
from nova_clone.contracts.servers import ListServers, MetadataQuery, ServerFilters
from nova_clone.domain.errors import Forbidden, Invalid, NotFound
from nova_clone.domain.identity import service_context
from nova_clone.domain.server.server import Server

INSTANCE_ID = "X-INSTANCE-ID"
TENANT_ID = "X-TENANT-ID"
SIGNATURE = "X-INSTANCE-ID-SIGNATURE"
#: Guests whose metadata is kept at a time.
CACHE_SIZE = 1000
_MAX_HEADER = 255


def signature(secret: str, server_id: str) -> str:
    """Return what the agent signs a server's id with: HMAC-SHA256, in hexadecimal."""
    return hmac.new(secret.encode(), server_id.encode(), hashlib.sha256).hexdigest()


class Guests:
    """Finds the server behind a request and keeps it for a short while."""

    def __init__(
        self,
        settings: MetadataSettings,
        conductor: ConductorContract,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._conductor = conductor
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[float, Server]] = OrderedDict()

    def server_of(self, headers: Mapping[str, str], address: str) -> Server:
        """Return the server that asks.

        Raises `Invalid` for missing headers, `Forbidden` for a wrong signature, `NotFound`
        for a guest that is nobody's or another project's.
        """
        if not self._settings.proxied:
            return self._kept(("address", address), lambda: self._by_address(address))
        server_id, project_id = self._claimed(headers)
        key = (server_id, project_id)
        return self._kept(key, lambda: self._by_id(server_id, project_id))

    def _claimed(self, headers: Mapping[str, str]) -> tuple[str, str]:
        server_id = headers.get(INSTANCE_ID, "")
        project_id = headers.get(TENANT_ID, "")
        given = headers.get(SIGNATURE, "")
        if not server_id:
            raise Invalid("X-Instance-ID header is missing from request.")
        if not project_id:
            raise Invalid("X-Tenant-ID header is missing from request.")
        if max(len(server_id), len(project_id), len(given)) > _MAX_HEADER:
            raise Invalid("A header of the request is too long.")
        expected = signature(self._settings.shared_secret, server_id)
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise Forbidden("Invalid proxy request signature.")
        return server_id, project_id

    def _by_id(self, server_id: str, project_id: str) -> Server:
        query = MetadataQuery(server_id=server_id, project_id=project_id)
        return self._conductor.server_metadata(service_context(), query)

    def _by_address(self, address: str) -> Server:
        filters = ServerFilters(ip=f"^{re.escape(address)}$")
        page = self._conductor.list_servers(
            service_context(), ListServers(filters=filters, detail=True)
        )
        if len(page.servers) != 1:
            raise NotFound("No server is known at this address.")
        return page.servers[0]

    def _kept(self, key: tuple[str, str], find: Callable[[], Server]) -> Server:
        now = self._clock()
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] > now:
                return known[1]
        server = find()
        if self._settings.cache_seconds > 0:
            with self._lock:
                self._known[key] = (now + self._settings.cache_seconds, server)
                self._known.move_to_end(key)
                while len(self._known) > CACHE_SIZE:
                    self._known.popitem(last=False)
        return server
