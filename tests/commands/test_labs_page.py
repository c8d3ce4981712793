"""docs/labs.md is followed as it is written where it needs no server, and what it points to is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from acidwatch.contract.form import FORM
from acidwatch.contract.page import page
from acidwatch.contract.rules import HARD, SOFT
from tests.support.deployment import PROJECT
from tests.support.runbook import as_script, sections

LABS = (PROJECT / "docs" / "labs.md").read_text()


def test_what_is_to_be_done_before_sending_works_as_it_is_written_without_a_server(tmp_path: Path) -> None:
    kind, block = sections(LABS)["Before you send it"][0]
    assert kind == "console"
    env = {name: value for name, value in os.environ.items() if not name.startswith("ACIDWATCH_")}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        ["bash", "-c", as_script(block)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "SO4_UEQ_L above 2000 ueq/L" in done.stdout
    assert "leading zeros lost" in done.stdout
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"blank.xlsx", "broken", "samples-checked.xlsx", "findings.html"}


def test_links_lead_somewhere_and_the_list_of_rules_is_made_from_the_contract() -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", LABS):
        assert (PROJECT / "docs" / target).exists(), target
    assert "(contract.md#rules)" in LABS
    text = page()
    assert (PROJECT / "docs" / "contract.md").read_text() == text
    rules = text.split("## Rules", 1)[1]
    assert all(f"`{rule}`" in rules for rule in (*(rule.id for rule in (*HARD, *SOFT)), *(rule for rule, *_ in FORM)))
