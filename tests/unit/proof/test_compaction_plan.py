"""Which small files become one large one."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from acidwatch.ledger.files import NeededFile
from acidwatch.proof.compact import Group, into_groups

LARGE = 100_000
FILES = st.lists(st.tuples(st.sampled_from(["1.0", "1.1"]), st.integers(1, 30_000)), max_size=60)


def files_of(sizes: list[tuple[str, int]]) -> list[NeededFile]:
    """By contract version, as the ledger gives them."""
    numbers = count()
    return [NeededFile(f"clean/{next(numbers):04}", contract, 1, rows) for contract, rows in sorted(sizes)]


def small(files: list[NeededFile]) -> list[NeededFile]:
    return [file for file in files if file.rows < LARGE / 2]


def compacted(files: list[NeededFile], groups: list[Group]) -> list[NeededFile]:
    """The files after compaction."""
    gone = {file.path for group in groups for file in group.files}
    made = [
        NeededFile(f"new {group.files[0].path}", group.contract_version, group.batches, group.rows) for group in groups
    ]
    return sorted([*(file for file in files if file.path not in gone), *made], key=lambda file: file.contract_version)


@given(FILES)
def test_afterwards_there_is_at_most_one_file_for_ten_thousand_rows_of_a_contract(sizes: list[tuple[str, int]]) -> None:
    files = files_of(sizes)
    rows: dict[str, int] = defaultdict(int)
    left: dict[str, int] = defaultdict(int)
    for file in compacted(files, list(into_groups(small(files), LARGE))):
        rows[file.contract_version] += file.rows
        left[file.contract_version] += 1
    assert sum(rows.values()) == sum(file.rows for file in files)
    assert all(left[contract] <= math.ceil(rows[contract] / 10_000) for contract in rows)


@given(FILES)
def test_no_file_is_larger_than_asked_for_mixes_contracts_or_is_written_again_at_once(
    sizes: list[tuple[str, int]],
) -> None:
    files = files_of(sizes)
    groups = list(into_groups(small(files), LARGE))
    for group in groups:
        assert len(group.files) >= 2
        assert {file.contract_version for file in group.files} == {group.contract_version}
        assert group.rows <= LARGE
    assert list(into_groups(small(compacted(files, groups)), LARGE)) == []


def test_files_go_together_in_the_order_in_which_they_were_written() -> None:
    files = files_of([("1.0", 40_000)] * 5)
    assert [[file.path for file in group.files] for group in into_groups(files, LARGE)] == [
        ["clean/0000", "clean/0001"],
        ["clean/0002", "clean/0003"],
    ]
