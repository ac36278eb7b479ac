from __future__ import annotations

import ast
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1 import loading
from oslo_config import cfg, types

from nova_clone.clients.session import Credentials
from nova_clone.conf import auth, generate
from nova_clone.conf.opts import CREDENTIALS, NAMES, list_opts, register_dynamic, register_opts

NOVA = json.loads((Path(__file__).parent / "nova_options.json").read_text())
KINDS = {
    "str": types.String,
    "int": types.Integer,
    "float": types.Float,
    "bool": types.Boolean,
    "list": types.List,
    "multistr": types.String,
    "multi": types.Dict,
    "hostdomain": types.HostDomain,
    "hostaddress": types.HostAddress,
    "uri": types.URI,
    "port": types.Port,
}
OF_THIS_HOST = {"host", "my_ip", "state_path"}


def registered() -> dict[tuple[str, str], Any]:
    return {(group, option.dest): option for group, options in list_opts() for option in options}


@pytest.fixture(scope="module")
def options() -> dict[tuple[str, str], Any]:
    return registered()


@pytest.mark.parametrize("expected", NOVA, ids=lambda o: f"{o['group']}.{o['option']}")
def test_every_option_of_nova_is_there_with_its_type_and_default(
    expected: dict[str, str], options: dict[tuple[str, str], Any]
) -> None:
    option = options[expected["group"], expected["option"]]
    kind, _, choices = expected["type"].partition(" ")

    assert isinstance(option.type, KINDS[kind]) or option.type is str
    assert isinstance(option, cfg.MultiOpt) == kind.startswith("multi")
    if choices:
        allowed = [str(choice) for choice in option.type.choices]
        assert sorted(allowed) == sorted(choices.strip("{}").split(","))
    if expected["option"] not in OF_THIS_HOST:
        assert option.default == default_of(kind, expected["default"])


def default_of(kind: str, text: str) -> Any:
    text = text.removesuffix(" (deprecated)")
    if text == "unset":
        return None
    if kind in {"int", "port", "float", "bool", "list", "multistr"}:
        return ast.literal_eval(text)
    return "" if text == '""' else text


def test_defaults_of_this_host() -> None:
    conf = configured()

    assert conf.host == socket.gethostname()
    assert Path(conf.state_path, "nova_clone").is_dir()


def test_every_option_has_a_sentence_of_help(options: dict[tuple[str, str], Any]) -> None:
    ours = [option for (group, _), option in options.items() if group in {"DEFAULT", "libvirt"}]

    assert all(option.help.endswith(".") for option in ours)


def configured(*lines: str, names: tuple[str, ...] = NAMES, tmp: Path | None = None) -> Any:
    conf = cfg.ConfigOpts()
    files = []
    if tmp is not None:
        path = tmp / "nova.conf"
        path.write_text("\n".join(lines))
        files = [str(path)]
    conf([], default_config_files=files, default_config_dirs=[])
    register_opts(conf, names)
    return conf


def test_a_daemon_takes_what_it_needs() -> None:
    conf = configured(names=("base", "scheduler"))

    assert conf.scheduler.max_attempts == 3
    assert "libvirt" not in conf


def test_a_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no options named 'sheduler'"):
        register_opts(cfg.ConfigOpts(), ["sheduler"])


def test_services_are_found_in_the_catalog_by_their_type() -> None:
    conf = configured()

    assert conf.neutron.service_type == "network"
    assert conf.glance.valid_interfaces == ["internal", "public"]
    assert conf.placement.auth_type is None
    assert "auth_type" not in conf.glance


def test_credentials_and_services_have_the_options_of_the_library() -> None:
    known = [
        *loading.get_session_conf_options(),
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options("password"),
        *loading.get_adapter_conf_options(include_deprecated=False),
    ]
    own = {"service-type": "network", "valid-interfaces": ["internal", "public"]}

    assert {described(option) for option in auth.options("neutron")} == {
        described(option, own.get(option.name, option.default)) for option in known
    }


def described(option: Any, default: Any = None) -> tuple[Any, ...]:
    kind = option.type
    former = tuple(sorted(str(old.name) for old in option.deprecated_opts))
    # The library has `str` where a text is meant.
    named = "String" if kind is str else str(kind)
    known = option.default if default is None else default
    return (option.name, option.dest, named, str(known), option.secret, former)


def test_a_service_may_have_the_credentials_that_check_tokens(tmp_path: Path) -> None:
    conf = configured(
        "[keystone_authtoken]",
        "auth_url = http://id/v3",
        "username = nova",
        "tenant_name = service",
        "memcached_servers = here:11211",
        names=(CREDENTIALS,),
        tmp=tmp_path,
    )

    found = Credentials.from_section(conf.keystone_authtoken)

    assert found == Credentials(auth_url="http://id/v3", username="nova", project_name="service")


def test_groups_that_other_options_name(tmp_path: Path) -> None:
    conf = configured(
        "[neutron]",
        "physnets = blue",
        "[neutron_physnet_blue]",
        "numa_nodes = 0,1",
        "[devices]",
        "enabled_mdev_types = nvidia-35",
        "[mdev_nvidia-35]",
        "max_instances = 4",
        tmp=tmp_path,
    )

    register_dynamic(conf)

    assert conf.neutron_physnet_blue.numa_nodes == ["0", "1"]
    assert conf["mdev_nvidia-35"].max_instances == 4
    assert conf["mdev_nvidia-35"].mdev_class == "VGPU"


def test_secrets_are_marked(options: dict[tuple[str, str], Any]) -> None:
    assert options["database", "connection"].secret
    assert options["placement_database", "connection"].secret
    assert options["neutron", "metadata_proxy_shared_secret"].secret
    assert options["neutron", "password"].secret


def test_the_sample_is_current() -> None:
    assert generate.SAMPLE.read_text() == generate.render(), (
        "run: python -m nova_clone.conf.generate"
    )
