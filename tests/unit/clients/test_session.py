from __future__ import annotations

import logging
from typing import Any

import pytest
from oslo_config import cfg

from nova_clone.clients.identity import IdentityService, KeystoneIdentity
from nova_clone.clients.identity_fake import FakeIdentity
from nova_clone.clients.session import Connection, Credentials, ServiceAuth, adapter, translated
from nova_clone.domain import errors
from nova_clone.domain.identity import RequestContext, new_request_id
from nova_clone.standalone.app import Standalone
from tests.unit.clients.conftest import context_of, credentials_of
from tests.unit.standalone.cloud import Caller

SECTION: dict[str, Any] = {
    "auth_type": "password",
    "auth_url": "http://id/v3",
    "username": "nova",
    "password": "very-secret",
    "project_name": "service",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
    "region_name": "RegionOne",
    "valid_interfaces": ["public"],
    "timeout": 5,
    "connect_retries": 0,
}


def test_a_section_becomes_settings() -> None:
    settings = ServiceAuth.from_section(SECTION, service_type="network")
    assert settings.service_type == "network"
    assert settings.credentials == Credentials(
        auth_url="http://id/v3",
        username="nova",
        password="very-secret",
        project_name="service",
        user_domain_name="Default",
        project_domain_name="Default",
    )
    assert (settings.valid_interfaces, settings.timeout) == (("public",), 5)
    assert settings.connect_retries == 0
    assert "very-secret" not in repr(settings)


def test_an_empty_section_has_defaults() -> None:
    settings = ServiceAuth.from_section({}, service_type="image")
    assert settings == ServiceAuth(service_type="image")


def test_a_section_of_oslo_config_is_read_as_it_is() -> None:
    conf = cfg.ConfigOpts()
    conf.register_opts(
        [cfg.StrOpt("auth_url"), cfg.StrOpt("region_name"), cfg.ListOpt("valid_interfaces")],
        group="glance",
    )
    conf([])
    conf.set_override("region_name", "North", group="glance")
    other = Credentials(auth_url="http://id")
    settings = ServiceAuth.from_section(conf.glance, service_type="image", credentials=other)
    assert settings.region_name == "North"
    assert settings.credentials == other


def test_only_passwords_are_supported() -> None:
    with pytest.raises(errors.Invalid, match="v3oidc"):
        ServiceAuth.from_section({**SECTION, "auth_type": "v3oidc"}, service_type="image")


def test_an_adapter_finds_the_service_in_the_catalog(
    cloud: Standalone, image_auth: ServiceAuth
) -> None:
    found = adapter(image_auth)
    assert found.get_endpoint() == cloud.urls["image"]
    assert found.get("/v2/images").status_code == 200


def test_an_unknown_region_is_unavailable(image_auth: ServiceAuth) -> None:
    settings = ServiceAuth(
        service_type="image", credentials=image_auth.credentials, region_name="Elsewhere"
    )
    with pytest.raises(errors.Unavailable), translated("image", own=True):
        adapter(settings).get("/v2/images")


def test_refused_credentials_are_no_users_fault(cloud: Standalone) -> None:
    wrong = Credentials(
        auth_url=cloud.auth_url,
        username="nova",
        password="wrong",
        project_name="service",
        user_domain_name="Default",
        project_domain_name="Default",
    )
    settings = ServiceAuth(service_type="image", credentials=wrong)
    with pytest.raises(errors.Unavailable, match="credentials"), translated("image", own=True):
        adapter(settings).get("/v2/images")


def test_a_user_is_itself(cloud: Standalone, image_auth: ServiceAuth) -> None:
    connection = Connection(image_auth)
    red = context_of(cloud, "red")
    made = connection.as_user(red).post("/v2/images", json={"name": "mine"}).json()
    assert made["owner"] == red.project_id
    assert connection.for_request(red).get_token() == red.auth_token
    with pytest.raises(errors.Unauthorized):
        connection.as_user(RequestContext(request_id=new_request_id()))
    connection.close()


def test_a_user_needs_no_credentials_of_the_daemon(cloud: Standalone) -> None:
    connection = Connection(
        ServiceAuth(service_type="image", endpoint_override=cloud.urls["image"])
    )
    assert connection.as_user(context_of(cloud, "red")).get("/v2/images").status_code == 200
    assert not connection.has_credentials
    with pytest.raises(errors.Unavailable), translated("image", own=True):
        connection.as_service().get("/v2/images")
    connection.close()


def test_the_service_token_is_sent_beside_the_users(
    cloud: Standalone, image_auth: ServiceAuth
) -> None:
    red = context_of(cloud, "red")
    connection = Connection(
        ServiceAuth(
            service_type="image",
            credentials=image_auth.credentials,
            service_user=credentials_of(cloud, "nova", "service"),
        )
    )
    sent = connection.as_user(red).get("/v2/images").request.headers
    assert sent["X-Auth-Token"] == red.auth_token
    assert sent["X-OpenStack-Request-ID"] == red.request_id
    shown = Caller(cloud.auth_url, sent["X-Service-Token"])(
        "GET", "/auth/tokens", headers={"X-Subject-Token": sent["X-Service-Token"]}
    )
    assert shown.json()["token"]["user"]["name"] == "nova"
    connection.close()


def test_no_secret_is_logged(
    cloud: Standalone, image_auth: ServiceAuth, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        adapter(image_auth).get("/v2/images")
    assert "compute-secret" not in caplog.text
    assert "X-Auth-Token: gAAAA" not in caplog.text


@pytest.fixture(params=["fake", "standalone"])
def identity(request: pytest.FixtureRequest) -> tuple[IdentityService, RequestContext]:
    cloud: Standalone = request.getfixturevalue("cloud")
    red = context_of(cloud, "red")
    if request.param == "fake":
        return FakeIdentity([str(red.project_id)]), red
    credentials = credentials_of(cloud, "nova", "service")
    return KeystoneIdentity(ServiceAuth(service_type="identity", credentials=credentials)), red


def test_projects_exist_or_not(
    identity: tuple[IdentityService, RequestContext], daemon: RequestContext
) -> None:
    service, red = identity
    assert service.project_exists(daemon, str(red.project_id))
    assert service.project_exists(red, str(red.project_id))
    for unknown in ("none", "", "..", "a/b", "x" * 300):
        assert not service.project_exists(daemon, unknown)


def test_who_may_not_ask_is_told_yes(cloud: Standalone) -> None:
    service = KeystoneIdentity(
        ServiceAuth(service_type="identity", credentials=credentials_of(cloud, "nova", "service"))
    )
    blue = context_of(cloud, "blue")
    assert service.project_exists(context_of(cloud, "red"), str(blue.project_id))
    service.close()


def test_an_identity_service_that_is_away() -> None:
    fake = FakeIdentity()
    fake.reachable = False
    with pytest.raises(errors.Unavailable):
        fake.project_exists(RequestContext(request_id=new_request_id()), "x")
