"""Single wishes in a flavor's extra specs and an image's properties, and which of both wins.

Source: the administrator guides on CPU topologies, huge pages and real time.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Mapping
from typing import TypeVar

from nova_clone.domain.errors import Invalid
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.topology.cpuset import MAX_CPU, parse_cpuset
from nova_clone.domain.topology.guest import CpuPolicy, EmulatorPolicy, PageChoice, ThreadPolicy

Choice = TypeVar("Choice", bound=enum.Enum)

_TRUE = frozenset({"1", "t", "true", "on", "y", "yes"})
_FALSE = frozenset({"0", "f", "false", "off", "n", "no", ""})
#: A lower-case b counts bits, an upper-case one bytes; prefixes are powers of 1024.
_PAGE_SIZE = re.compile(r"(\d{1,12})\s*(?:([KMGTkmgt])i?(B|b|bit)?)?")
_FACTORS = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}
_MAX_NUMBER = 65_536


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a flavor and an image say, key by key."""

    flavor: Flavor
    image: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def of_flavor(self, name: str) -> str | None:
        """Return the extra spec ``hw:<name>``; an empty one counts as none."""
        return _said(self.flavor.extra_specs.get(f"hw:{name}"))

    def of_image(self, name: str) -> str | None:
        """Return the image property ``hw_<name>``; an empty one counts as none."""
        return _said(self.image.get(f"hw_{name}"))

    def number(self, name: str) -> tuple[int | None, int | None]:
        """Return the flavor's and the image's number; raises `Invalid` for less than 1."""
        return (
            _number(f"hw:{name}", self.of_flavor(name)),
            _number(f"hw_{name}", self.of_image(name)),
        )

    def choice(self, name: str, kind: type[Choice]) -> tuple[Choice | None, Choice | None]:
        """Return the flavor's and the image's choice; raises `Invalid` for an unknown one."""
        return (
            _choice(f"hw:{name}", self.of_flavor(name), kind),
            _choice(f"hw_{name}", self.of_image(name), kind),
        )

    @property
    def vcpus(self) -> int:
        """Return the flavor's processors; raises `Invalid` for more than can be told apart."""
        if self.flavor.vcpus > MAX_CPU:
            raise Invalid(f"{self.flavor.vcpus} CPUs are more than a topology can have.")
        return self.flavor.vcpus

    def flag(self, name: str) -> bool:
        """Tell whether the flavor says yes."""
        return _flag(f"hw:{name}", self.of_flavor(name)) or False

    def either_flag(self, name: str) -> bool:
        """Tell whether flavor or image say yes; raises `Invalid` when they differ."""
        ours = _flag(f"hw:{name}", self.of_flavor(name))
        theirs = _flag(f"hw_{name}", self.of_image(name))
        if None not in (ours, theirs) and ours is not theirs:
            raise Invalid(f"The image's hw_{name} contradicts the flavor's hw:{name}.")
        return bool(ours or theirs)

    def numbered(self, name: str) -> tuple[dict[int, str], dict[int, str]]:
        """Return what flavor and image say of each guest cell (``hw:<name>.N``)."""
        return (
            _numbered(self.flavor.extra_specs, f"hw:{name}."),
            _numbered(self.image, f"hw_{name}."),
        )


def _said(value: str | None) -> str | None:
    text = (value or "").strip()
    return text or None


def _number(key: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) >= 1):
        raise Invalid(f"{key} must be a whole number from 1 on, not {text[:40]!r}.")
    return min(int(text), _MAX_NUMBER)


def _choice(key: str, text: str | None, kind: type[Choice]) -> Choice | None:
    if text is None:
        return None
    try:
        return kind(text.lower())
    except ValueError as error:
        offered = ", ".join(str(each.value) for each in kind)
        raise Invalid(f"{key} must be one of {offered}, not {text[:40]!r}.") from error


def _flag(key: str, text: str | None) -> bool | None:
    if text is None:
        return None
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Invalid(f"{key} must be yes or no, not {text[:40]!r}.")


