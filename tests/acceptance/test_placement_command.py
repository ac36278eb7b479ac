"""osc-placement at Placement's newest version, on pretended hosts."""

from __future__ import annotations

import dataclasses
import json
import uuid
from importlib.metadata import entry_points
from typing import Any

import pytest

from tests.acceptance.machine import CommandLine, Stack

pytestmark = pytest.mark.acceptance


def test_hosts_have_inventory_and_traits(pretended: Stack) -> None:
    providers = {row["name"]: row for row in pretended.json("resource", "provider", "list")}
    assert set(providers) == {"compute-1", "compute-2"}
    provider = providers["compute-1"]["uuid"]
    shown = pretended.json("resource", "provider", "show", provider)
    assert (shown["name"], shown["root_provider_uuid"]) == ("compute-1", provider)
    inventory = pretended.json("resource", "provider", "inventory", "list", provider)
    assert {row["resource_class"] for row in inventory} == {"VCPU", "MEMORY_MB", "DISK_GB"}
    vcpu = pretended.json("resource", "provider", "inventory", "show", provider, "VCPU")
    assert vcpu["total"] > 0
    traits = pretended.json("resource", "provider", "trait", "list", provider)
    assert "COMPUTE_NODE" in [row["name"] for row in traits]


def test_candidates_name_the_hosts_that_fit(pretended: Stack) -> None:
    words = ("allocation", "candidate", "list", "--resource")
    providers = {row["uuid"] for row in pretended.json("resource", "provider", "list")}
    found = pretended.json(*words, "VCPU=1", "--resource", "MEMORY_MB=64")
    assert {row["resource provider"] for row in found} == providers
    assert pretended.json(*words, "VCPU=100000") == []
    complaint = pretended.refusal(*words, "CUSTOM_NOTHING=1")
    assert "CUSTOM_NOTHING" in complaint


def test_a_server_shows_as_an_allocation(pretended: Stack) -> None:
    nets = ("--network", "private")
    words = ("--image", "guest", "--flavor", "m1.nano", *nets, "--wait", "counted")
    server = pretended.json("server", "create", *words)["id"]
    allocation = pretended.json("resource", "provider", "allocation", "show", server)
    assert [row["resources"] for row in allocation] == [{"VCPU": 1, "MEMORY_MB": 128, "DISK_GB": 1}]
    assert allocation[0]["consumer_type"] == "INSTANCE"
    provider = allocation[0]["resource_provider"]
    usage = pretended.json("resource", "provider", "usage", "show", provider)
    used = {row["resource_class"]: row["usage"] for row in usage}
    assert used["VCPU"] >= 1
    pretended.openstack("server", "delete", "--wait", server)
    assert pretended.json("resource", "provider", "allocation", "show", server) == []


def test_an_operator_uses_every_command(pretended: Stack) -> None:
    with pretended.command_line() as line:
        commands = Commands(pretended, line)
        before = commands.names("resource provider list")
        name_classes(commands)
        name_traits(commands)
        tree = plant(commands)
        stock(commands, tree)
        describe(commands, tree)
        gather(commands, tree)
        search(commands, tree)
        consume(commands, tree)
        fell(commands, tree)
        assert commands.names("resource provider list") == before
    assert commands.unused == set()


