"""Which version another service speaks."""

from __future__ import annotations

from nova_clone.clients.session import Connection, ServiceAuth, translated
from nova_clone.domain.errors import Unavailable


def newest_microversion(settings: ServiceAuth) -> tuple[int, ...]:
    """Return the newest microversion that a service offers.

    Raises `Unavailable` when it cannot be found or asked, or tells none.
    """
    connection = Connection(settings)
    try:
        with translated(settings.service_type):
            data = connection.as_service().get_endpoint_data()
    finally:
        connection.close()
    if data is None or data.max_microversion is None:
        raise Unavailable(f"The {settings.service_type} service tells no version.")
    return tuple(int(part) for part in data.max_microversion)
