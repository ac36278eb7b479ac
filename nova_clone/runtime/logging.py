"""Log lines in Nova's form that say whose request, server and workflow they belong to."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

from nova_clone.domain.identity import RequestContext

MASK = "***"
#: What must never be read in a log: tokens, passwords, and the passwords in addresses.
#: Each keeps its first group and loses its second.
_SECRETS = (
    re.compile(
        r"((?:x-(?:auth|subject|service)-token|auth_token|admin_?pass(?:word)?|new_pass"
        r"|password|passwd|secret|fixed_key)[\"']?\s*[:=]\s*b?[\"']?)([^\s\"',}&]+)",
        re.IGNORECASE,
    ),
    re.compile(r"(authorization[\"']?\s*[:=]\s*[\"']?(?:\w+\s+)?)([^\s\"',}]+)", re.IGNORECASE),
    re.compile(r"(://[^\s:/@]*:)([^\s/@]+)(?=@)"),
    re.compile(r"(\b)(gAAAA[\w-]{20,}=*)"),
)
#: A line with none of these needs no closer look.
_HINT = re.compile(r"token|auth|pass|secret|_key|://|gAAAA", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Subject:
    """What the work in hand is about."""

    request: RequestContext | None = None
    server: str | None = None
    workflow: str | None = None


_subject: contextvars.ContextVar[_Subject] = contextvars.ContextVar("log_subject")
_NOTHING = _Subject()
_plain_factory = logging.getLogRecordFactory()


@contextlib.contextmanager
def log_context(
    request: RequestContext | None = None,
    *,
    server: str | None = None,
    workflow: str | None = None,
) -> Iterator[None]:
    """Let the log lines of the body name this request, server and workflow.

    What is not given stays as it was around the body.
    """
    outer = _subject.get(_NOTHING)
    token = _subject.set(
        _Subject(
            request=request or outer.request,
            server=server or outer.server,
            workflow=workflow or outer.workflow,
        )
    )
    try:
        yield
    finally:
        _subject.reset(token)


def rpc_log_context(
    context: RequestContext, verb: str, message: Any
) -> contextlib.AbstractContextManager[None]:
    """Return the log context of one received message: what a bus takes as ``around``."""
    ticket = getattr(message, "ticket", None)
    return log_context(
        context,
        server=getattr(message, "server_id", None) or getattr(ticket, "server_id", None),
        workflow=getattr(message, "workflow_id", None) or getattr(ticket, "workflow_id", None),
    )


class CallerLog:
    """Lets log lines name the caller of the HTTP request that their thread handles."""

    def __init__(self) -> None:
        self._local = threading.local()

    def __call__(self, caller: RequestContext | None) -> None:
        """Begin with a caller's request, or end with None."""
        held: contextlib.ExitStack | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = contextlib.ExitStack()
        if caller is None:
            held.close()
        else:
            held.enter_context(log_context(caller))


def mask(text: str) -> str:
    """Return the text with whatever looks like a secret made unreadable."""
    if _HINT.search(text) is None:
        return text
    for secret in _SECRETS:
        text = secret.sub(rf"\g<1>{MASK}", text)
    return text


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _plain_factory(*args, **kwargs)
    subject = _subject.get(_NOTHING)
    if subject.request is not None:
        record.context = _values(subject.request)
    about = [
        f"[{label}: {value}] "
        for label, value in (("instance", subject.server), ("workflow", subject.workflow))
        if value
    ]
    if about:
        record.instance = "".join(about)
    return record


def _values(request: RequestContext) -> dict[str, Any]:
    # The names that oslo.log's format strings and its JSON form know.
    return {
        "request_id": request.request_id,
        "global_request_id": request.global_request_id,
        "user": request.user_id,
        "user_name": request.user_name,
        "project": request.project_id,
        "project_name": request.project_name,
        "domain": None,
        "user_domain": request.user_domain_id,
        "project_domain": request.project_domain_id,
        "system_scope": request.system_scope,
    }


class MaskingFormatter(logging.Formatter):
    """Another formatter, with secrets made unreadable in what it returns."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished line, traceback included."""
        return mask(self.inner.format(record))


def register(conf: Any) -> None:
    """Register the options of oslo.log; must come before the command line is read."""
    from oslo_log import log

    log.register_options(conf)
    log.set_defaults(default_log_levels=[*log.get_default_log_levels(), "kombu=WARN"])


def setup(conf: Any, version: str) -> None:
    """Set the log up as configured."""
    from oslo_log import log

    with warnings.catch_warnings():
        # It says that eventlet is on its way out, which whoever chose it knows.
        warnings.simplefilter("ignore", DeprecationWarning)
        log.setup(conf, "nova_clone", version)
    logging.setLogRecordFactory(_record)
    for handler in _handlers():
        if handler.formatter is not None and not isinstance(handler.formatter, MaskingFormatter):
            handler.setFormatter(MaskingFormatter(handler.formatter))


def _handlers() -> list[logging.Handler]:
    # A logging configuration file may give handlers to any logger.
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return [
        handler
        for logger in loggers
        if isinstance(logger, logging.Logger)
        for handler in logger.handlers
    ]
