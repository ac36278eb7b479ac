"""Quota: what a project may still have."""

from __future__ import annotations

import dataclasses

from nova_clone.conductor.settings import ConductorSettings
from nova_clone.conductor.store.unit_of_work import UnitOfWork
from nova_clone.contracts.keypairs import CreateKeypair
from nova_clone.contracts.servers import CreateServers, Limits, LimitsQuery
from nova_clone.domain.errors import OverQuota
from nova_clone.domain.flavor import Flavor
from nova_clone.domain.identity import RequestContext
from nova_clone.domain.keypair import Keypair
from nova_clone.domain.quota import UNLIMITED, Usage, exceeded


def effective(settings: ConductorSettings, work: UnitOfWork, project_id: str) -> dict[str, int]:
    """Return the limits of a project: its own, else its class's, else the defaults."""
    return work.quotas.limits(project_id, settings.limits)


def show(settings: ConductorSettings, work: UnitOfWork, request: LimitsQuery) -> Limits:
    """Return limits and use of a project."""
    usage = work.servers.usage(request.project_id)
    groups = work.server_groups.count(request.project_id)
    return Limits(
        limits=effective(settings, work, request.project_id),
        usage=dataclasses.replace(usage, server_groups=groups),
    )


def check_items(
    settings: ConductorSettings, work: UnitOfWork, context: RequestContext, request: CreateServers
) -> None:
    """Raise `OverQuota` for too much metadata or too many or large injected files."""
    limits = effective(settings, work, context.project_id or "")
    check_metadata(limits, len(request.metadata))
    files = request.injected_files
    if _breaks(limits["injected_files"], len(files)):
        raise OverQuota("Quota exceeded, too many injected files")
    for path, content in files:
        if _breaks(limits["injected_file_path_bytes"], len(path)):
            raise OverQuota("Quota exceeded, injected file path too long")
        if _breaks(limits["injected_file_content_bytes"], len(content)):
            raise OverQuota("Quota exceeded, injected file content too long")


def keep_keypair(settings: ConductorSettings, work: UnitOfWork, request: CreateKeypair) -> Keypair:
    """Keep a key pair, unless its user has as many as allowed (`OverQuota`)."""
    keypair = request.keypair
    limit = work.quotas.limits("", settings.limits)["key_pairs"]
    if exceeded(limit, work.keypairs.count(keypair.user_id), 1):
        raise OverQuota("Quota exceeded, too many key pairs.")
    return work.keypairs.add(keypair)


def check_metadata(limits: dict[str, int], items: int) -> None:
    """Raise `OverQuota` when a server would have too many metadata items."""
    if _breaks(limits["metadata_items"], items):
        raise OverQuota(
            f"Quota exceeded for metadata_items: {items} of at most "
            f"{limits['metadata_items']} allowed"
        )


def _breaks(limit: int, wanted: int) -> bool:
    return limit != UNLIMITED and wanted > limit


def admit(
    settings: ConductorSettings,
    work: UnitOfWork,
    context: RequestContext,
    request: CreateServers,
    flavor: Flavor,
    *,
    dry_run: bool = False,
) -> int:
    """Return how many of the wanted servers the project may have, or raise `OverQuota`.

    Fewer than ``max_count`` are granted as long as ``min_count`` fit. Unless it is a dry
    run, other requests of the project wait until this transaction ends.
    """
    project = context.project_id or ""
    if not dry_run:
        work.servers.lock_project(project)
    limits = effective(settings, work, project)
    usage = work.servers.usage(project)
    granted = min(
        request.max_count,
        _room(limits["instances"], usage.instances, 1),
        _room(limits["cores"], usage.cores, flavor.vcpus),
        _room(limits["ram"], usage.ram, flavor.ram),
    )
    if granted < request.min_count:
        raise _refusal(limits, usage, request.min_count, flavor)
    return granted


def _room(limit: int, used: int, each: int) -> int:
    if limit == UNLIMITED or each == 0:
        return 2**31
    return max(0, (limit - used) // each)


def _refusal(limits: dict[str, int], usage: Usage, count: int, flavor: Flavor) -> OverQuota:
    wanted = {"instances": count, "cores": count * flavor.vcpus, "ram": count * flavor.ram}
    used = {"instances": usage.instances, "cores": usage.cores, "ram": usage.ram}
    over = sorted(
        name
        for name, amount in wanted.items()
        if limits[name] != UNLIMITED and used[name] + amount > limits[name]
    )
    requested = ", ".join(str(wanted[name]) for name in over)
    already = ", ".join(str(used[name]) for name in over)
    allowed = ", ".join(str(limits[name]) for name in over)
    return OverQuota(
        f"Quota exceeded for {', '.join(over)}: Requested {requested}, but already used "
        f"{already} of {allowed} {', '.join(over)}",
        overs=over,
    )
