"""The tables by polars, by its lazy frames and its streaming engine."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from acidwatch.chemistry.classes import ANC_CLASSES, ANC_UNKNOWN
from acidwatch.contract.columns import MEASUREMENTS, NATURAL_KEY, Column
from bench.peers import CATEGORIES, TABLES

_LATEST = ("source_sent_us", "batch_index", "source_id", "row", "batch_id")
_STATISTICS = (
    pl.len().alias("n"),
    pl.col("value").mean().alias("mean"),
    pl.col("value").std().alias("stddev"),
    pl.col("value").min().alias("min"),
    pl.col("value").quantile(0.25, "linear").alias("q1"),
    pl.col("value").median().alias("median"),
    pl.col("value").quantile(0.75, "linear").alias("q3"),
    pl.col("value").max().alias("max"),
    pl.col("DATE_SMP").min().cast(pl.Date).alias("first_date"),
    pl.col("DATE_SMP").max().cast(pl.Date).alias("last_date"),
)


def samples(folder: Path) -> pl.LazyFrame:
    """The rows that speak for their samples, with site and ANC class."""
    rows = pl.scan_parquet(folder / "clean", include_file_paths="path").join(
        pl.scan_parquet(folder / "members.parquet"), on=["path", "batch_id", "attempt"]
    )
    newest = rows.sort(_LATEST, descending=True).unique(NATURAL_KEY, keep="first", maintain_order=True)
    sites = pl.scan_parquet(folder / "sites.parquet").select("PROGRAM_ID", "SITE_ID", "STATE", "ECOREGION_III")
    return newest.join(sites, on=["PROGRAM_ID", "SITE_ID"], how="left").with_columns(_anc_class())


def _anc_class() -> pl.Expr:
    anc = pl.col("ANC_UEQ_L")
    names = pl.lit(ANC_UNKNOWN)
    for one in ANC_CLASSES:
        inside = (pl.lit(True) if one.low is None else anc >= one.low) & (
            pl.lit(True) if one.high is None else anc < one.high
        )
        names = pl.when(inside & anc.is_not_null()).then(pl.lit(one.name)).otherwise(names)
    return names.alias("anc_class")


def method_of_year(folder: Path) -> pl.LazyFrame:
    """The one method of each programme, parameter and year."""
    order = ("START_YEAR", "END_YEAR", "METHOD", "METHOD_DESCRIPTION")
    years = pl.int_ranges(pl.col("START_YEAR"), pl.col("END_YEAR").fill_null(2100) + 1).alias("year")
    return (
        pl.scan_parquet(folder / "methods.parquet")
        .sort(order, descending=[True, False, False, False], nulls_last=True)
        .with_columns(years)
        .explode("year", empty_as_null=True)
        .unique(["PROGRAM_ID", "PARAMETER", "year"], keep="first", maintain_order=True)
        .select("PROGRAM_ID", pl.col("PARAMETER").alias("parameter"), "year", pl.col("METHOD").alias("method"))
    )


def tables_of(samples: pl.LazyFrame, methods: pl.LazyFrame, column: Column) -> dict[str, pl.LazyFrame]:
    """Each table's lines of one parameter. All at once would be a line for each value: 25 GiB for 3.8 million rows."""
    year = pl.col("DATE_SMP").dt.year().cast(pl.Int64).alias("year")
    values = (
        samples.select(*CATEGORIES.values(), "SITE_ID", "DATE_SMP", pl.col(column.name).alias("value"))
        .filter(pl.col("value").is_not_null())
        .with_columns(year, pl.lit(column.parameter).alias("parameter"), pl.lit(column.unit).alias("unit"))
        .join(methods, on=["PROGRAM_ID", "parameter", "year"], how="left")
    )
    site = pl.col("PROGRAM_ID").alias("program_id")
    return {
        "site": values.group_by(site, pl.col("SITE_ID").alias("site_id"), "parameter", "unit").agg(*_STATISTICS),
        "method": values.group_by(site, "parameter", "method", "unit").agg(*_STATISTICS),
        "category": pl.concat(
            values.group_by(pl.col(of).cast(pl.String).fill_null("unknown").alias("of"), "parameter", "unit")
            .agg(*(_STATISTICS[at] for at in (0, 1, 5)))
            .select(
                pl.lit(name).alias("category"), pl.col("of").alias("value"), "parameter", "unit", "n", "mean", "median"
            )
            for name, of in CATEGORIES.items()
        ),
    }


def main(folder: Path) -> None:
    """Make the tables of a folder; POLARS_MAX_THREADS says with how many threads."""
    rows, methods = (frame.collect(engine="streaming").lazy() for frame in (samples(folder), method_of_year(folder)))
    of_columns = [tables_of(rows, methods, column) for column in MEASUREMENTS]
    for name in TABLES:
        found = [tables[name].collect(engine="streaming") for tables in of_columns]
        pl.concat(found).write_parquet(folder / f"{name}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
