"""docs/recovery.md as something to run: its sections, their blocks in order, each command as it is written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.deployment import PROJECT, Deployment

PAGE = PROJECT / "docs" / "recovery.md"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDS = re.compile(r"\s+# ends with (\d+)$")
_VALUE = re.compile(r"([A-Z]+)=\S+")
WRONG_CODE = 99


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """(language, text) of the blocks of each section that has commands."""
    _, *parts = _SECTION.split(text)
    found = {title: _BLOCK.findall(body) for title, body in zip(parts[::2], parts[1::2], strict=True)}
    return {title: blocks for title, blocks in found.items() if any(kind == "console" for kind, _ in blocks)}


def as_script(block: str) -> str:
    """A block for bash that stops at the first line which doesn't end as the page says."""
    lines = ["set -o pipefail"]
    for line in block.splitlines():
        wanted = int(ends[1]) if (ends := _ENDS.search(line)) else 0
        check = f'echo "ended with $code instead of {wanted}" >&2; exit {WRONG_CODE}'
        lines += [f"echo {shlex.quote('>>> ' + line)}", line, f"code=$?; [ $code -eq {wanted} ] || {{ {check}; }}"]
    return "\n".join(lines) + "\n"


@dataclass
class Section:
    """A section that a test follows.

    Attributes:
        left: Its blocks that were not run yet.
        values: What the operator put in for the values of the page.
    """

    deployment: Deployment
    left: list[tuple[str, str]]
    values: dict[str, str] = field(default_factory=dict)

    def follow(self, **values: str) -> str:
        """Run the next block of commands, with values for exactly the names that the page asks for before it; what it prints."""
        asked: set[str] = set()
        while self.left[0][0] == "text":
            for line in self.left.pop(0)[1].splitlines():
                match = _VALUE.fullmatch(line)
                assert match, f"a text block says NAME=value and nothing else, not {line!r}"
                asked.add(match[1])
        assert asked == set(values), f"the page asks for {sorted(asked)}"
        self.values |= values
        _, block = self.left.pop(0)
        done = subprocess.run(
            ["bash", "-c", as_script(block)],
            env={
                **os.environ,
                **self.deployment.env,
                **self.values,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(PROJECT),
                "COLUMNS": "200",
            },
            cwd=self.deployment.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def following(deployment: Deployment, title: str, page: Path = PAGE) -> Iterator[Section]:
    """A section of a page; at the end all of its commands must have been run."""
    section = Section(deployment, sections(page.read_text())[title])
    yield section
    assert not section.left, f"of {title!r} was not run: {section.left}"