def _numbered(source: Mapping[str, str], prefix: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for key, value in source.items():
        if key.startswith(prefix):
            place = key.removeprefix(prefix)
            if not (place.isascii() and place.isdigit() and len(place) <= 4):
                raise Invalid(f"{key} does not name a guest NUMA cell.")
            found[int(place)] = value
    return found


def cpu_policy(wishes: Wishes) -> CpuPolicy | None:
    """Return the policy; a flavor's ``shared`` or ``mixed`` may not be exceeded by an image."""
    ours, theirs = wishes.choice("cpu_policy", CpuPolicy)
    forbidden = {
        CpuPolicy.SHARED: (CpuPolicy.DEDICATED, CpuPolicy.MIXED),
        CpuPolicy.MIXED: (CpuPolicy.DEDICATED,),
    }
    if ours is not None and theirs in forbidden.get(ours, ()):
        raise Invalid(
            f"The image's hw_cpu_policy={theirs.value} may not override the flavor's"
            f" hw:cpu_policy={ours.value}."
        )
    return ours or theirs


def thread_policy(wishes: Wishes) -> ThreadPolicy | None:
    """Return the thread policy, in which flavor and image must agree."""
    ours, theirs = wishes.choice("cpu_thread_policy", ThreadPolicy)
    if ours is not None and theirs is not None and ours is not theirs:
        raise Invalid(
            f"The image's hw_cpu_thread_policy={theirs.value} contradicts the flavor's"
            f" hw:cpu_thread_policy={ours.value}."
        )
    return ours or theirs


def emulator_policy(wishes: Wishes) -> EmulatorPolicy | None:
    """Return where the emulator's threads run; only a flavor may say so."""
    return wishes.choice("emulator_threads_policy", EmulatorPolicy)[0]


def page_size(wishes: Wishes) -> tuple[int | None, PageChoice | None]:
    """Return the size of pages in KiB, or a choice that names no size.

    An image may say it only within a flavor's ``large`` or ``any``.
    """
    ours, theirs = wishes.of_flavor("mem_page_size"), wishes.of_image("mem_page_size")
    open_flavor = ours is not None and ours.lower() in ("large", "any")
    if theirs is not None and not open_flavor:
        raise Invalid(
            "The image's hw_mem_page_size needs a flavor with hw:mem_page_size large or any."
        )
    if theirs is not None:
        return _page_size("hw_mem_page_size", theirs)
    return (None, None) if ours is None else _page_size("hw:mem_page_size", ours)


def _page_size(key: str, text: str) -> tuple[int | None, PageChoice | None]:
    if text.lower() in {each.value for each in PageChoice}:
        return None, PageChoice(text.lower())
    size = size_kb(text)
    if not size:
        raise Invalid(f"{key} must be small, large, any or a size, not {text[:40]!r}.")
    return size, None


def size_kb(text: str) -> int:
    """Return a size such as ``2048``, ``2MB`` or ``1GiB`` in KiB; 0 for what is none."""
    match = _PAGE_SIZE.fullmatch(text.strip())
    if match is None:
        return 0
    number, unit, kind = match.groups()
    size = int(number) * _FACTORS[(unit or "k").lower()]
    return size // 8 if kind in ("b", "bit") else size


def mask(text: str, key: str, *, vcpus: int) -> frozenset[int]:
    """Return the guest's processors that a mask names; ``^`` first means: all but.

    Raises `Invalid` for processors that the flavor does not have.
    """
    everything = frozenset(range(vcpus))
    named = parse_cpuset(f"0-{vcpus - 1},{text}" if text.lstrip().startswith("^") else text)
    if not named <= everything:
        raise Invalid(f"{key}={text} names CPUs beyond the flavor's {vcpus}.")
    return named


def locked_memory(wishes: Wishes) -> bool:
    """Tell whether the guest's memory must stay in memory."""
    return wishes.either_flag("locked_memory")
