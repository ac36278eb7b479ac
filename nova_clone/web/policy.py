"""Policy: rules registered as data, checked by oslo.policy, remembered per request."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Literal

from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_policy import policy as oslo
from yaml import YAMLError

from nova_clone.domain.errors import Forbidden
from nova_clone.domain.identity import RequestContext

Target = Mapping[str, Any]
"""What a rule is checked against: attributes of a resource, all of them hashable."""

Decided = dict[tuple[Any, ...], bool]

_LOG = logging.getLogger(__name__)
_LOOK_EVERY: Final = 5.0
_MAX_DECIDED: Final = 20_000

ANYBODY: Final = "@"
NOBODY: Final = "!"
ADMIN: Final = "rule:context_is_admin"
READER: Final = "rule:project_reader_or_admin"
MEMBER: Final = "rule:project_member_or_admin"
MANAGER: Final = "rule:project_manager_or_admin"
SERVICE: Final = "rule:service_or_admin"
ADMIN_OR_USER: Final = "rule:context_is_admin or user_id:%(user_id)s"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deprecated:
    """The older name and default of a rule, honoured when a policy file sets it."""

    name: str
    default: str
    reason: str
    since: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """One policy rule: its default check and the operations it guards.

    An operation is a method and a path template.
    """

    name: str
    default: str
    description: str = ""
    operations: tuple[tuple[str, str], ...] = ()
    scope_types: tuple[Literal["project", "system", "domain"], ...] = ("project",)
    deprecated: Deprecated | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PolicySettings:
    """Where policy overrides are read from: ``[oslo_policy]``.

    Relative names are looked up in `config_dirs`, the first that has them wins.
    """

    policy_file: str = "policy.yaml"
    policy_dirs: tuple[str, ...] = ("policy.d",)
    enforce_new_defaults: bool = True
    config_dirs: tuple[str, ...] = ("/etc/nova",)


def _base(name: str, default: str, description: str) -> Rule:
    return Rule(name=name, default=default, description=description, scope_types=())


BASE_RULES: Final = (
    _base("context_is_admin", "role:admin", "Decides whether a request has administrator rights."),
    _base(
        "admin_or_owner",
        "is_admin:True or project_id:%(project_id)s",
        "Administrators, and anyone within the project. Kept for older policy files.",
    ),
    _base("admin_api", "is_admin:True", "Administrators. Kept for older policy files."),
    _base(
        "project_manager_api",
        "role:manager and project_id:%(project_id)s",
        "Managers of the project that owns the resource.",
    ),
    _base(
        "project_member_api",
        "role:member and project_id:%(project_id)s",
        "Members of the project that owns the resource.",
    ),
    _base(
        "project_reader_api",
        "role:reader and project_id:%(project_id)s",
        "Readers of the project that owns the resource.",
    ),
    _base(
        "project_manager_or_admin",
        "rule:project_manager_api or rule:context_is_admin",
        "Managers of the project, and administrators.",
    ),
    _base(
        "project_member_or_admin",
        "rule:project_member_api or rule:context_is_admin",
        "Members of the project, and administrators.",
    ),
    _base(
        "project_reader_or_admin",
        "rule:project_reader_api or rule:context_is_admin",
        "Readers of the project, and administrators.",
    ),
    _base("service_api", "role:service", "Other services of the cloud."),
    _base(
        "service_or_admin",
        "rule:service_api or rule:context_is_admin",
        "Other services of the cloud, and administrators.",
    ),
)


class Policy:
    """All rules of one service, with the operator's overrides applied.

    Changed policy files are noticed within seconds and take effect as a
    whole; a file that cannot be read leaves the rules in force as they were.
    """

    def __init__(self, rules: Iterable[Rule], settings: PolicySettings | None = None) -> None:
        self._rules = tuple(rules)
        self._settings = settings or PolicySettings()
        self._stamp = _stamp(self._settings)
        self._in_force = self._load()
        self._reloading = threading.Lock()
        self._look_again = time.monotonic() + _LOOK_EVERY

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every registered rule, as declared."""
        return self._rules

    def bind(self, context: RequestContext) -> Verdicts:
        """Return the decisions for one caller, each taken at most once."""
        return Verdicts(self, context)

    def allow(self, context: RequestContext, rule: str, target: Target | None = None) -> None:
        """Raise `Forbidden` unless `rule` lets `context` act on `target`."""
        self.bind(context).allow(rule, target)

    def permits(self, context: RequestContext, rule: str, target: Target | None = None) -> bool:
        """Tell whether `rule` lets `context` act on `target`."""
        return self.bind(context).permits(rule, target)

    def is_admin(self, context: RequestContext) -> bool:
        """Tell whether the rule ``context_is_admin`` holds for `context`."""
        return self.permits(context, "context_is_admin")

    def decide(self, rule: str, target: Target, credentials: Credentials) -> bool:
        """Ask oslo.policy; raise `KeyError` for a rule that was never registered."""
        if time.monotonic() >= self._look_again:
            self.refresh()
        enforcer, decided = self._in_force
        if decided is None:
            return _ask(enforcer, rule, target, credentials)
        key = (rule, credentials.key, *target.items())
        verdict = decided.get(key)
        if verdict is None:
            verdict = _ask(enforcer, rule, target, credentials)
            if len(decided) >= _MAX_DECIDED:
                decided.clear()
            decided[key] = verdict
        return verdict

    def refresh(self) -> None:
        """Take over policy files that changed since the last look."""
        if not self._reloading.acquire(blocking=False):
            return
        try:
            self._look_again = time.monotonic() + _LOOK_EVERY
            stamp = _stamp(self._settings)
            if stamp != self._stamp:
                self._stamp = stamp
                self._in_force = self._load()
        except (OSError, ValueError, YAMLError):
            _LOG.exception("The changed policy files cannot be used; the former rules stay.")
        finally:
            self._reloading.release()

    def _load(self) -> tuple[oslo.Enforcer, Decided | None]:
        enforcer = _enforcer(self._rules, self._settings)
        return enforcer, _memory(enforcer)


