from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from nova_clone.standalone.app import Standalone
from tests.unit.standalone.cloud import Caller, running, token_of


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with running(tmp_path_factory.mktemp("cloud")) as standalone:
        yield standalone


As = Callable[..., Caller]


@pytest.fixture
def caller(cloud: Standalone) -> Iterator[As]:
    made: list[Caller] = []

    def of(service: str, name: str | None = None, project: str | None = None) -> Caller:
        token = token_of(cloud, name, project) if name else None
        made.append(Caller(cloud.urls[service], token))
        return made[-1]

    yield of
    for one in made:
        one.close()