class Commands:
    """The commands of osc-placement, and which of them nobody has used yet."""

    def __init__(self, stack: Stack, line: CommandLine) -> None:
        self._stack = stack
        self._line = line
        self.unused = {
            point.name.replace("_", " ") for point in entry_points(group="openstack.placement.v1")
        }

    def run(self, command: str, *words: str) -> str:
        """Run a command that succeeds and return what it printed."""
        self.unused.discard(command)
        done = self._line.attempt(*command.split(), *words)
        assert done.returncode == 0, f"{command} {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def rows(self, command: str, *words: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.run(command, *words, "-f", "json"))

    def older(self, version: str, command: str, *words: str) -> Any:
        """Return what a command prints with an older microversion, in a process of its own."""
        chosen = ("--os-placement-api-version", version)
        return self._stack.json(*chosen, *command.split(), *words)

    def names(self, command: str, *words: str, column: str = "name") -> set[str]:
        """Return one column of what a command lists."""
        return {row[column] for row in self.rows(command, *words)}

    def refused(self, command: str, *words: str) -> str:
        """Return the complaint of a command that fails."""
        done = self._line.attempt(*command.split(), *words)
        assert done.returncode != 0, done.stdout
        return done.stderr


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    """A provider, two below it, and the aggregate that they are in."""

    root: str
    left: str
    right: str
    aggregate: str

    @property
    def all(self) -> set[str]:
        return {self.root, self.left, self.right}


def name_classes(commands: Commands) -> None:
    commands.run("resource class create", "CUSTOM_GOLD")
    assert "409" in commands.refused("resource class create", "CUSTOM_GOLD")
    for name in ("CUSTOM_GOLD", "CUSTOM_LEAD"):
        commands.run("resource class set", name)
    assert commands.rows("resource class show", "CUSTOM_LEAD") == {"name": "CUSTOM_LEAD"}
    assert {"VCPU", "CUSTOM_GOLD", "CUSTOM_LEAD"} <= commands.names("resource class list")
    commands.run("resource class delete", "CUSTOM_LEAD")
    assert "404" in commands.refused("resource class show", "CUSTOM_LEAD")
    assert "VCPU" in commands.refused("resource class delete", "VCPU")


def name_traits(commands: Commands) -> None:
    for name in ("CUSTOM_RED", "CUSTOM_BLUE", "CUSTOM_GREY"):
        commands.run("trait create", name)
    assert commands.rows("trait show", "CUSTOM_RED") == {"name": "CUSTOM_RED"}
    listed = commands.names("trait list", "--name", "startswith:CUSTOM_")
    assert listed == {"CUSTOM_RED", "CUSTOM_BLUE", "CUSTOM_GREY"}
    wanted = ("trait list", "--name", "in:HW_CPU_X86_AVX,CUSTOM_RED,CUSTOM_UNKNOWN")
    assert commands.names(*wanted) == {"HW_CPU_X86_AVX", "CUSTOM_RED"}
    used = commands.names("trait list", "--associated")
    assert "COMPUTE_NODE" in used
    assert "CUSTOM_RED" not in used
    commands.run("trait delete", "CUSTOM_GREY")
    assert "404" in commands.refused("trait show", "CUSTOM_GREY")


def plant(commands: Commands) -> Tree:
    root = str(uuid.uuid4())
    made = commands.rows("resource provider create", "garden", "--uuid", root)
    assert (made["uuid"], made["parent_provider_uuid"]) == (root, None)
    assert "409" in commands.refused("resource provider create", "garden")
    left = commands.rows("resource provider create", "left", "--parent-provider", root)
    assert left["root_provider_uuid"] == root
    right = commands.rows("resource provider create", "right")["uuid"]
    moved = commands.rows("resource provider set", right, "--name", "r", "--parent-provider", root)
    assert (moved["name"], moved["root_provider_uuid"]) == ("r", root)
    tree = Tree(root=root, left=left["uuid"], right=right, aggregate=str(uuid.uuid4()))
    lists = "resource provider list"
    assert commands.names(lists, "--in-tree", right, column="uuid") == tree.all
    assert commands.names(lists, "--name", "r", column="uuid") == {right}
    assert commands.names(lists, "--uuid", right) == {"r"}
    assert "409" in commands.refused("resource provider delete", root)
    return tree


