"""Placement's policy rules, by their names in the field, with their defaults."""

from __future__ import annotations

from oslo_policy.policy import RuleDefault

from nova_clone.web.policy import Deprecated, Rule, documented

_ADMIN = "rule:admin_api"
_ADMIN_OR_SERVICE = "rule:admin_or_service_api"
_SERVICE = "rule:service_api"
_READER = "rule:admin_or_project_reader_or_service_api"

_BASE = (
    Rule(
        name="context_is_admin",
        default="role:admin",
        description="Decides whether a request has administrator rights.",
        scope_types=(),
    ),
    Rule(
        name="admin_api",
        default="role:admin",
        description="Administrators.",
        scope_types=(),
    ),
    Rule(
        name="service_api",
        default="role:service",
        description="Other services of the cloud.",
        scope_types=(),
    ),
    Rule(
        name="admin_or_service_api",
        default="role:admin or role:service",
        description="Administrators, and other services of the cloud.",
        scope_types=(),
    ),
    Rule(
        name="admin_or_project_reader_or_service_api",
        default=("role:admin or role:service or (role:reader and project_id:%(project_id)s)"),
        description="Administrators, other services, and readers of the project in question.",
        scope_types=(),
    ),
)


def _rule(
    name: str, description: str, *operations: tuple[str, str], default: str = _ADMIN_OR_SERVICE
) -> Rule:
    return Rule(
        name=f"placement:{name}",
        default=default,
        description=description,
        operations=operations,
        deprecated=Deprecated(
            name=f"placement:{name}",
            default=_ADMIN,
            reason="Services have a role of their own and need not be administrators.",
            since="13.0.0",
        ),
    )


_PROVIDER = "/resource_providers/{uuid}"
_INVENTORIES = f"{_PROVIDER}/inventories"
_INVENTORY = f"{_INVENTORIES}/{{resource_class}}"
_CLASS = "/resource_classes/{name}"

RULES: tuple[Rule, ...] = (
    *_BASE,
    _rule("resource_providers:list", "List providers.", ("GET", "/resource_providers")),
    _rule("resource_providers:create", "Make a provider.", ("POST", "/resource_providers")),
    _rule("resource_providers:show", "Show a provider.", ("GET", _PROVIDER)),
    _rule("resource_providers:update", "Rename or move a provider.", ("PUT", _PROVIDER)),
    _rule("resource_providers:delete", "Delete a provider.", ("DELETE", _PROVIDER)),
    _rule(
        "resource_providers:inventories:list",
        "List the inventories of a provider.",
        ("GET", _INVENTORIES),
    ),
    _rule(
        "resource_providers:inventories:create",
        "Add an inventory to a provider.",
        ("POST", _INVENTORIES),
    ),
    _rule("resource_providers:inventories:show", "Show an inventory.", ("GET", _INVENTORY)),
    _rule(
        "resource_providers:inventories:update",
        "Replace one or all inventories of a provider.",
        ("PUT", _INVENTORIES),
        ("PUT", _INVENTORY),
    ),
    _rule(
        "resource_providers:inventories:delete",
        "Delete one or all inventories of a provider.",
        ("DELETE", _INVENTORIES),
        ("DELETE", _INVENTORY),
    ),
    _rule(
        "resource_providers:aggregates:list",
        "List the aggregates of a provider.",
        ("GET", f"{_PROVIDER}/aggregates"),
    ),
    _rule(
        "resource_providers:aggregates:update",
        "Replace the aggregates of a provider.",
        ("PUT", f"{_PROVIDER}/aggregates"),
    ),
    _rule(
        "resource_providers:traits:list",
        "List the traits of a provider.",
        ("GET", f"{_PROVIDER}/traits"),
    ),
    _rule(
        "resource_providers:traits:update",
        "Replace the traits of a provider.",
        ("PUT", f"{_PROVIDER}/traits"),
    ),
    _rule(
        "resource_providers:traits:delete",
        "Take all traits from a provider.",
        ("DELETE", f"{_PROVIDER}/traits"),
    ),
    _rule(
        "resource_providers:allocations:list",
        "List what is allocated of a provider.",
        ("GET", f"{_PROVIDER}/allocations"),
    ),
    _rule(
        "resource_providers:usages",
        "Show how much of a provider is used.",
        ("GET", f"{_PROVIDER}/usages"),
    ),
    _rule("resource_classes:list", "List resource classes.", ("GET", "/resource_classes")),
    _rule("resource_classes:create", "Make a resource class.", ("POST", "/resource_classes")),
    _rule("resource_classes:show", "Show a resource class.", ("GET", _CLASS)),
    _rule("resource_classes:update", "Rename or make a resource class.", ("PUT", _CLASS)),
    _rule("resource_classes:delete", "Delete a resource class.", ("DELETE", _CLASS)),
    _rule("traits:list", "List traits.", ("GET", "/traits")),
    _rule("traits:show", "Tell whether a trait exists.", ("GET", "/traits/{name}")),
    _rule("traits:update", "Make a trait.", ("PUT", "/traits/{name}")),
    _rule("traits:delete", "Delete a trait.", ("DELETE", "/traits/{name}")),
    _rule(
        "allocations:manage",
        "Replace the allocations of several consumers.",
        ("POST", "/allocations"),
    ),
    _rule(
        "allocations:list", "Show what a consumer holds.", ("GET", "/allocations/{consumer_uuid}")
    ),
    _rule(
        "allocations:update",
        "Replace what a consumer holds.",
        ("PUT", "/allocations/{consumer_uuid}"),
    ),
    _rule(
        "allocations:delete",
        "Delete what a consumer holds.",
        ("DELETE", "/allocations/{consumer_uuid}"),
    ),
    _rule(
        "allocation_candidates:list",
        "List allocation candidates.",
        ("GET", "/allocation_candidates"),
    ),
    _rule("usages", "Show what a project uses.", ("GET", "/usages"), default=_READER),
    _rule(
        "reshaper:reshape",
        "Move inventories and allocations between providers at once.",
        ("POST", "/reshaper"),
        default=_SERVICE,
    ),
)


def list_rules() -> list[RuleDefault]:
    """Return the rules for the tools of oslo.policy: namespace ``placement``."""
    return [documented(rule) for rule in RULES]
