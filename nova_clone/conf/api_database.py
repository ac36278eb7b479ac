"""The database of what all cells share; read by the conductor alone."""

from __future__ import annotations

from nova_clone.conf import database

GROUP = "api_database"

OPTIONS = list(database.OPTIONS)
