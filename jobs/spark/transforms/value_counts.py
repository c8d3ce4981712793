"""How often each value is there: what groups of many sites are made of, few lines however many measurements.

Places and methods are numbers here. A key of eleven texts costs more than all else that is done with a measurement.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType

from acidwatch.contract.columns import MEASUREMENTS
from jobs.spark.local import local_frame
from jobs.spark.transforms import measurements
from jobs.spark.transforms.methods import Method, MethodsOfYears

_OF_YEARS = pa.schema({"of_programme": pa.string(), "of_year": pa.int32(), "methods": pa.list_(pa.int32()),
                       "ambiguous": pa.list_(pa.bool_())})  # fmt: skip
_NONE = Method(None, False)


class Place(NamedTuple):
    """What samples of many sites have in common, null where it isn't known."""

    program_id: str
    waterbody_type: str | None
    sample_location: str | None
    sample_type: str | None
    state: str | None
    ecoregion_iii: str | None
    anc_class: str


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Values and how often they are there.

    Attributes:
        values: `place` (number in `places`), `column` (number in MEASUREMENTS), `method_number` (in `methods`; null where none is known),
            `value` (double) (the key); `times` (measurements), `first` and `last` (timestamps), `ambiguous` (measurements with several
            methods).
        places: Each once, with the number of its samples, measured or not.
        methods: Names.
    """

    values: DataFrame
    places: tuple[tuple[Place, int], ...]
    methods: tuple[str, ...]

    def of_programmes(self, programmes: Collection[str]) -> ValueCounts:
        """Those of some programmes."""
        numbers = [number for number, (place, _) in enumerate(self.places) if place.program_id in programmes]
        return replace(self, values=self.values.filter(F.col("place").isin(numbers)))

    def parameter(self) -> Column:
        """Name of a line's parameter."""
        return _of_column(column.parameter for column in MEASUREMENTS)

    def unit(self) -> Column:
        """Unit of a line's values, the contract's."""
        return _of_column(column.unit for column in MEASUREMENTS)

    def method(self) -> Column:
        """Name of a line's method."""
        return F.get(F.array(*map(F.lit, self.methods)).cast("array<string>"), F.col("method_number"))


def _of_column(names: Iterable[str]) -> Column:
    return F.get(F.array(*map(F.lit, names)), F.col("column"))


def count_values(samples: DataFrame, methods: MethodsOfYears) -> ValueCounts:
    """Count them.

    Args:
        samples: One row per sample with the contract's columns (values finite) and the others of Place.
        methods: See `methods_of_years`.
    """
    spark = samples.sparkSession
    counted = samples.groupBy(*Place._fields).agg(F.count(F.lit(1))).collect()
    places = tuple((Place(*row[:-1]), row[-1]) for row in counted)
    numbered = local_frame(
        spark,
        [(number, *place) for number, (place, _) in enumerate(places)],
        pa.schema({"place": pa.int32(), **{f"place_{name}": pa.string() for name in Place._fields}}),
    )
    same = reduce(lambda a, b: a & b, (F.col(name).eqNullSafe(F.col(f"place_{name}")) for name in Place._fields))
    names = tuple(sorted({one.name for one in methods.values() if one.name is not None}))
    of_years = local_frame(spark, _by_year(methods, names), _OF_YEARS)
    of_year = (F.col("PROGRAM_ID") == F.col("of_programme")) & (F.year("DATE_SMP") == F.col("of_year"))
    values = (
        samples.join(F.broadcast(numbered), same)
        .join(F.broadcast(of_years), of_year, "left")
        .select(
            "place", "DATE_SMP", "methods", "ambiguous", F.posexplode(measurements.values()).alias("column", "value")
        )
        .filter(F.col("value").isNotNull())
        .groupBy("place", "column", F.get("methods", F.col("column")).alias("method_number"), "value")
        .agg(
            F.count(F.lit(1)).alias("times"),
            F.min("DATE_SMP").alias("first"),
            F.max("DATE_SMP").alias("last"),
            F.count_if(F.get("ambiguous", F.col("column"))).alias("ambiguous"),
        )
    )
    return ValueCounts(values, places, names)


def _by_year(methods: MethodsOfYears, names: Sequence[str]) -> list[tuple[str, int, list[int | None], list[bool]]]:
    """Of each programme and year the methods' numbers (None: none) and whether there were several, by column."""
    numbers: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    rows = []
    for programme, year in sorted({(programme, year) for programme, _, year in methods}):
        of_columns = [methods.get((programme, at, year), _NONE) for at in range(len(MEASUREMENTS))]
        rows.append(
            (programme, year, [numbers.get(one.name) for one in of_columns], [one.several for one in of_columns])
        )
    return rows


def total(value: Column, times: Column) -> Column:
    """A value as the decimal that it prints as, so many times: exact (8 digits before the point, 20 behind it; fewer than 10^9 times).

    No range of the contract allows a value of more digits.
    """
    return value.cast(DecimalType(28, 20)) * times.cast(DecimalType(9, 0))
