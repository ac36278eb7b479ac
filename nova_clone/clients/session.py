"""How other services are reached: credentials, catalog, tokens, time limits.

A composition root makes one `ServiceAuth` per service from a section of nova.conf and
one `Connection` of it; clients send their requests through the adapters it gives.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import exceptions, plugin, service_token
from keystoneauth1 import session as ksa_session
from keystoneauth1.identity import generic

from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext

#: Seconds without an answer after which a request has failed, unless configured.
DEFAULT_TIMEOUT = 60.0

_PASSWORD_TYPES = (None, "password", "v3password")
_CREDENTIALS = (
    "auth_url",
    "username",
    "user_id",
    "password",
    "user_domain_id",
    "user_domain_name",
    "project_id",
    "project_name",
    "project_domain_id",
    "project_domain_name",
    "default_domain_id",
    "default_domain_name",
    "system_scope",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a service proves itself with; the names are keystoneauth's."""

    auth_url: str
    username: str | None = None
    user_id: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    user_domain_id: str | None = None
    user_domain_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    default_domain_id: str | None = None
    default_domain_name: str | None = None
    system_scope: str | None = None

    @classmethod
    def from_section(cls, section: Mapping[str, Any]) -> Credentials | None:
        """Return the credentials of a section of nova.conf, None if it has no auth_url.

        Raises Invalid for an auth_type other than password.
        """
        given = {name: _option(section, name) for name in _CREDENTIALS}
        if not given["auth_url"]:
            return None
        auth_type = _option(section, "auth_type")
        if auth_type not in _PASSWORD_TYPES:
            raise errors.Invalid(f"auth_type {auth_type} is not supported, only password.")
        return cls(**given)


def own_credentials(conf: Any) -> Credentials | None:
    """Return what a daemon proves itself with where a service's own section tells nothing.

    Looked for in [service_user], [keystone_authtoken] and [neutron], in that order.
    """
    for name in ("service_user", "keystone_authtoken", "neutron"):
        section = conf.get(name)
        found = Credentials.from_section(section) if section is not None else None
        if found is not None:
            return found
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceAuth:
    """How one service is found and spoken to."""

    service_type: str
    credentials: Credentials | None = None
    region_name: str | None = None
    #: Interfaces of the catalog, the preferred one first.
    valid_interfaces: tuple[str, ...] = ("internal", "public")
    #: Takes the place of the catalog's URL.
    endpoint_override: str | None = None
    #: Seconds to wait for a connection, and for each piece of an answer.
    timeout: float = DEFAULT_TIMEOUT
    connect_retries: int = 2
    #: How often a request is repeated that was answered 503.
    status_code_retries: int = 0
    insecure: bool = False
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    #: Proves the service beside the user; None sends the user's token alone.
    service_user: Credentials | None = None

    @classmethod
    def from_section(
        cls,
        section: Mapping[str, Any],
        *,
        service_type: str,
        credentials: Credentials | None = None,
        service_user: Credentials | None = None,
    ) -> ServiceAuth:
        """Return the settings in a section of nova.conf.

        ``credentials`` stand in where the section has none, as in [glance].
        """
        interfaces = _option(section, "valid_interfaces")
        retries = _option(section, "connect_retries")
        return cls(
            service_type=_option(section, "service_type") or service_type,
            credentials=Credentials.from_section(section) or credentials,
            region_name=_option(section, "region_name"),
            valid_interfaces=tuple(interfaces) if interfaces else ("internal", "public"),
            endpoint_override=_option(section, "endpoint_override"),
            timeout=float(_option(section, "timeout") or DEFAULT_TIMEOUT),
            connect_retries=2 if retries is None else int(retries),
            status_code_retries=int(_option(section, "status_code_retries") or 0),
            insecure=bool(_option(section, "insecure")),
            cafile=_option(section, "cafile"),
            certfile=_option(section, "certfile"),
            keyfile=_option(section, "keyfile"),
            service_user=service_user,
        )


