"""What a command has at hand, and what every one of them does at its start and end."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from nova_clone.conductor.store.migrations import Schema
from nova_clone.conductor.store.session import TableSet
from nova_clone.conductor.store.settings import OPTIONS, StoreSettings
from nova_clone.conductor.store.unit_of_work import Store
from nova_clone.domain import errors
from nova_clone.runtime import concurrency, settings
from nova_clone.runtime.daemon import product_version

#: The exit code of a command that met something nobody had thought of.
UNEXPECTED = 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Desk:
    """The store of the configuration, what the operator asked for, and where to write."""

    store: Store
    conf: Any
    arguments: argparse.Namespace
    output: TextIO

    def transport_url(self) -> str:
        """Return the address of the broker that is given or configured.

        Raises `Invalid` for one that is none.
        """
        # The library that knows the option and its default is slow to load.
        concurrency.init()
        import oslo_messaging

        try:
            oslo_messaging.TransportURL.parse(self.conf, self.arguments.transport_url)
        except (oslo_messaging.InvalidTransportURL, ValueError) as error:
            raise errors.Invalid(f"The transport URL is not usable: {error}") from error
        return str(self.arguments.transport_url or self.conf.transport_url)

    def say(self, text: object) -> None:
        """Write one line to the operator."""
        print(text, file=self.output)

    def schema(self, table_set: TableSet) -> Schema:
        """Return the schema of one set of tables."""
        return Schema(database=self.store.database(table_set), table_set=table_set)


Command = Callable[[Desk], int]


def new_parser(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every command takes."""
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--version", action="version", version=product_version())
    parser.add_argument("--config-file", action="append", metavar="PATH", default=[])
    parser.add_argument("--config-dir", action="append", metavar="DIR", default=[])
    parser.add_argument("--debug", "-d", action="store_true", help="show tracebacks")
    return parser


def run(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    output: TextIO | None = None,
    *,
    failed: int = 1,
) -> int:
    """Parse `argv`, run the command it names, and return the exit code.

    That is ``failed`` when something that the command needs cannot be used.
    """
    arguments = parser.parse_args(argv)
    if "command" not in arguments:
        parser.print_help(output)
        return 2
    try:
        conf = settings.load(
            "nova-manage",
            _configuration(arguments),
            options={"base", *OPTIONS},
            version=product_version(),
        )
        store = Store(StoreSettings.from_conf(conf))
        desk = Desk(
            store=store,
            conf=conf,
            arguments=arguments,
            output=output or sys.stdout,
        )
        try:
            return int(arguments.command(desk))
        finally:
            store.close()
    except errors.NovaError as error:
        return _fail(arguments, error, failed)
    # The command's last line of defence: an operator reads a sentence, not a traceback.
    except Exception as error:  # noqa: BLE001
        return _fail(arguments, error, UNEXPECTED)


def _fail(arguments: argparse.Namespace, error: Exception, code: int) -> int:
    if arguments.debug:
        traceback.print_exception(error)
    text = str(error).partition("\n")[0]
    print(f"An error has occurred: {text}", file=sys.stderr)  # noqa: T201 - see `Desk.say`
    return code


def _configuration(arguments: argparse.Namespace) -> list[str]:
    options: list[str] = []
    for name in ("config_file", "config_dir"):
        for value in getattr(arguments, name):
            options += [f"--{name.replace('_', '-')}", value]
    return options


def subcommand(parsers: Any, name: str, command: Command, help_text: str) -> Any:
    """Add a command to a group of parsers and return its parser, for its options."""
    parser = parsers.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(command=command)
    return parser
