from __future__ import annotations

from collections.abc import Iterator

import pytest

from nova_clone.clients.session import Credentials, ServiceAuth
from nova_clone.domain.identity import (
    ProjectId,
    RequestContext,
    UserId,
    new_request_id,
    service_context,
)
from nova_clone.standalone.app import Standalone
from tests.unit.standalone.cloud import log_in, running


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with running(tmp_path_factory.mktemp("clients")) as standalone:
        yield standalone


def credentials_of(cloud: Standalone, name: str, project: str) -> Credentials:
    return Credentials(
        auth_url=cloud.auth_url,
        username=name,
        password=f"{name}-secret",
        project_name=project,
        user_domain_name="Default",
        project_domain_name="Default",
    )


@pytest.fixture
def image_auth(cloud: Standalone) -> ServiceAuth:
    return ServiceAuth(
        service_type="image",
        credentials=credentials_of(cloud, "compute", "service"),
        region_name="RegionOne",
        timeout=60,
    )


def context_of(cloud: Standalone, name: str) -> RequestContext:
    answer = log_in(cloud, name, name)
    token = answer.json()["token"]
    roles = tuple(role["name"] for role in token["roles"])
    return RequestContext(
        request_id=new_request_id(),
        user_id=UserId(token["user"]["id"]),
        project_id=ProjectId(token["project"]["id"]),
        roles=roles,
        is_admin="admin" in roles,
        auth_token=answer.headers["X-Subject-Token"],
    )


@pytest.fixture
def daemon() -> RequestContext:
    return service_context()
