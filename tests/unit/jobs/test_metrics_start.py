"""`python -m jobs.spark metrics` where nothing was sent yet."""

from __future__ import annotations

import pytest

from acidwatch.errors import UnusableInputError
from jobs.spark import bootstrap
from jobs.spark.__main__ import main


class _Job:
    def run(self, version: int | None, force: bool) -> None:
        raise UnusableInputError("there is no version of the dataset yet")


@pytest.fixture(autouse=True)
def _a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "metrics_job", _Job)


@pytest.mark.parametrize(
    ("anything", "options", "code"),
    [(False, ["--if-any"], 0), (True, ["--if-any"], 2), (False, [], 2)],
    ids=["nothing yet", "something", "not asked for"],
)
def test_a_job_that_is_started_by_a_clock_may_find_nothing_to_compute(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    anything: bool,
    options: list[str],
    code: int,
) -> None:
    monkeypatch.setattr(bootstrap, "anything_to_compute", lambda: anything)
    assert main(["metrics", *options]) == code
    out, err = capsys.readouterr()
    assert out == "" and "there is no version of the dataset yet" in err
