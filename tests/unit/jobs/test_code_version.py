"""A run is of the code that made it: whatever decides its numbers is in its code version."""

from __future__ import annotations

import ast
from pathlib import Path

from jobs.spark import version


def test_all_that_transforms_take_from_the_contract_is_in_the_code_version() -> None:
    imported = {
        node.module
        for path in (Path(version.__file__).parent / "transforms").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    of_contract = {name.rpartition(".")[2] for name in imported if name.startswith("acidwatch.contract.")}
    assert of_contract and of_contract <= {name.removesuffix(".py") for name in version.OF_CONTRACT}