class Connection:
    """Gives adapters to one service: as the daemon itself, or as the user it works for.

    Threads share it. Nothing is sent before the first request; tokens and the catalog
    are kept until they expire.
    """

    def __init__(self, settings: ServiceAuth) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._session: ksa_session.Session | None = None
        self._own = _password(settings.credentials)
        self._service_user = _password(settings.service_user)

    @property
    def has_credentials(self) -> bool:
        """Tell whether `as_service` can be used."""
        return self._own is not None

    def as_service(self, context: RequestContext | None = None) -> ksa_adapter.Adapter:
        """Return an adapter that acts for the daemon itself."""
        return self._adapter(self._own, context)

    def as_user(self, context: RequestContext) -> ksa_adapter.Adapter:
        """Return an adapter that acts for the user of `context`, or raise Unauthorized.

        The service's token is sent along if the settings name a service user.
        """
        if context.auth_token is None:
            raise errors.Unauthorized
        auth: plugin.BaseAuthPlugin = _UserToken(
            context.auth_token, catalog=self._own or self._service_user
        )
        if self._service_user is not None:
            auth = service_token.ServiceTokenAuthWrapper(auth, self._service_user)
        return self._adapter(auth, context)

    def for_request(self, context: RequestContext) -> ksa_adapter.Adapter:
        """Return an adapter with the user's token if there is one, else the daemon's."""
        return self.as_user(context) if context.auth_token else self.as_service(context)

    def close(self) -> None:
        """Close the connections that are kept open."""
        with self._lock:
            if self._session is not None:
                self._session.session.close()

    def _adapter(
        self, auth: plugin.BaseAuthPlugin | None, context: RequestContext | None
    ) -> ksa_adapter.Adapter:
        settings = self.settings
        request_id = (context.global_request_id or context.request_id) if context else None
        return ksa_adapter.Adapter(
            self._shared_session(),
            auth=auth,
            service_type=settings.service_type,
            interface=list(settings.valid_interfaces),
            region_name=settings.region_name,
            endpoint_override=settings.endpoint_override,
            connect_retries=settings.connect_retries,
            status_code_retries=settings.status_code_retries,
            global_request_id=request_id,
        )

    def _shared_session(self) -> ksa_session.Session:
        with self._lock:
            if self._session is None:
                settings = self.settings
                cert: Any = settings.certfile
                if settings.certfile and settings.keyfile:
                    cert = (settings.certfile, settings.keyfile)
                self._session = ksa_session.Session(
                    verify=False if settings.insecure else settings.cafile or True,
                    cert=cert,
                    timeout=settings.timeout,
                    user_agent="nova",
                )
            return self._session


def adapter(settings: ServiceAuth) -> ksa_adapter.Adapter:
    """Return an adapter that acts for the daemon itself."""
    return Connection(settings).as_service()


class _UserToken(plugin.BaseAuthPlugin):
    """A user's token as it came, with the endpoints of the service's own catalog."""

    def __init__(self, token: str, *, catalog: plugin.BaseAuthPlugin | None) -> None:
        super().__init__()
        self._token = token
        self._catalog = catalog

    def get_token(self, session: Any, **kwargs: Any) -> str:
        return self._token

    def get_endpoint(self, session: Any, **kwargs: Any) -> str | None:
        return self._catalog.get_endpoint(session, **kwargs) if self._catalog else None

    def get_endpoint_data(self, session: Any, **kwargs: Any) -> Any:
        if self._catalog is None or kwargs.get("endpoint_override"):
            return super().get_endpoint_data(session, **kwargs)
        return self._catalog.get_endpoint_data(session, **kwargs)

    def invalidate(self) -> bool:
        return False


@contextlib.contextmanager
def translated(service: str, *, own: bool = False) -> Iterator[None]:
    """Turn what keystoneauth raises inside into errors by meaning; `service` names it.

    With ``own`` the daemon's credentials are used: that they are refused is then
    Unavailable, since no user can do anything about it.
    """
    try:
        yield
    except exceptions.NotFound as error:
        raise errors.NotFound(_message(service, error)) from error
    except exceptions.Unauthorized as error:
        if own:
            raise errors.Unavailable(
                f"The {service} service refuses the credentials of this one."
            ) from error
        raise errors.Unauthorized(_message(service, error)) from error
    except exceptions.Forbidden as error:
        raise errors.Forbidden(_message(service, error)) from error
    except exceptions.Conflict as error:
        raise errors.Conflict(_message(service, error)) from error
    except exceptions.BadRequest as error:
        raise errors.Invalid(_message(service, error)) from error
    except exceptions.RequestEntityTooLarge as error:
        raise errors.TooLarge(_message(service, error)) from error
    except (exceptions.ConnectTimeout, exceptions.RequestTimeout) as error:
        raise errors.TimedOut(f"The {service} service did not answer in time.") from error
    except exceptions.HttpServerError as error:
        raise errors.Unavailable(
            f"The {service} service failed with {error.http_status}."
        ) from error
    except exceptions.HttpError as error:
        raise errors.ExternalFailure(_message(service, error)) from error
    except exceptions.ClientException as error:
        raise errors.Unavailable(f"The {service} service cannot be reached.") from error


def _message(service: str, error: exceptions.HttpError) -> str:
    return f"The {service} service answered {error.http_status}: {error.message}"


def _option(section: Mapping[str, Any], name: str) -> Any:
    try:
        return section[name]
    except (KeyError, AttributeError):
        # oslo.config raises an AttributeError for options that are not registered.
        return None


def _password(credentials: Credentials | None) -> plugin.BaseAuthPlugin | None:
    if credentials is None:
        return None
    given = {
        field.name: getattr(credentials, field.name) for field in dataclasses.fields(credentials)
    }
    return generic.Password(**given)
