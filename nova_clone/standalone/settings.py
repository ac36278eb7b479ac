"""What nova-standalone was told by its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nova_clone.standalone.app import StandaloneSettings

#: Option groups that the daemon reads.
OPTIONS = ("standalone", "standalone_network")


def from_conf(conf: Any) -> StandaloneSettings:
    """Return the settings in a parsed configuration."""
    options = conf.standalone
    state_path = Path(options.state_path or Path(conf.state_path) / "standalone")
    identity_file = options.identity_file
    return StandaloneSettings(
        state_path=state_path,
        listen=options.listen,
        advertise=options.advertise,
        identity_port=options.identity_port,
        image_port=options.image_port,
        network_port=options.network_port,
        identity_file=Path(identity_file or state_path / "identity.yaml"),
        make_identity_file=not identity_file,
        region=options.region,
        token_lifetime=options.token_lifetime,
        password_rounds=options.password_rounds,
        endpoints=dict(options.endpoints),
        metadata_secret=options.metadata_secret,
        network=_network(conf.standalone_network, options),
        threads=options.threads,
        max_image_size=options.max_image_size,
        services=tuple(dict.fromkeys(("identity", *options.services))),
    )


def _network(options: Any, standalone: Any) -> dict[str, Any]:
    told = {name: options[name] for name in options if not name.startswith("events_")}
    told["quotas"] = dict(options.quotas)
    told["events_url"] = options.events_url
    if options.events_password:
        host = standalone.advertise or standalone.listen
        told["events_auth"] = {
            "auth_url": f"http://{host}:{standalone.identity_port}/v3",
            "username": options.events_username,
            "password": options.events_password,
            "project_name": options.events_project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
    return told
