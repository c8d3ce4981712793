"""From member rows to measurements: which row speaks for a sample, and one line per value."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from acidwatch.chemistry.classes import ANC_CLASSES, ANC_UNKNOWN
from acidwatch.contract.columns import MEASUREMENTS, NATURAL_KEY
from jobs.spark.transforms.censored import remark_of

SAMPLE_COLUMNS = (
    "PROGRAM_ID",
    "SITE_ID",
    "DATE_SMP",
    "SAMPLE_LOCATION",
    "SAMPLE_TYPE",
    "WATERBODY_TYPE",
    "SAMPLE_DEPTH",
    "TIME_SMP",
)


def mark_superseded(rows: DataFrame) -> DataFrame:
    """Say of each member row whether another one speaks for its sample.

    Among rows with an equal natural key (nulls equal) the one whose source began to be sent later wins, then the higher batch
    index; then source, row and batch id, so that the choice never depends on the order of files.

    Args:
        rows: Member rows; the natural key, `source_sent_us` (microseconds), `batch_index`, `source_id`, `row`, `batch_id`.

    Returns:
        The same rows with `superseded` (boolean); exactly one row per natural key is not superseded.
    """
    order = [F.col(name).desc() for name in ("source_sent_us", "batch_index", "source_id", "row", "batch_id")]
    same_sample = Window.partitionBy(*NATURAL_KEY).orderBy(*order)
    return rows.withColumn("superseded", F.row_number().over(same_sample) > 1)


def winning_rows(marked: DataFrame) -> DataFrame:
    """The samples: rows that `mark_superseded` left standing, with their ANC class.

    Returns:
        The columns of `marked` without `superseded`, and `anc_class` (text, from the sample's own ANC in ueq/L, never null).
    """
    return marked.filter(~F.col("superseded")).drop("superseded").withColumn("anc_class", anc_class(F.col("ANC_UEQ_L")))


def anc_class(anc_ueq_l: Column) -> Column:
    """Name of the ANC class (low <= ANC < high, ueq/L), `unknown` without ANC."""
    expression = F.when(anc_ueq_l.isNull(), F.lit(ANC_UNKNOWN))
    for anc in ANC_CLASSES:
        above = F.lit(True) if anc.low is None else anc_ueq_l >= F.lit(anc.low)
        below = F.lit(True) if anc.high is None else anc_ueq_l < F.lit(anc.high)
        expression = expression.when(above & below, F.lit(anc.name))
    return expression.otherwise(F.lit(ANC_UNKNOWN))


def measured() -> Column:
    """How many of a row's measurement columns hold a value (integer)."""
    return reduce(lambda left, right: left + right, (F.col(c.name).isNotNull().cast("int") for c in MEASUREMENTS))


def values() -> Column:
    """The values of a row's measurement columns (array of double, by their number in MEASUREMENTS), null where there is none."""
    # + 0.0 turns -0.0 into 0.0: they are equal, so which of them is `min` would depend on the order of rows.
    return F.array(*(F.col(column.name) + F.lit(0.0) for column in MEASUREMENTS))


def not_finite() -> Column:
    """How many of a row's measurement columns hold NaN or an infinity (integer); the contract allows none."""

    def one(name: str) -> Column:
        value = F.col(name)
        return F.coalesce((F.isnan(value) | (F.abs(value) == F.lit(float("inf")))).cast("int"), F.lit(0))

    return reduce(lambda left, right: left + right, (one(c.name) for c in MEASUREMENTS))


def unpivot(samples: DataFrame) -> DataFrame:
    """One line per value that is there, and per cell that is censored.

    Args:
        samples: One row per sample with the contract's columns and `remarks`; other columns are kept as they are.

    Returns:
        The samples' other columns with the contract's in lower case, and `parameter` (sodium is the text `NA`), `unit` (of the
        contract), `value` (double, in `unit`; null where the cell is censored), `qualifier` (`<` or `>`: censored, `J`: estimated, null:
        any other value), `value_limit` (double, in `unit`; only of a censored cell, null where none was given), `text` (that the
        qualifier was read from), `year` (integer, of `date_smp`). Key: the sample's key and `parameter`.
    """
    measures = {column.name for column in MEASUREMENTS}
    values = F.array(
        *(
            F.struct(
                F.lit(column.name).alias("column_name"),
                F.lit(column.parameter).alias("parameter"),
                F.lit(column.unit).alias("unit"),
                # As in `values`.
                (F.col(column.name) + F.lit(0.0)).alias("value"),
            )
            for column in MEASUREMENTS
        )
    )
    kept = [name.lower() for name in samples.columns if name not in measures]
    cells = samples.select(*(F.col(name).alias(name.lower()) for name in samples.columns if name not in measures),
                           F.explode(values).alias("cell"))  # fmt: skip
    said = cells.withColumn("remark", remark_of(F.col("cell.column_name")))
    return said.filter(F.col("cell.value").isNotNull() | F.col("remark").isNotNull()).select(
        *kept,
        *(f"cell.{name}" for name in ("parameter", "unit", "value")),
        "remark.qualifier",
        F.col("remark.limit").alias("value_limit"),
        "remark.text",
        F.year("date_smp").alias("year"),
    )