class Credentials:
    """What rules may look at of a caller, with a key that stands for all of it."""

    __slots__ = ("key", "values")

    def __init__(self, context: RequestContext) -> None:
        self.values: dict[str, Any] = {
            "user_id": context.user_id,
            "project_id": context.project_id,
            "tenant": context.project_id,
            "is_admin": context.is_admin,
            "system": context.system_scope,
            "system_scope": context.system_scope,
            "user_domain_id": context.user_domain_id,
            "project_domain_id": context.project_domain_id,
            "roles": list(context.roles),
            "service_roles": list(context.service_roles),
        }
        self.key = (
            context.user_id,
            context.project_id,
            context.is_admin,
            context.system_scope,
            context.user_domain_id,
            context.project_domain_id,
            context.roles,
            context.service_roles,
        )


class Verdicts:
    """What one caller may do; bound to one request and not shared."""

    __slots__ = ("_credentials", "_known", "_own", "_policy")

    def __init__(self, policy: Policy, context: RequestContext) -> None:
        self._policy = policy
        self._credentials = Credentials(context)
        self._own: Target = {"project_id": context.project_id, "user_id": context.user_id}
        self._known: dict[tuple[Any, ...], bool] = {}

    def permits(self, rule: str, target: Target | None = None) -> bool:
        """Tell whether the caller passes `rule` for `target` (their own project)."""
        if target is None:
            target = self._own
        key = (rule, *target.items())
        verdict = self._known.get(key)
        if verdict is None:
            verdict = self._policy.decide(rule, target, self._credentials)
            self._known[key] = verdict
        return verdict

    def allow(self, rule: str, target: Target | None = None) -> None:
        """Raise `Forbidden` unless the caller passes `rule` for `target`."""
        if not self.permits(rule, target):
            raise Forbidden(f"Policy doesn't allow {rule} to be performed.")

    def visible(self, rules: Iterable[str], target: Target | None = None) -> frozenset[str]:
        """Return those of `rules` that the caller passes for `target`."""
        return frozenset(rule for rule in rules if self.permits(rule, target))


def _ask(enforcer: oslo.Enforcer, rule: str, target: Target, credentials: Credentials) -> bool:
    if rule not in enforcer.registered_rules:
        raise KeyError(rule)
    return bool(enforcer.enforce(rule, target, dict(credentials.values)))


def _memory(enforcer: oslo.Enforcer) -> Decided | None:
    """Return room for decisions; None when a rule may ask somebody outside."""
    outside = [point.name for point in entry_points(group="oslo.policy.rule_checks")]
    checks = [str(check) for check in enforcer.rules.values()]
    if any(f"{name}:" in check for name in outside for check in checks):
        return None
    return {}


def _enforcer(rules: Iterable[Rule], settings: PolicySettings) -> oslo.Enforcer:
    """Return an enforcer with all files read, which never looks at files again."""
    options = cfg.ConfigOpts()
    options(args=[], default_config_files=[], default_config_dirs=[], use_env=False)
    policy_opts.set_defaults(options)
    overrides: dict[str, Any] = {
        "policy_file": str(_found(settings.policy_file, settings)),
        "policy_dirs": [str(_found(name, settings)) for name in settings.policy_dirs],
        "enforce_new_defaults": settings.enforce_new_defaults,
    }
    for name, value in overrides.items():
        options.set_override(name, value, group="oslo_policy")
    enforcer = oslo.Enforcer(options)
    enforcer.suppress_default_change_warnings = True
    for rule in rules:
        enforcer.register_default(documented(rule))
    enforcer.load_rules()
    enforcer.use_conf = False
    return enforcer


def _found(name: str, settings: PolicySettings) -> Path:
    places = [Path(place) / name for place in settings.config_dirs]
    return next((place for place in places if place.exists()), places[0])


def _stamp(settings: PolicySettings) -> tuple[tuple[str, int, int], ...]:
    """Return what changes whenever a policy file is written, added or removed."""
    paths = [_found(settings.policy_file, settings)]
    for name in settings.policy_dirs:
        paths += sorted(_found(name, settings).glob("*"))
    stamps = []
    for path in paths:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        stamps.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def documented(rule: Rule) -> oslo.RuleDefault:
    """Return a rule as oslo.policy and its tools know it."""
    deprecated = None
    if rule.deprecated is not None:
        deprecated = oslo.DeprecatedRule(
            rule.deprecated.name,
            rule.deprecated.default,
            deprecated_reason=rule.deprecated.reason,
            deprecated_since=rule.deprecated.since,
        )
    scope_types: list[str] | None = list(rule.scope_types) or None
    if not rule.operations:
        return oslo.RuleDefault(
            rule.name,
            rule.default,
            description=rule.description,
            scope_types=scope_types,
            deprecated_rule=deprecated,
        )
    return oslo.DocumentedRuleDefault(
        rule.name,
        rule.default,
        rule.description or rule.name,
        [{"method": method, "path": path} for method, path in rule.operations],
        scope_types=scope_types,
        deprecated_rule=deprecated,
    )
