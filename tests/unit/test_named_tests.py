"""Every test that docs/guarantees.md names is there."""

from __future__ import annotations

import re

from tests.support.deployment import PROJECT

PAGE = (PROJECT / "docs" / "guarantees.md").read_text()


def test_every_test_and_file_that_the_page_of_guarantees_names_exists() -> None:
    there = {
        name
        for path in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50, "the page names its tests between backticks"
    assert named - there == set()
    files = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert {path for path in files if not (PROJECT / path).exists()} == set()
    bare = [line for line in PAGE.splitlines() if line.startswith("| ") and not re.search(r"`(tests/|test_)", line)]
    assert bare == ["| promise | mechanism | shown by |"], "each promise names a test"