def stock(commands: Commands, tree: Tree) -> None:
    sets, shows = "resource provider inventory set", "resource provider inventory show"
    words = ("--resource", "VCPU=8", "--resource", "VCPU:max_unit=4", "--resource", "DISK_GB=10")
    assert len(commands.rows(sets, tree.root, *words)) == 2
    assert commands.rows(shows, tree.root, "VCPU")["max_unit"] == 4
    dry = commands.rows(sets, tree.root, "--resource", "VCPU=99", "--amend", "--dry-run")
    assert {row["resource_class"]: row["total"] for row in dry} == {"VCPU": 99, "DISK_GB": 10}
    amended = commands.rows(sets, tree.root, "--resource", "VCPU:allocation_ratio=2", "--amend")
    vcpu = next(row for row in amended if row["resource_class"] == "VCPU")
    assert (vcpu["total"], vcpu["max_unit"], vcpu["allocation_ratio"]) == (8, 4, 2.0)
    gold = ("CUSTOM_GOLD", "--total", "10", "--reserved", "2", "--step_size", "2")
    assert "400" in commands.refused("resource provider inventory class set", tree.left, *gold)
    for provider in (tree.left, tree.right):
        commands.run(sets, provider, "--resource", "CUSTOM_GOLD=1")
        shown = commands.rows("resource provider inventory class set", provider, *gold)
        assert (shown["total"], shown["reserved"], shown["step_size"]) == (10, 2, 2)
    deletes = "resource provider inventory delete"
    commands.run(deletes, tree.root, "--resource-class", "DISK_GB")
    lists = "resource provider inventory list"
    assert commands.names(lists, tree.root, column="resource_class") == {"VCPU"}
    commands.run(sets, tree.right, "--resource", "CUSTOM_GOLD=4", "--resource", "DISK_GB=1")
    commands.run(deletes, tree.right)
    assert commands.rows(lists, tree.right) == []
    assert "400" in commands.refused(sets, tree.right, "--resource", "CUSTOM_NOTHING=1")
    assert "404" in commands.refused(shows, tree.right, "VCPU")


def describe(commands: Commands, tree: Tree) -> None:
    sets, lists = "resource provider trait set", "resource provider trait list"
    both = ("--trait", "CUSTOM_RED", "--trait", "CUSTOM_BLUE")
    listed = commands.names(sets, tree.left, *both)
    assert listed == {"CUSTOM_RED", "CUSTOM_BLUE"} == commands.names(lists, tree.left)
    commands.run(sets, tree.root, *both)
    commands.run("resource provider trait delete", tree.root)
    assert commands.rows(lists, tree.root) == []
    commands.run(sets, tree.right, "--trait", "CUSTOM_BLUE")
    assert "409" in commands.refused("trait delete", "CUSTOM_BLUE")
    assert "400" in commands.refused(sets, tree.right, "--trait", "CUSTOM_UNKNOWN")


def gather(commands: Commands, tree: Tree) -> None:
    sets, lists = "resource provider aggregate set", "resource provider aggregate list"
    for provider in tree.all:
        generation = str(commands.rows("resource provider show", provider)["generation"])
        words = (provider, "--aggregate", tree.aggregate, "--generation", generation)
        assert commands.names(sets, *words, column="uuid") == {tree.aggregate}
        assert "409" in commands.refused(sets, *words)
    assert commands.names(lists, tree.left, column="uuid") == {tree.aggregate}
    assert commands.older("1.18", sets, tree.right) == []
    commands.older("1.18", sets, tree.right, "--aggregate", tree.aggregate)
    filled = commands.rows(
        *("resource provider inventory set", tree.aggregate, "--aggregate", "--amend"),
        *("--resource", "CUSTOM_GOLD=10"),
    )
    assert {row["resource_provider"] for row in filled} == tree.all


