"""Rows of samples for the transforms' tests, judged by the contract's own soft rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from acidwatch.contract.columns import MEASUREMENTS, SAMPLES
from acidwatch.contract.reference import Reference
from acidwatch.contract.rules import SOFT, Context
from acidwatch.contract.typed import Rows
from jobs.spark.schemas import CLEAN, MEMBERS

SCHEMA = StructType([*CLEAN.fields, *MEMBERS.fields[3:]])
Row = dict[str, Any]


def sample(**values: Any) -> Row:
    """A member row of a lake in Maine."""
    base = {
        "PROGRAM_ID": "LTM_ME", "SITE_ID": "020058", "DATE_SMP": datetime(2012, 5, 1), "SAMPLE_LOCATION": "EPI",
        "SAMPLE_TYPE": "Regular", "WATERBODY_TYPE": "Lake", "batch_id": "b", "attempt": 1, "row": 2, "source_sent_us": 1,
        "source_id": "s", "batch_index": 0, "flags": [],
    }  # fmt: skip
    return base | values


def frame(spark: SparkSession, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Rows as the job reads them."""
    return spark.createDataFrame([tuple(row.get(name) for name in SCHEMA.fieldNames()) for row in rows], SCHEMA)


def random_samples(count: int, seed: int = 11) -> list[Row]:
    """Lakes and streams of two programmes over eight years: gaps, acid waters, zeros, values that contradict each other."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        row = sample(
            PROGRAM_ID=str(random.choice(["LTM_ME", "LTM_ALTM"])),
            SITE_ID=f"{random.integers(0, 3):06d}",
            DATE_SMP=datetime(2005, 1, 1) + timedelta(days=int(random.integers(0, 2900)), seconds=index),
            SAMPLE_LOCATION=str(random.choice(["EPI", "OUT", "HYPO"], p=[0.6, 0.2, 0.2])),
            row=index + 2,
        )
        ions = {"CA": 90, "MG": 40, "NA": 60, "K": 8, "SO4": 80, "NO3": 10, "CL": 40}
        for ion, level in ions.items():
            row[f"{ion}_UEQ_L"] = float(np.round(level * random.lognormal(0, 0.25)))
        row["ANC_UEQ_L"] = float(np.round(198 - 130 + random.normal(-40, 60)))
        row["PH_LAB"] = float(np.round(random.uniform(4.3, 7.5), 1))
        row["COND_UM_CM"] = float(np.round(random.uniform(15, 40)))
        row["NH4_UEQ_L"] = float(np.round(max(random.normal(4, 12), -10)))
        row["WTEMP_DEG_C"] = float(np.round(max(random.normal(12, 9), -5)))
        row["DOC_MG_L"] = float(np.round(random.lognormal(1, 1), 1))
        for column in MEASUREMENTS:
            if row.get(column.name) is not None and random.random() < 0.06:
                row[column.name] = None
        if random.random() < 0.02:
            row["K_UEQ_L"] = 0.0
        rows.append(row)
    return judged(rows)


def judged(rows: list[Row]) -> list[Row]:
    """The rows with the soft rules that they break in `flags`."""
    arrays = {c.name: pa.array([row.get(c.name) for row in rows]) for c in SAMPLES if c.kind != "number"}
    numbers = {
        c.name: np.array([row.get(c.name) for row in rows], dtype=np.float64) for c in SAMPLES if c.kind == "number"
    }
    typed = Rows(
        arrays,
        numbers,
        np.zeros(len(rows), dtype=np.int32),
        np.array([0, len(rows)]),
        [],
        [],
        np.zeros(len(rows), dtype=np.bool_),
    )
    context = Context(typed, Reference.of(0, []), np.full(len(rows), np.datetime64("2030-01-01", "us")))
    broken = {rule.id: rule.broken(context) for rule in SOFT}
    return [row | {"flags": [rule for rule, rows_ in broken.items() if rows_[at]]} for at, row in enumerate(rows)]


def wide(rows: list[Row]) -> pd.DataFrame:
    """The rows as pandas reads them, with missing numbers as NaN."""
    table = pd.DataFrame(rows, columns=[*(column.name for column in SAMPLES), "flags"])
    numbers = [column.name for column in SAMPLES if column.kind == "number"]
    return table.astype(dict.fromkeys(numbers, "float64"))
