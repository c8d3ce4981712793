"""A lake with a file that a crash left and a workbook that corrects it: what most tests of the job begin with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs.spark.metrics import MetricsJob
from jobs.spark.results import find_run, rows_of


def row(batch_id: str, number: int, **values: Any) -> dict[str, Any]:
    """A clean row of Maine's lake 020058."""
    base = {
        "batch_id": batch_id,
        "attempt": 1,
        "row": number,
        "SITE_ID": "020058",
        "PROGRAM_ID": "LTM_ME",
        "DATE_SMP": datetime(2012, 5, number),
        "SAMPLE_LOCATION": "EPI",
        "SAMPLE_TYPE": "Regular",
        "WATERBODY_TYPE": "Lake",
        "flags": [],
    }
    return base | values


def load_reference(given: Any, sites: list[dict[str, Any]] | None = None) -> None:
    """One lake in two programmes; sodium has a method, and two overlap for sulphate."""
    lake = {"SITE_ID": "020058", "STATE": "Maine", "ECOREGION_III": "5.3.1"}
    both = [lake | {"PROGRAM_ID": programme} for programme in ("LTM_ME", "LTM_ALTM")]
    methods = [
        {"PROGRAM_ID": "LTM_ME", "PARAMETER": "NA", "START_YEAR": 1990, "METHOD": "AAS"},
        {"PROGRAM_ID": "LTM_ME", "PARAMETER": "SO4", "START_YEAR": 2010, "END_YEAR": 2017, "METHOD": "IC long"},
        {"PROGRAM_ID": "LTM_ME", "PARAMETER": "SO4", "START_YEAR": 2010, "END_YEAR": 2014, "METHOD": "IC short"},
    ]
    given.reference(
        given.parquet(sites if sites is not None else both, given.sites_schema),
        given.parquet(methods, given.methods_schema),
    )


def load_two_files(given: Any) -> None:
    """File b holds a twin of batch old-0, left by a crash; source `new` corrects the sample of the third of May."""
    load_reference(given)
    old = [row("old-0", n, SO4_UEQ_L=float(n), NA_UEQ_L=10.0) for n in (2, 3, 4)]
    twin = [r | {"SO4_UEQ_L": 900.0} for r in old]
    new = [row("new-0", 3, SO4_UEQ_L=30.0, NA_UEQ_L=None, DOC_MG_L=2.5, ANC_UEQ_L=-1.0)]
    given.source("old", datetime(2026, 1, 1, 8, tzinfo=UTC))
    given.source("new", datetime(2026, 1, 1, 9, tzinfo=UTC))
    given.file("clean/2026-01-01/a.parquet", given.parquet(old, given.clean_schema))
    given.file("clean/2026-01-01/b.parquet", given.parquet([*twin, *new], given.clean_schema))
    given.member("old-0", "clean/2026-01-01/a.parquet", "old", 0, 3)
    given.member("new-0", "clean/2026-01-01/b.parquet", "new", 0, 1)


def sites_of(job: MetricsJob, version: int | None = None) -> dict[str, tuple[int, float]]:
    """n and mean by parameter, as `acidwatch metrics site` reads them."""
    with job.connect() as connection:
        rows = rows_of(connection, find_run(connection, version), "site", {"site_id": "020058"})
    return {line["parameter"]: (line["n"], line["mean"]) for line in rows}
