"""Groups that tell how a service authenticates and finds its peers.

The options are those of keystoneauth1, by their names, types and defaults. They are declared
here because keystoneauth1 can only be asked for them with all that it needs for its requests,
which are some 6 MB in a daemon that makes none.
"""

from __future__ import annotations

from typing import Any

from oslo_config import cfg, types

#: Each group, and the type of the service it is about, if it is about one.
GROUPS: dict[str, str | None] = {
    "keystone": "identity",
    "glance": "image",
    "neutron": "network",
    "cinder": None,
    "placement": "placement",
    "service_user": None,
    "ironic": "baremetal",
    "barbican": "key-manager",
    "manila": "shared-file-system",
    "cyborg": "accelerator",
    "vendordata_dynamic_auth": None,
}

#: These never authenticate by themselves: the user's token is passed on.
WITHOUT_PLUGIN = frozenset({"glance"})
#: These name no service of the catalog by a type, or do it in another way.
WITHOUT_ADAPTER = frozenset({"cinder", "service_user", "vendordata_dynamic_auth"})


def options(group: str) -> list[Any]:
    """Return the options of a group; the service type and interfaces are set to its own."""
    found = _session()
    if group not in WITHOUT_PLUGIN:
        found += [*_plugin(), *credentials()]
    if group not in WITHOUT_ADAPTER:
        found += _adapter(GROUPS.get(group))
    return sorted(found, key=lambda option: str(option.dest))


def credentials() -> list[Any]:
    """Return the options that a service proves itself with; none of them must be set."""
    return [*_identity(), *_scope()]


def _session() -> list[Any]:
    return [
        cfg.StrOpt("cafile", help="A file of certificates of authorities that are trusted."),
        cfg.StrOpt("certfile", help="A file with the certificate to show to the service."),
        cfg.StrOpt("keyfile", help="A file with the key of that certificate."),
        cfg.BoolOpt(
            "insecure",
            default=False,
            help="Whether the certificate of the service is believed unseen.",
        ),
        cfg.FloatOpt("timeout", help="How many seconds a request may wait for an answer."),
        cfg.BoolOpt(
            "collect-timing", default=False, help="Whether the time of each request is kept."
        ),
        cfg.BoolOpt(
            "split-loggers",
            default=False,
            help="Whether the parts of a request are logged under names of their own.",
        ),
        cfg.StrOpt(
            "tls-ciphers",
            help="The ciphers that TLS may use, as OpenSSL writes them. Unset, its usual ones.",
        ),
        cfg.StrOpt(
            "tls-min-version",
            choices=[None, "1.2", "1.3"],
            help="The oldest version of TLS that is spoken. Unset, the system decides.",
        ),
    ]


def _plugin() -> list[Any]:
    return [
        cfg.StrOpt(
            "auth_type",
            deprecated_opts=[cfg.DeprecatedOpt("auth_plugin")],
            help="The way to authenticate. Only password is supported.",
        ),
        cfg.StrOpt("auth_section", help="The group that has these options instead of this one."),
    ]


def _identity() -> list[Any]:
    return [
        cfg.StrOpt("auth-url", help="The URL of the identity service."),
        cfg.StrOpt("user-id", help="The id of the user."),
        cfg.StrOpt(
            "username",
            deprecated_opts=[cfg.DeprecatedOpt("user-name")],
            help="The name of the user.",
        ),
        cfg.StrOpt("user-domain-id", help="The id of the domain that the user is in."),
        cfg.StrOpt("user-domain-name", help="The name of the domain that the user is in."),
        cfg.StrOpt("password", secret=True, help="The password of the user."),
        cfg.StrOpt(
            "default-domain-id",
            help="The id of the domain of user and project, where these name none.",
        ),
        cfg.StrOpt(
            "default-domain-name",
            help="The name of the domain of user and project, where these name none.",
        ),
    ]


def _scope() -> list[Any]:
    return [
        cfg.StrOpt("system-scope", help="The part of the system to act for."),
        cfg.StrOpt("domain-id", help="The id of the domain to act for."),
        cfg.StrOpt("domain-name", help="The name of the domain to act for."),
        cfg.StrOpt(
            "project-id",
            deprecated_opts=[cfg.DeprecatedOpt("tenant-id")],
            help="The id of the project to act for.",
        ),
        cfg.StrOpt(
            "project-name",
            deprecated_opts=[cfg.DeprecatedOpt("tenant-name")],
            help="The name of the project to act for.",
        ),
        cfg.StrOpt("project-domain-id", help="The id of the domain that the project is in."),
        cfg.StrOpt("project-domain-name", help="The name of the domain that the project is in."),
        cfg.StrOpt("trust-id", help="The id of the trust to act by."),
    ]


def _adapter(service_type: str | None) -> list[Any]:
    return [
        cfg.StrOpt(
            "service-type", default=service_type, help="The type of the service in the catalog."
        ),
        cfg.StrOpt("service-name", help="The name of the service in the catalog."),
        cfg.ListOpt(
            "valid-interfaces",
            default=["internal", "public"],
            help="Interfaces of the catalog, the preferred one first.",
        ),
        cfg.StrOpt("region-name", help="The region in which the service is looked for."),
        cfg.StrOpt(
            "endpoint-override",
            help="The URL of the service, instead of the catalog's, without a version.",
        ),
        *_versions(),
        *_retries(),
    ]


def _versions() -> list[Any]:
    return [
        cfg.StrOpt(
            "version",
            help="The major version of the API; excludes min_version and max_version.",
        ),
        cfg.StrOpt("min-version", help="The oldest major version of the API that will do."),
        cfg.StrOpt("max-version", help="The newest major version of the API that will do."),
    ]


def _retries() -> list[Any]:
    return [
        cfg.IntOpt("connect-retries", help="How often a failed connection is tried again."),
        cfg.FloatOpt(
            "connect-retry-delay",
            help=(
                "How many seconds pass before that. Unset, half a second and then twice as "
                "long each time, up to a minute."
            ),
        ),
        cfg.IntOpt(
            "status-code-retries",
            help="How often a request is repeated that was answered with one of these codes.",
        ),
        cfg.FloatOpt(
            "status-code-retry-delay",
            help=(
                "How many seconds pass before that. Unset, half a second and then twice as "
                "long each time, up to a minute."
            ),
        ),
        cfg.ListOpt(
            "retriable-status-codes",
            item_type=types.Integer(),
            help="The codes of answers after which a request is repeated. Unset, 503.",
        ),
    ]
