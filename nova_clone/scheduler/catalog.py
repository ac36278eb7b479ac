"""From what an option names to the classes that this scheduler has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from nova_clone.domain.errors import Invalid

#: Packages whose classes are known here by their names.
_OURS = ("nova.scheduler", "nova_clone.scheduler")
_Rule = TypeVar("_Rule")


def available(
    option: str, paths: Iterable[str], known: Mapping[str, _Rule], *, everything: str
) -> dict[str, _Rule]:
    """Return the rules that class paths name, by name, in the order of `known`.

    The path `everything` names all of them; of any other its last part counts. Raises
    `Invalid` for a path of no known class, with the option's name.
    """
    names: set[str] = set()
    for path in paths:
        package, _, name = path.rpartition(".")
        if path == everything:
            names.update(known)
        elif name in known and (not package or package.startswith(_OURS)):
            names.add(name)
        else:
            raise Invalid(f"{option} has {path!r}, which is no class of this scheduler")
    return {name: rule for name, rule in known.items() if name in names}


def ratios(option: str, settings: Iterable[str]) -> dict[str, float]:
    """Return ``name=ratio`` settings as a mapping; a bare name has the ratio 1.

    Raises `Invalid`, with the option's name, for a ratio that is no number.
    """
    found = {}
    for setting in settings:
        name, equals, ratio = (part.strip() for part in setting.partition("="))
        try:
            found[name] = float(ratio) if equals else 1.0
        except ValueError as error:
            raise Invalid(f"{option} has {setting!r}, which is not name=number") from error
    return found
