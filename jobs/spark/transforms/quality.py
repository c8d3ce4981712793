"""What is wrong or missing, counted: flags and completeness of cells, soft findings of samples, repeated keys, distributions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Literal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from acidwatch.contract import flags
from acidwatch.contract.columns import MEASUREMENTS, NATURAL_KEY, SAMPLES
from acidwatch.contract.form import TAKEN
from acidwatch.contract.remarks import BEYOND
from acidwatch.contract.rules import MOST_CHARGE_UEQ_L, NEVER_ZERO, SOFT
from jobs.spark.transforms.censored import remark_of
from jobs.spark.transforms.summary import ascending, exact, exact_mean, quantile

_MEASURED = frozenset(column.name for column in MEASUREMENTS)

CELL_KEY = ("program_id", "site_id", "parameter", "year")
SITE_YEAR = ("program_id", "site_id", "year")

IDENTICAL, COMPLEMENTARY, CONFLICTING = "repeat.identical", "repeat.complementary", "repeat.conflicting"
REPEATS = (IDENTICAL, COMPLEMENTARY, CONFLICTING)
DISTRIBUTIONS = ("ion_balance_percent", "charge_ueq_l", "conductance_percent")
QUANTILES = {"p05": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "p95": 0.95}


def site_years(samples: DataFrame) -> DataFrame:
    """Samples of each site and year.

    Returns:
        `program_id`, `site_id`, `year` (the key), `samples`.
    """
    return samples.groupBy(*_site_year()).agg(F.count(F.lit(1)).alias("samples"))


def _site_year() -> tuple[Column, ...]:
    return (
        F.col("PROGRAM_ID").alias("program_id"),
        F.col("SITE_ID").alias("site_id"),
        F.year("DATE_SMP").alias("year"),
    )


def by_cell(measurements: DataFrame, years: DataFrame) -> DataFrame:
    """Completeness and flags of each parameter, site and year, of every parameter of the contract, measured or not.

    Args:
        measurements: `program_id`, `site_id`, `parameter`, `year`, `value` (null: censored), `flag`, `tests_evaluated`, `tests_failed`,
            `history_score`.
        years: See `site_years`.

    Returns:
        `program_id`, `site_id`, `parameter`, `year` (the key), `column_name` (of the contract), `samples`, `n` (with the value), `censored`
        (only known to lie beyond a limit), and of the samples' cells: `good`, `not_evaluated`, `suspect`, `fail`, `missing` (samples less
        n and censored); `tests_evaluated`, `tests_defined` (sums over the n values), `outside_range`, `outliers`, `outliers_checked`
        (of n).
    """
    counted = measurements.groupBy(*CELL_KEY).agg(
        F.count("value").alias("n"),
        F.count_if(F.col("value").isNull()).alias("censored"),
        *(F.count_if(F.col("flag") == flag).alias(name.replace(" ", "_")) for flag, name in flags.NAMES.items() if flag != flags.MISSING),
        F.sum("tests_evaluated").alias("tests_evaluated"),
        F.sum(F.when(F.col("value").isNotNull(), F.col("tests_defined"))).alias("tests_defined"),
        F.count_if(F.exists("tests_failed", lambda rule: rule.startswith("range."))).alias("outside_range"),
        F.count_if(F.array_contains("tests_failed", flags.OUTLIER)).alias("outliers"),
        F.count("history_score").alias("outliers_checked"),
    )  # fmt: skip
    counts = counted.columns[len(CELL_KEY) :]
    names = (F.struct(F.lit(c.parameter).alias("parameter"), F.lit(c.name).alias("column_name")) for c in MEASUREMENTS)
    cells = years.select(*SITE_YEAR, "samples", F.explode(F.array(*names)).alias("of")).select(
        *SITE_YEAR, "samples", "of.parameter", "of.column_name"
    )
    joined = cells.join(counted, list(CELL_KEY), "left").na.fill(0, counts)
    return joined.withColumn("missing", F.col("samples") - F.col("n") - F.col("censored")).select(
        *CELL_KEY, "column_name", "samples", *counts, "missing"
    )


def by_sample_rule(samples: DataFrame) -> DataFrame:
    """How many samples broke each rule about a sample, of how many that could be tested.

    Args:
        samples: One row per sample with the contract's columns, `flags` and those of `with_balance`.

    Returns:
        `program_id`, `site_id`, `year`, `rule` (the key), `parameter` (of the rule's column, null where it is about the whole row),
        `severity`, `n` (samples), `checked` (samples; groups without any are left out).
    """
    parameters = {column.name: column.parameter for column in SAMPLES}
    charge = F.abs(F.col("charge_ueq_l")) > F.lit(MOST_CHARGE_UEQ_L)
    soft = [(rule.id, parameters.get(rule.column)) for rule in SOFT] + [(form[0], None) for form in TAKEN]
    rules = [("balance.charge", "hard", None, F.coalesce(charge, F.lit(False)))] + [
        (rule, "soft", parameter, F.coalesce(F.array_contains("flags", rule), F.lit(False))) for rule, parameter in soft
    ]
    counted = samples.groupBy(*_site_year()).agg(
        *(F.count_if(broken).alias(f"n_{at}") for at, (_, _, _, broken) in enumerate(rules)),
        *(F.count_if(_checked(rule) | broken).alias(f"of_{at}") for at, (rule, _, _, broken) in enumerate(rules)),
    )
    lines = (
        F.struct(
            F.lit(rule).alias("rule"),
            F.lit(parameter).cast("string").alias("parameter"),
            F.lit(severity).alias("severity"),
            F.col(f"n_{at}").alias("n"),
            F.col(f"of_{at}").alias("checked"),
        )
        for at, (rule, severity, parameter, _) in enumerate(rules)
    )
    exploded = counted.select(*SITE_YEAR, F.explode(F.array(*lines)).alias("of"))
    return exploded.select(*SITE_YEAR, "of.*").filter(F.col("checked") > 0)


def _checked(rule: str) -> Column:
    """Whether a sample has what a rule needs."""
    needs = {
        "balance.charge": F.col("charge_ueq_l").isNotNull(),
        "balance.ions": F.col("ion_balance_percent").isNotNull(),
        "conductance.calculated": F.col("conductance_applies"),
        "contradiction.ph-anc": F.col("first_ph").isNotNull() & F.col("ANC_UEQ_L").isNotNull(),
        "unusual.NH4_UEQ_L": F.col("NH4_UEQ_L").isNotNull(),
        "unusual.WTEMP_DEG_C": F.col("WTEMP_DEG_C").isNotNull(),
        "zero.ion": reduce(lambda a, b: a | b, (F.col(name).isNotNull() for name in NEVER_ZERO)),
    }
    return needs.get(rule, F.lit(True))


def repeats(marked: DataFrame, years: DataFrame) -> DataFrame:
    """Samples that several member rows say, by what the rows have to do with each other.

    Identical: no cell differs. Complementary: no two cells differ, but some row has what another lacks. Conflicting: two cells differ. The
    limit that a value is only known to lie beyond is what its cell says.

    Args:
        marked: Member rows as `mark_superseded` leaves them, `superseded` included.
        years: See `site_years`.

    Returns:
        Columns as `by_sample_rule`; `n` counts samples (natural keys) said more than once, `checked` all samples.
    """
    repeated = (
        marked.filter("superseded").select(*(F.col(name).alias(f"key_{name}") for name in NATURAL_KEY)).distinct()
    )
    same = reduce(lambda a, b: a & b, (F.col(name).eqNullSafe(F.col(f"key_{name}")) for name in NATURAL_KEY))
    rows = marked.join(F.broadcast(repeated), same, "left_semi")
    compared = [column.name for column in SAMPLES if column.name not in NATURAL_KEY]
    differ = reduce(lambda a, b: a | b, (F.coalesce(F.min(name) != F.max(name), F.lit(False)) for name in compared))
    lack = reduce(lambda a, b: a | b, (~F.count(name).isin(0, F.count(F.lit(1))) for name in compared))
    rows = rows.withColumns({name: _said(name) for name in compared if name in _MEASURED})
    kinds = rows.groupBy(*NATURAL_KEY).agg(
        F.when(differ, CONFLICTING).when(lack, COMPLEMENTARY).otherwise(IDENTICAL).alias("rule")
    )
    counted = kinds.groupBy(*_site_year(), "rule").agg(F.count(F.lit(1)).alias("n"))
    every = years.withColumn("rule", F.explode(F.array(*(F.lit(rule) for rule in REPEATS))))
    return every.join(counted, [*SITE_YEAR, "rule"], "left").select(
        *SITE_YEAR,
        "rule",
        F.lit(None).cast("string").alias("parameter"),
        F.lit("soft").alias("severity"),
        F.coalesce("n", F.lit(0)).cast("bigint").alias("n"),
        F.col("samples").alias("checked"),
    )


def _said(column_name: str) -> Column:
    """What a cell says, as text: its value, or the limit beyond which it lies; null where it is empty."""
    remark = remark_of(F.lit(column_name))
    beyond = F.concat(remark["qualifier"], F.coalesce(remark["limit"].cast("string"), F.lit("")))
    limit = F.when(remark["qualifier"].isin(*BEYOND), beyond)
    return F.coalesce((F.col(column_name) + F.lit(0.0)).cast("string"), limit)  # -0.0 is 0.0


def distributions(samples: DataFrame, of: Sequence[Literal["programme", "site"]] = ("programme", "site")) -> DataFrame:
    """Distribution of ion balance and conductance over samples: by programme, by site, by year, and by site and year.

    Args:
        samples: One row per sample with the columns of `with_balance`; conductance is of those where `conductance_applies`.
        of: Whose: of whole programmes, of their sites, or both.

    Returns:
        `program_id`, `site_id`, `year`, `quantity` (the key; null site_id or year = all of them), `n`, `mean`, `min`, `p05`, `q1`,
        `median`, `q3`, `p95`, `max`, in per cent or ueq/L as the quantity's name says.
    """
    held = {"conductance_percent": F.when(F.col("conductance_applies"), F.col("conductance_percent"))}
    values = F.array(
        *(F.struct(F.lit(name).alias("quantity"), held.get(name, F.col(name)).alias("value")) for name in DISTRIBUTIONS)
    )
    every = F.array(
        *(
            F.struct(
                (F.col("SITE_ID") if by_site else F.lit(None).cast("string")).alias("site_id"),
                (F.year("DATE_SMP") if by_year else F.lit(None).cast("int")).alias("year"),
            )
            for by_site in (one == "site" for one in of)
            for by_year in (False, True)
        )
    )
    lines = (
        samples.select(F.col("PROGRAM_ID").alias("program_id"), F.explode(values).alias("of"), every.alias("groups"))
        .filter(F.col("of.value").isNotNull())
        .select("program_id", "of.quantity", "of.value", F.explode("groups").alias("group"))
    )
    groups = lines.groupBy("program_id", "group.site_id", "group.year", "quantity").agg(
        F.count("value").alias("n"),
        exact_mean(exact(F.col("value"))).alias("mean"),
        F.min("value").alias("min"),
        ascending(F.col("value")).alias("ascending"),
        F.max("value").alias("max"),
    )
    return groups.select(
        *SITE_YEAR, "quantity", "n", "mean", "min",
        *(quantile(F.col("ascending"), share).alias(name) for name, share in QUANTILES.items()), "max",
    )  # fmt: skip


def quarters(series: DataFrame) -> DataFrame:
    """Mean of every parameter in each quarter of a site's series: what unit breaks are found in.

    Args:
        series: One row per sample of the sites' series with the contract's columns.

    Returns:
        `program_id`, `site_id`, `quarter` (the key; from year 0: 4 year + quarter - 1), then each measured parameter (its mean, in the
        contract's unit; null without a value).
    """
    quarter = (F.year("DATE_SMP") * 4 + F.quarter("DATE_SMP") - 1).alias("quarter")
    means = (exact_mean(exact(F.col(column.name))).alias(column.parameter) for column in MEASUREMENTS)
    return series.groupBy(*_site_year()[:2], quarter).agg(*means)
