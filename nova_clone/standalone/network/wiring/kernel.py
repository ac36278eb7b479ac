"""The commands that show and change what the kernel has: ip, nft, sysctl files."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nova_clone.domain import errors

_LOG = logging.getLogger(__name__)

#: Written on every device of ours in the root namespace.
OWNER_ALIAS = "nova-standalone"
#: Where ip keeps the names of namespaces.
NAMESPACES = Path("/run/netns")
_TIME_LIMIT = 60
_NAMESPACE = re.compile(r"novar?-[0-9a-f]{8}-[0-9a-f]{2}")


class CommandFailed(errors.ExternalFailure):
    """A command of the wiring failed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Link:
    """A network device as it is."""

    name: str
    master: str | None = None
    alias: str | None = None
    mtu: int = 0
    mac: str = ""
    up: bool = False


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command and return its output, or raise CommandFailed."""
    _LOG.debug("run: %s", " ".join(command))
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=_TIME_LIMIT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        detail = (done.stderr or done.stdout).strip()[-400:]
        raise CommandFailed(f"{' '.join(command[:4])}…: {detail}", code=done.returncode)
    return done.stdout


def batch(lines: Sequence[str], *, namespace: str | None = None) -> None:
    """Run lines of ip commands in order; the first failure ends it."""
    if lines:
        run("ip", *_inside(namespace), "-batch", "-", stdin="\n".join(lines) + "\n")


def links(namespace: str | None = None) -> dict[str, Link]:
    """Return the devices of a namespace by name, without their addresses."""
    shown = run("ip", *_inside(namespace), "-j", "link", "show")
    found: list[dict[str, Any]] = json.loads(shown or "[]")
    return {item["ifname"]: _link(item) for item in found if item.get("ifname")}


def addresses(namespace: str | None = None) -> dict[str, frozenset[str]]:
    """Return addresses with their prefix lengths by device, without link-local ones."""
    shown = run("ip", *_inside(namespace), "-j", "addr", "show")
    found: list[dict[str, Any]] = json.loads(shown or "[]")
    return {item["ifname"]: _addresses(item) for item in found if item.get("ifname")}


def namespaces() -> set[str]:
    """Return the names of our namespaces."""
    if not NAMESPACES.is_dir():
        return set()
    return {entry.name for entry in NAMESPACES.iterdir() if _NAMESPACE.fullmatch(entry.name)}


def is_whole(namespace: str) -> bool:
    """Tell whether a namespace can be entered; one half made has only its name."""
    try:
        run("ip", "-n", namespace, "link", "show", "lo")
    except CommandFailed:
        return False
    return True


def routes(namespace: str) -> list[dict[str, Any]]:
    """Return the routes somebody added, those of all tables."""
    found: list[dict[str, Any]] = []
    for family in ("-4", "-6"):
        text = run("ip", "-n", namespace, "-j", family, "route", "show", "table", "all")
        found += [
            route
            for route in json.loads(text or "[]")
            if route.get("protocol") not in ("kernel", "ra")
            and route.get("table") != "local"
            and route.get("gateway")
        ]
    return found


def rules(namespace: str) -> list[dict[str, Any]]:
    """Return the routing policy rules somebody added."""
    text = run("ip", "-n", namespace, "-j", "rule", "show")
    return [rule for rule in json.loads(text or "[]") if rule.get("iif")]


def load_rules(script: str, *, namespace: str | None = None) -> None:
    """Load an nft script as one transaction."""
    prefix = ("ip", "netns", "exec", namespace) if namespace else ()
    run(*prefix, "nft", "-f", "-", stdin=script)


def replacing(family: str, table: str, script: str) -> str:
    """Return an nft script that puts `script` in place of a table, there or not."""
    return f"table {family} {table}\ndelete table {family} {table}\n{script}"


def sysctl(values: Iterable[tuple[str, str]], *, namespace: str | None = None) -> None:
    """Set kernel parameters, named by their path below /proc/sys."""
    if namespace is None:
        for path, value in values:
            Path("/proc/sys", path).write_text(value)
        return
    script = "".join(f"echo {value} > /proc/sys/{path}\n" for path, value in values)
    run("ip", "netns", "exec", namespace, "sh", "-e", stdin=script)


def processes(namespace: str, *, program: str) -> list[int]:
    """Return the processes of a program that live in a namespace."""
    found: list[int] = []
    for pid in run("ip", "netns", "pids", namespace).split():
        with contextlib.suppress(OSError):
            if Path("/proc", pid, "comm").read_text().strip() == program:
                found.append(int(pid))
    return found


def bridges_filter_packets() -> bool:
    """Tell whether bridged packets can be tracked (module br_netfilter), loading it if needed."""
    present = Path("/proc/sys/net/bridge")
    if not present.exists():
        try:
            run("modprobe", "br_netfilter")
        except CommandFailed as error:
            _LOG.info("br_netfilter: %s", error.message)
    return present.exists()


def _inside(namespace: str | None) -> tuple[str, ...]:
    return ("-n", namespace) if namespace else ()


def _link(item: dict[str, Any]) -> Link:
    return Link(
        name=item["ifname"],
        master=item.get("master"),
        alias=item.get("ifalias"),
        mtu=item.get("mtu", 0),
        mac=item.get("address", ""),
        up="UP" in item.get("flags", ()),
    )


def _addresses(item: dict[str, Any]) -> frozenset[str]:
    return frozenset(
        f"{one['local']}/{one['prefixlen']}"
        for one in item.get("addr_info", ())
        if one.get("scope") != "link" and "local" in one
    )
