"""Bodies that set extra specs."""

from __future__ import annotations

from typing import Any, Final

from nova_clone.web.requests import Body, Field, Object

_VALUE: Final[dict[str, Any]] = {"type": ["string", "number"], "maxLength": 255}
_SPECS: Final = {r"^[a-zA-Z0-9_:. -]{1,255}$": _VALUE}

CREATE: Final = Body(Object(Field("extra_specs", Object(patterns=_SPECS), required=True)))
UPDATE: Final = Body(Object(patterns=_SPECS, min_keys=1, max_keys=1))
