"""A small run that a report can be made of, computed from invented annual values as the job computes them; seeded, without servers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from acidwatch.report.source import Source
from jobs.spark.publish import COLUMNS, TABLES, Run
from jobs.spark.trends import regions_of, trend_tables

FINISHED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PARAMETERS = {"SO4": (110.0, -2.0, "ueq/L"), "NO3": (25.0, -0.3, "ueq/L"), "ANC": (-15.0, 1.4, "ueq/L"), "CA": (70.0, 0.0, "ueq/L"),
              "DOC": (4.0, 0.04, "mg/L"), "PH_LAB": (5.1, 0.01, "pH")}  # fmt: skip
STRANGE = '</script><b>Lac "L\'Été" & Sons</b>'
"""A name that would be markup if it were not escaped."""
PLACES = {
    "LTM_ALTM": ("New York", -74.3, 43.9),
    "LTM_ME": ("Maine", -68.9, 45.2),
    "LTM_VT": ("Vermont", -72.6, 44.2),
    "VTSSS": ("Virginia", -78.4, 38.4),
}


def reference_sites() -> list[dict[str, Any]]:
    """Four sites in each of four programmes; the first has a strange name, the last no coordinates."""
    sites = []
    for programme, (state, longitude, latitude) in PLACES.items():
        for i in range(4):
            place = {"LONDD": longitude + 0.2 * i, "LATDD": latitude + 0.15 * (i % 2)}
            site = {"PROGRAM_ID": programme, "SITE_ID": f"0{i}{programme[-2:]}", "SITE_NAME": f"{state} Pond {i + 1}", "STATE": state,
                    "COUNTY": f"County {i}", "SITE_ELEV": 400.0 + i, **place}  # fmt: skip
            sites.append(site)
    sites[0]["SITE_NAME"] = STRANGE
    sites[-1] |= {"LONDD": None, "LATDD": None}
    return sites


def run_tables() -> dict[str, list[dict[str, Any]]]:
    """Rows of every table of a run, columns as `publish.TABLES` has them."""
    chance, sites = random.Random(5), reference_sites()
    annual: list[dict[str, Any]] = []
    for place, site in enumerate(sites):
        first = 2012 if place % 4 == 3 else 1990  # one site of each programme is too young for a trend
        for parameter, (level, slope, unit) in PARAMETERS.items():
            for year in range(first, 2021):
                mean = level + slope * (year - 1990) * (0.2 + place % 4) + chance.gauss(0, abs(slope) * 4 + 0.5)
                row = {"program_id": site["PROGRAM_ID"], "site_id": site["SITE_ID"], "parameter": parameter, "year": year, "unit": unit,
                       "n": 12, "censored": 0, "negative": 0, "mean": mean, "median": mean, "months": [mean] * 12,
                       "method": "new" if year >= 2004 else "old"}  # fmt: skip
                annual.append(row)
    regions = regions_of([(site["PROGRAM_ID"], site["SITE_ID"], site["STATE"]) for site in sites])
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    tables |= trend_tables(annual, regions)
    tables["annual"] = annual
    for site in sites:
        key = {"program_id": site["PROGRAM_ID"], "site_id": site["SITE_ID"]}
        days = {"first_date": date(1990, 5, 1), "last_date": date(2020, 10, 1)}
        for parameter, (level, _, unit) in PARAMETERS.items():
            whole = parameter == "PH_LAB"
            spread = {
                "mean": level,
                "stddev": 1.0,
                "min": 4.0,
                "q1": 5.0,
                "median": 5.0,
                "q3": 6.0,
                "max": 7.0 if whole else 7.5,
            }
            tables["site"].append({**key, "parameter": parameter, "unit": unit, "n": 372, **spread, **days})
        acid = {"samples": 372, **days, "first_n": 60, "first_median_anc_ueq_l": -10.0, "first_class": "acidic (< 0)", "last_n": 60,
                "last_median_anc_ueq_l": 31.0, "last_class": "0 to 50", "classes_moved": 1, "last_acidic_date": date(2003, 4, 1),
                "days_since_acidic": 6393, "episodes": 2}  # fmt: skip
        tables["acidity_site"].append({**key, **acid})
        cells = {"superseded": 0, "samples": 372, "measurements": 2232, "censored": 0, "ambiguous": 0, "without_site": 0,
                 "without_method": 7 if key["program_id"] == "LTM_ME" else 0}  # fmt: skip
        tables["site_rows"].append({**key, "computed_by": 7, "rows": 372, **cells, "last_date": date(2020, 10, 1)})
        rule = {"year": 2000, "rule": "balance.ions", "parameter": None, "severity": "soft", "n": 1, "checked": 12}
        tables["sample_rule"].append({**key, **rule})
    numbers = {"mean": 1.0, "stddev": 1.0, "min": 0.0, "q1": 0.5, "median": 1.0, "q3": 2.0, "max": 3.0}
    method = {"program_id": "VTSSS", "parameter": "SO4", "method": STRANGE, "unit": "ueq/L", "n": 9, "ambiguous": 3}
    tables["method"] = [{**method, **numbers, "first_date": date(1990, 1, 1), "last_date": date(2020, 1, 1)}]
    change = {
        "program_id": "VTSSS",
        "parameter": "SO4",
        "change_year": 2004,
        "site_id": None,
        "unit": "ueq/L",
        "method_before": "old",
    }
    after = {
        "method_after": "new",
        "last_before": date(2003, 9, 1),
        "first_after": date(2004, 4, 1),
        "n_before": 36,
        "median_before": 90.0,
    }
    tables["method_change"] = [
        change | after | {"n_after": 36, "median_after": 84.0, "step": -6.0, "paired_sites": 3, "paired_step": -5.0}
    ]
    step = {
        "program_id": "VTSSS",
        "parameter": "DOC",
        "first_date": date(2010, 4, 1),
        "factor": 6.0,
        "sites": 4,
        "same_sites": 4,
    }
    tables["unit_break"] = [{**step, "sharpness": 9.0}]
    balance = {
        "program_id": "VTSSS",
        "quantity": "ion_balance_percent",
        "site_id": None,
        "year": None,
        "n": 900,
        "p05": -9.0,
        "p95": 12.0,
    }
    tables["distribution"] = [balance | {name: numbers[name] for name in ("mean", "min", "q1", "median", "q3", "max")}]
    return tables


def tuples(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Sequence[Sequence[Any]]]:
    """The rows as `publish` takes them."""
    return {name: [tuple(row[column] for column in TABLES[name]) for row in rows] for name, rows in tables.items()}


def made_run(run_id: int = 7) -> Run:
    """The run's own row."""
    counts = {"files": 1, "batches": 4, "rows": 400, "superseded": 3, "samples": 397, "measurements": 9000, "ambiguous": 40,
              "without_method": 7, "without_site": 0, "censored": 0}  # fmt: skip
    return Run(run_id, 4, 1, "0.1.0+test", True, FINISHED, FINISHED, f"enriched/run={run_id}", **counts)


def made_source(region: str | None = None, **changed: Any) -> Source:
    """What `acidwatch report` would read of this run."""
    run, tables = made_run(), run_tables()
    tables["trend"] = [row for row in tables["trend"] if row["variant"] == "annual_mean"]
    tables["rules"] = [
        {"rule": "balance.ions", "severity": "soft", "n": 16, "checked": 192},
        {"rule": "range.SO4_UEQ_L", "severity": "hard", "n": 0, "checked": 192},
    ]
    rejected = {"batch_id": "bad-batch", "source": "lake.xlsx", "subject": "Sheet 1!A2:AD101", "rows": 100, "attempts": 1,
                "reason": "range.SO4_UEQ_L", "message": "SO4_UEQ_L is '<img src=x onerror=alert(1)>'"}  # fmt: skip
    values: dict[str, Any] = {
        "run": {column: getattr(run, column) for column in COLUMNS},
        "version": {"kind": "append", "created_at": FINISHED, "author": "tester", "message": "<i>made</i>"},
        "rejected": [rejected],
        "sites": {(site["PROGRAM_ID"], site["SITE_ID"]): site for site in reference_sites()},
        "tables": tables,
        "region": region,
        "acidwatch_version": "0.1.0",
    }
    return Source(**(values | changed))
