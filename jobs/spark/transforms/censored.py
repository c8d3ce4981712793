"""Cells that say more than a number: beyond a limit (censored, without a value), or estimated (with one). From a row's `remarks`."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.contract.remarks import BEYOND

_MEASURED = [column.name for column in MEASUREMENTS]


def censored_columns() -> Column:
    """Names of a row's measurement columns whose value is only known to lie beyond a limit (array, never null)."""
    beyond = F.filter("remarks", lambda remark: remark["qualifier"].isin(*BEYOND) & remark["column"].isin(*_MEASURED))
    names = F.transform(beyond, lambda remark: remark["column"])
    return F.coalesce(names, F.array().cast("array<string>"))


def remark_of(column_name: Column) -> Column:
    """The remark that qualifies the value of a column (struct, see schemas.REMARK); null where none does."""
    qualifying = F.filter("remarks", lambda remark: (remark["column"] == column_name) & remark["qualifier"].isNotNull())
    return F.get(qualifying, F.lit(0))
