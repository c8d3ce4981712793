"""Generated workbooks: the same seed gives the same bytes, every real trap is there, no hard rule breaks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.columns import METHODS, NATURAL_KEY, SAMPLES, SITES
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.generate import Generated, generate
from acidwatch.workbook.generator.plan import apportion, make_plan
from acidwatch.workbook.generator.sites import make_sites, site_count
from acidwatch.workbook.reader import Table, read_table


@pytest.fixture(scope="module")
def samples(generated: Generated) -> Table:
    return read_table(generated.samples, SAMPLES)


@pytest.fixture(scope="module")
def methods(generated: Generated) -> Table:
    return read_table(generated.methods, METHODS)


@pytest.fixture(scope="module")
def sites(generated: Generated) -> Table:
    return read_table(generated.sites, SITES)


def numbers(table: Table, name: str) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in table.columns[name]], dtype=float)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    generate(600, 11, tmp_path / "a", ["range", "lost-zeros"])
    code = (
        "import sys; from pathlib import Path; from acidwatch.workbook.generate import generate;"
        "generate(600, 11, Path(sys.argv[1]), ['range', 'lost-zeros'])"
    )
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONHASHSEED": "4321", "PYTHONPATH": str(root), "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b")], check=True, env=environment, timeout=60)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_another_seed_gives_other_samples_and_other_sites(tmp_path: Path) -> None:
    generate(300, 1, tmp_path / "a")
    generate(300, 2, tmp_path / "b")
    a, b = digests(tmp_path / "a"), digests(tmp_path / "b")
    assert a["samples.xlsx"] != b["samples.xlsx"]
    assert a["sites.xlsx"] != b["sites.xlsx"]


def test_the_workbooks_have_the_contracts_columns_in_its_order(samples: Table, methods: Table, sites: Table) -> None:
    for table, columns in ((samples, SAMPLES), (methods, METHODS), (sites, SITES)):
        assert list(table.columns) == [column.name for column in columns]
        assert (table.sheet, table.first_row, table.unknown) == ("Sheet 1", 2, ())
    assert len(samples.row_numbers) == 4000


def test_every_cell_is_of_its_columns_type_and_in_range(samples: Table) -> None:
    for column in SAMPLES:
        values = [value for value in samples.columns[column.name] if value is not None]
        if column.kind == "number":
            assert all(type(value) is float for value in values), column.name
            assert column.low is not None
            assert column.high is not None
            assert all(column.low <= float(value) <= column.high for value in values), column.name
        else:
            assert all(isinstance(value, str) for value in values), column.name
        if column.required:
            assert len(values) == 4000, column.name
        if column.domain:
            assert set(values) <= set(column.domain), column.name


def test_every_sample_is_of_a_known_site_of_its_programme(samples: Table, sites: Table) -> None:
    known = set(zip(sites.columns["PROGRAM_ID"], sites.columns["SITE_ID"], strict=True))
    assert len(known) == len(sites.row_numbers) == 20
    assert set(zip(samples.columns["PROGRAM_ID"], samples.columns["SITE_ID"], strict=True)) <= known


def test_the_natural_key_is_unique_in_the_whole_workbook(samples: Table) -> None:
    keys = list(zip(*(samples.columns[name] for name in NATURAL_KEY), strict=True))
    assert len(set(keys)) == len(keys)


def test_rows_are_sorted_by_programme_site_and_time(samples: Table) -> None:
    places = list(zip(samples.columns["PROGRAM_ID"], samples.columns["SITE_ID"], strict=True))
    dates = [str(value) for value in samples.columns["DATE_SMP"]]
    assert len({place for place, _ in zip(places, places, strict=True)}) == 1 + sum(a != b for a, b in pairwise(places))
    assert all(a <= b for (p, a), (q, b) in pairwise(zip(places, dates, strict=True)) if p == q)
    assert min(dates) >= "1979"
    assert max(dates) < "2021"


def charges(samples: Table) -> np.ndarray:
    cations = sum(numbers(samples, f"{ion}_UEQ_L") for ion in ("CA", "MG", "NA", "K"))
    anions = sum(numbers(samples, f"{ion}_UEQ_L") for ion in ("SO4", "NO3", "CL"))
    ammonium, fluoride = (np.nan_to_num(numbers(samples, name)) for name in ("NH4_UEQ_L", "F_UEQ_L"))
    return np.asarray(cations + np.maximum(ammonium, 0) - anions - fluoride - numbers(samples, "ANC_UEQ_L"))


def test_charges_balance_but_for_a_few_that_are_off(samples: Table) -> None:
    charge = charges(samples)
    charge = charge[~np.isnan(charge)]
    assert np.abs(charge).max() <= 500
    assert 0.003 < np.mean(np.abs(charge) > 60) < 0.05


def test_the_oddities_that_soft_rules_flag_are_there_and_rare(samples: Table) -> None:
    ammonium, potassium = numbers(samples, "NH4_UEQ_L"), numbers(samples, "K_UEQ_L")
    missing = np.isnan(charges(samples))
    assert 0 < np.sum(ammonium < 0) < 200
    assert 0 < np.sum(potassium == 0) < 20
    assert 0 < np.sum(missing) < 200
    assert np.nanmin(numbers(samples, "ANC_UEQ_L")) < -10
    assert np.sum(numbers(samples, "ANC_UEQ_L") % 1 != 0) > 3000


def test_waters_recover_sulphate_falls_anc_and_ph_rise(samples: Table) -> None:
    by_site: dict[object, list[int]] = defaultdict(list)
    for index, site in enumerate(zip(samples.columns["PROGRAM_ID"], samples.columns["SITE_ID"], strict=True)):
        by_site[site].append(index)
    year = np.array([float(str(value)[:4]) for value in samples.columns["DATE_SMP"]])
    slopes: dict[str, list[float]] = defaultdict(list)
    for rows in (np.array(rows) for rows in by_site.values() if len(rows) > 60):
        for name in ("SO4_UEQ_L", "ANC_UEQ_L", "PH_LAB"):
            values = numbers(samples, name)[rows]
            there = ~np.isnan(values)
            if there.sum() > 40:
                slopes[name].append(float(np.polyfit(year[rows][there], values[there], 1)[0]))
    assert len(slopes["SO4_UEQ_L"]) >= 12
    assert max(slopes["SO4_UEQ_L"]) < 0
    assert np.mean(np.array(slopes["ANC_UEQ_L"]) > 0) > 0.85
    assert np.mean(np.array(slopes["PH_LAB"]) > 0) > 0.8
    assert len({round(slope, 3) for slope in slopes["SO4_UEQ_L"]}) > 10


def test_ids_have_leading_zeros_some_look_like_numbers_and_lakes_are_in_two_programmes(sites: Table) -> None:
    ids = [str(value) for value in sites.columns["SITE_ID"]]
    assert any(value.startswith("0") and value.isdecimal() and len(value) == 8 for value in ids)
    assert any(value.startswith("0") and value.isdecimal() and len(value) == 6 for value in ids)
    programmes: dict[str, set[object]] = defaultdict(set)
    for site, programme in zip(ids, sites.columns["PROGRAM_ID"], strict=True):
        programmes[site].add(programme)
    shared = [found for found in programmes.values() if len(found) > 1]
    assert shared
    assert all(found == {"LTM_ALTM", "LTM_ME"} for found in shared)
    assert set(sites.columns["STATE"]) == {"New York", "Maine", "Vermont", "Pennsylvania", "Virginia"}


def test_methods_have_sodium_as_na_overlaps_open_ends_and_gaps(methods: Table) -> None:
    columns = methods.columns
    intervals = defaultdict(list)
    for programme, parameter, start, end in zip(
        *(columns[n] for n in ("PROGRAM_ID", "PARAMETER", "START_YEAR", "END_YEAR")), strict=True
    ):
        intervals[programme, parameter].append((start, end))
    assert {programme for programme, parameter in intervals if parameter == "NA"} == {
        "LTM_ALTM",
        "LTM_CAT",
        "LTM_ME",
        "LTM_VT",
        "VTSSS",
    }
    assert {(2010.0, 2014.0), (2010.0, 2017.0)} <= set(intervals["LTM_ALTM", "SO4"])
    assert all(found[-1][1] is None for found in intervals.values())
    assert ("LTM_ME", "NH4") not in intervals
    assert not any(programme == "LTM_PA" for programme, _ in intervals)


def test_catskill_dates_hold_times_of_day_and_others_do_not(samples: Table) -> None:
    timed = defaultdict(list)
    for programme, date in zip(samples.columns["PROGRAM_ID"], samples.columns["DATE_SMP"], strict=True):
        timed[programme].append("T" in str(date))
    assert 0.6 < np.mean(timed.pop("LTM_CAT")) < 1
    assert not any(any(flags) for flags in timed.values())
    times = [str(value) for value in samples.columns["TIME_SMP"] if value is not None]
    assert any(time.startswith("09") for time in times)
    assert all(len(time) == 4 and time.isdecimal() for time in times)


def test_silica_changes_its_unit_inside_two_programmes(samples: Table) -> None:
    silica = numbers(samples, "SIO2_MG_L")
    programme = np.array(samples.columns["PROGRAM_ID"])
    date = np.array([str(value) for value in samples.columns["DATE_SMP"]])

    def median(name: str, since: str, until: str) -> float:
        return float(np.nanmedian(silica[(programme == name) & (date >= since) & (date < until)]))

    assert median("LTM_CAT", "1991-04", "2021") > 8 * median("LTM_CAT", "1979", "1991-04")
    assert median("VTSSS", "1979", "2019") > 8 * median("VTSSS", "2019", "2021")


def test_cells_are_missing_as_often_as_in_the_real_data(samples: Table) -> None:
    empty: dict[str, float] = {
        name: float(np.mean([value is None for value in values])) for name, values in samples.columns.items()
    }
    expected = {
        "CHL_A_UG_L": 0.89,
        "F_UEQ_L": 0.55,
        "NH4_UEQ_L": 0.23,
        "WTEMP_DEG_C": 0.57,
        "DOC_MG_L": 0.24,
        "PH_LAB": 0.1,
    }
    for name, share in expected.items():
        assert abs(empty[name] - share) < 0.06, name


@pytest.mark.parametrize(("rows", "pairs"), [(1, 12), (3000, 15), (38200, 175), (10**6, 175)])
def test_the_number_of_sites_grows_with_the_rows(rows: int, pairs: int) -> None:
    assert site_count(rows) == pairs
    sites = make_sites(pairs, 3)
    assert len({(site.programme.name, site.site_id) for site in sites}) == len(sites) == pairs
    assert len({site.programme.name for site in sites}) == 6
    plan = make_plan(rows, sites, 3)
    assert sum(plan.counts) == rows
    assert plan.site_of(rows - 1) in sites


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 1000)), min_size=1), st.floats(0, 1))
def test_apportioning_uses_everything_and_keeps_the_limits(takers: list[tuple[float, int]], part: float) -> None:
    most = [limit for _, limit in takers]
    total = int(sum(most) * part)
    parts = apportion(total, [weight for weight, _ in takers], most)
    assert sum(parts) == total
    assert all(0 <= count <= limit for count, limit in zip(parts, most, strict=True))


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acidwatch.workbook.generate.SHEET_ROWS", 200)
    made = generate(450, 5, tmp_path)
    assert [len(read_table(made.samples, SAMPLES, f"Sheet {n}").row_numbers) for n in (1, 2, 3)] == [200, 200, 50]


@pytest.mark.parametrize(
    ("rows", "seed", "says"), [(0, 1, "rows must be at least 1"), (10, -1, "not negative"), (10**8, 1, "at most")]
)
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, rows: int, seed: int, says: str) -> None:
    with pytest.raises(UnusableInputError, match=says):
        generate(rows, seed, tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableInputError, match="can't write"):
        generate(10, 1, tmp_path / "file")
