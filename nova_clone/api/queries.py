"""The query of routes that take no parameters."""

from __future__ import annotations

from typing import Final

from nova_clone.web.query import Query

#: Parameters are ignored until 2.101 and refused from then on.
NO_PARAMETERS: Final = Query(strict_since="2.102")
