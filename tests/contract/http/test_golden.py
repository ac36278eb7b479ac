from __future__ import annotations

import pytest

from tests.contract.http.golden import FOLDER, KEPT, Kept, published, steps


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
def test_no_version_changes_what_it_published(kept: Kept) -> None:
    assert steps(kept) == published(kept)


def test_nothing_is_kept_that_nobody_checks() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {kept.name for kept in KEPT}