def search(commands: Commands, tree: Tree) -> None:
    gold = ("--resource", "CUSTOM_GOLD=4")
    lists = "resource provider list"
    member = ("--member-of", f"{uuid.uuid4()},{tree.aggregate}")
    assert commands.names(lists, *gold, *member, column="uuid") == tree.all
    either = ("--required", "CUSTOM_RED,CUSTOM_BLUE", "--forbidden", "CUSTOM_RED")
    assert commands.names(lists, *either, column="uuid") == {tree.right}
    finds, column = "allocation candidate list", "resource provider"
    assert commands.names(finds, *gold, *either, *member, column=column) == {tree.right}
    assert len(commands.rows(finds, *gold, "--limit", "1")) == 1
    groups = (
        *("--group", "1", *gold, "--required", "CUSTOM_BLUE"),
        *("--group", "2", *gold, "--required", "CUSTOM_BLUE", "--member-of", tree.aggregate),
    )
    apart = commands.rows(finds, *groups, "--group-policy", "isolate")
    assert {row[column] for row in apart} == {tree.left, tree.right}
    assert {row["#"] for row in apart} == {1, 2}
    assert len(commands.rows(finds, *groups, "--group-policy", "none")) > len(apart)
    beside = ("--resource", "VCPU=2", "--group", "3", *gold, "--required", "CUSTOM_RED")
    found = commands.rows(finds, *beside)
    assert {(row[column], row["allocation"]) for row in found} == {
        (tree.root, "VCPU=2"),
        (tree.left, "CUSTOM_GOLD=4"),
    }
    assert tree.left in {row[column] for row in commands.older("1.10", finds, *gold)}


def consume(commands: Commands, tree: Tree) -> None:
    sets, shows = "resource provider allocation set", "resource provider allocation show"
    owner = ("--project-id", "miners", "--user-id", "miner", "--consumer-type", "MINE")
    consumer, other = str(uuid.uuid4()), str(uuid.uuid4())
    held = [f"rp={tree.left},CUSTOM_GOLD=8", f"rp={tree.root},VCPU=2,CUSTOM_GOLD=2"]
    words = [word for one in held for word in ("--allocation", one)]
    made = commands.rows(sets, consumer, *words, *owner)
    assert {row["consumer_type"] for row in made} == {"MINE"}
    assert sorted(map(str, commands.rows(shows, consumer))) == sorted(map(str, made))
    more = ("--allocation", f"rp={tree.left},CUSTOM_GOLD=4")
    assert "409" in commands.refused(sets, other, *more, *owner)
    shown = commands.rows("resource provider show", tree.left, "--allocations")
    assert shown["allocations"][consumer]["resources"] == {"CUSTOM_GOLD": 8}
    usage = commands.rows("resource provider usage show", tree.root)
    used = {row["resource_class"]: row["usage"] for row in usage}
    assert used == {"VCPU": 2, "CUSTOM_GOLD": 2}
    mine = commands.older("1.37", "resource usage show", "miners", "--user-id", "miner")
    assert {row["resource_class"]: row["usage"] for row in mine} == {"VCPU": 2, "CUSTOM_GOLD": 10}
    assert commands.rows("resource usage show", "miners")[0]["resource_class"] == "MINE"
    assert "409" in commands.refused("resource provider inventory delete", tree.left)
    unsets = "resource provider allocation unset"
    (left,) = commands.rows(unsets, consumer, "--provider", tree.left)
    assert (left["resource_provider"], len(left["resources"])) == (tree.root, 2)
    (left,) = commands.rows(unsets, consumer, "--resource-class", "VCPU")
    assert left["resources"] == {"CUSTOM_GOLD": 2}
    assert commands.rows(unsets, consumer) == []
    commands.run(sets, other, *more, *owner)
    commands.run("resource provider allocation delete", other)
    assert "404" in commands.refused("resource provider allocation delete", other)
    assert commands.rows(shows, other) == []


def fell(commands: Commands, tree: Tree) -> None:
    for provider in (tree.left, tree.right, tree.root):
        commands.run("resource provider delete", provider)
    assert "404" in commands.refused("resource provider show", tree.root)
    commands.run("resource class delete", "CUSTOM_GOLD")
    for name in ("CUSTOM_RED", "CUSTOM_BLUE"):
        commands.run("trait delete", name)
