"""The one method of each programme, column and year, held by the driver: they are few, and two tables want them by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from acidwatch.contract.columns import MEASUREMENTS
from jobs.spark.transforms.enrich import LAST_YEAR, method_of_year


class Method(NamedTuple):
    """The method that was chosen.

    Attributes:
        name: None where it has none.
        several: Whether it was one of several.
    """

    name: str | None
    several: bool


MethodsOfYears = Mapping[tuple[str, int, int], Method]
"""Of each programme, column (its number in MEASUREMENTS) and year that has one."""


def methods_of_years(methods: DataFrame, last_year: int = LAST_YEAR) -> MethodsOfYears:
    """Read them, see `method_of_year`.

    Args:
        methods: The methods table.
        last_year: Of sampling; later ones are of no use.
    """
    columns = {column.parameter: at for at, column in enumerate(MEASUREMENTS)}
    chosen = method_of_year(methods).filter(F.col("year") <= last_year)
    rows = chosen.select("program_id", "parameter", "year", "method", "method_candidates").collect()
    return {
        (programme, columns[parameter], year): Method(name, candidates > 1)
        for programme, parameter, year, name, candidates in rows
        if parameter in columns
    }
