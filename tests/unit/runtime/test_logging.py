from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from nova_clone.domain.identity import ProjectId, RequestContext, RequestId, UserId
from nova_clone.runtime import logging as runtime_logging
from nova_clone.runtime import settings
from nova_clone.runtime.logging import log_context, mask, rpc_log_context

REQUEST = RequestContext(
    request_id=RequestId("req-7"),
    user_id=UserId("ann"),
    project_id=ProjectId("blue"),
    auth_token="gAAAAsecret",
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    yield from started(tmp_path, "debug = true")


@pytest.fixture
def json_log(tmp_path: Path) -> Iterator[Path]:
    yield from started(tmp_path, "use_json = true")


def started(tmp_path: Path, *lines: str) -> Iterator[Path]:
    path = tmp_path / "nova.log"
    configuration = tmp_path / "nova.conf"
    configuration.write_text("\n".join(["[DEFAULT]", f"log_file = {path}", *lines]))
    root = logging.getLogger()
    before, factory, level = list(root.handlers), logging.getLogRecordFactory(), root.level
    conf = settings.load(
        "nova-test", [], options=(), version="1", default_files=[str(configuration)]
    )
    runtime_logging.setup(conf, "1")
    yield path
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.setLogRecordFactory(factory)
    cfg.CONF.reset()


def test_one_line_names_request_server_and_workflow(log: Path) -> None:
    with log_context(REQUEST, server="server-1"), log_context(workflow="flow-1"):
        logging.getLogger("nova_clone.x").info("built")

    assert (
        "INFO nova_clone.x [None req-7 ann blue - - - -] "
        "[instance: server-1] [workflow: flow-1] built"
    ) in log.read_text().replace("[-", "[None")


def test_a_line_outside_any_request_is_plain(log: Path) -> None:
    with log_context(REQUEST, server="server-1"):
        pass
    logging.getLogger("nova_clone.x").info("alone")

    assert "INFO nova_clone.x [-] alone" in log.read_text()


def test_secrets_do_not_reach_the_log_not_even_in_a_traceback(log: Path) -> None:
    try:
        raise ValueError("cannot reach mysql://nova:hunter2@db/nova")
    except ValueError:
        logging.getLogger("nova_clone.x").exception("X-Auth-Token: abcdef")

    text = log.read_text()
    assert "ValueError" in text
    assert "hunter2" not in text
    assert "abcdef" not in text


def test_json_lines_carry_the_request(json_log: Path) -> None:
    with log_context(REQUEST, server="server-1"):
        logging.getLogger("nova_clone.x").warning("look")

    line = json.loads(json_log.read_text().splitlines()[-1])
    assert line["message"] == "look"
    assert line["context"]["request_id"] == "req-7"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("rabbit://guest:s3cret@host:5672/", "s3cret"),
        ("X-Subject-Token: s3cret", "s3cret"),
        ("{'adminPass': 's3cret'}", "s3cret"),
        ('{"auth_token":"s3cret","a":1}', "s3cret"),
        ("password=s3cret, user=u", "s3cret"),
        ("Authorization: Bearer s3cret", "s3cret"),
        ("token gAAAAABls3cret-s3cret_s3cret== used", "s3cret"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in mask(text)
    assert "***" in mask(text)


@pytest.mark.parametrize(
    "text", ["http://10.0.0.1:8774/v2.1", "server created", "http://[::1]:80/a@b", "2 keypairs"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert mask(text) == text


class Ticket:
    workflow_id = "flow-2"
    server_id = "server-2"


class Message:
    ticket = Ticket()


def test_a_received_message_names_its_server_and_workflow(log: Path) -> None:
    with rpc_log_context(REQUEST, "spawn", Message()):
        logging.getLogger("nova_clone.x").info("spawned")

    assert "req-7 ann blue" in log.read_text()
    assert "[instance: server-2] [workflow: flow-2] spawned" in log.read_text()


def test_the_formatter_leaves_the_record_alone() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(runtime_logging.MaskingFormatter(logging.Formatter("%(message)s")))
    record = logging.LogRecord("x", logging.INFO, "f", 1, "password=%s", ("p",), None)

    handler.handle(record)

    assert stream.getvalue() == "password=***\n"
    assert record.getMessage() == "password=p"
