"""The conductor's part of flavors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

from nova_clone.contracts.paging import Page
from nova_clone.domain import errors
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import RequestContext
from nova_clone.rpc.contract import call


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlavorQuery:
    """Flavors that a project may see.

    ``public`` ``None`` means public ones and the project's private ones; ``all_projects``
    shows every private one. ``min_disk`` in GiB, ``min_ram`` in MiB.
    """

    public: bool | None = None
    all_projects: bool = False
    min_disk: int | None = None
    min_ram: int | None = None
    name: str | None = None
    sort_key: str = "flavorid"
    sort_dir: str = "asc"
    page: Page = dataclasses.field(default_factory=Page)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlavorPage:
    """A page of flavors."""

    flavors: tuple[Flavor, ...] = ()
    more: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlavorRef:
    """One flavor by the API's id."""

    id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreateFlavor:
    """Make a flavor; an empty ``id`` lets one be chosen."""

    flavor: Flavor


@dataclasses.dataclass(frozen=True, kw_only=True)
class UpdateFlavor:
    """Change the description, or extra specs (set these, then drop those)."""

    id: str
    describe: bool = False
    description: str | None = None
    set_specs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    drop_spec: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlavorAccess:
    """Give a project a private flavor, or take it away."""

    id: str
    project_id: str
    grant: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlavorProjects:
    """Projects that may use a private flavor."""

    project_ids: tuple[str, ...] = ()


class FlavorVerbs(Protocol):
    """Flavors."""

    @call(since="1.0", timeout=60, raises=(errors.Invalid,))
    def list_flavors(self, context: RequestContext, request: FlavorQuery, /) -> FlavorPage:
        """Return flavors the caller may see. `Invalid`: unknown marker."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def show_flavor(self, context: RequestContext, request: FlavorRef, /) -> Flavor:
        """Return a flavor the caller may see."""

    @call(since="1.0", timeout=60, raises=(errors.AlreadyExists, errors.Invalid))
    def create_flavor(self, context: RequestContext, request: CreateFlavor, /) -> Flavor:
        """Make a flavor."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Conflict, errors.Invalid))
    def update_flavor(self, context: RequestContext, request: UpdateFlavor, /) -> Flavor:
        """Change a flavor. `NotFound` also for an extra spec to drop that is not there."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def delete_flavor(self, context: RequestContext, request: FlavorRef, /) -> None:
        """Delete a flavor; servers keep their copies."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound, errors.Conflict))
    def change_flavor_access(
        self, context: RequestContext, request: FlavorAccess, /
    ) -> FlavorProjects:
        """Grant or revoke a private flavor."""

    @call(since="1.0", timeout=60, raises=(errors.NotFound,))
    def flavor_access(self, context: RequestContext, request: FlavorRef, /) -> FlavorProjects:
        """Return who may use a private flavor; `NotFound` for a public one."""
