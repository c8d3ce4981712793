"""What the page says of the data themselves: rules broken, units, methods, ion balance, and what a reader must keep in mind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from acidwatch.contract.form import TAKEN
from acidwatch.contract.parameters import COMPONENTS
from acidwatch.contract.rules import HARD, SOFT
from acidwatch.report.figures import count
from acidwatch.report.parameters import Parameter, label
from acidwatch.report.sites import SiteLine
from acidwatch.report.source import Row, Source

_MEANINGS = {
    **{rule.id: rule.meaning for rule in (*HARD, *SOFT)},
    **{rule: meaning for rule, _, meaning in TAKEN},
    "history.outlier": "within the site's own history",
    "repeat.identical": "no other batch says the same sample in the same words",
    "repeat.complementary": "no other batch has cells of the same sample that are empty here",
    "repeat.conflicting": "no other batch says something else of the same sample",
}
QUANTITIES = {
    "ion_balance_percent": "Ion balance difference, %",
    "charge_ueq_l": "Charge difference, µeq/L",
    "conductance_percent": "Conductance, calculated less measured, % (ANC 20 µeq/L and more)",
}


@dataclass(frozen=True, slots=True)
class RuleCount:
    """A rule, and how many of the samples or values that could be tested break it."""

    rule: str
    severity: str
    meaning: str
    n: int
    checked: int


def rule_counts(source: Source) -> tuple[list[RuleCount], list[RuleCount]]:
    """Rules that something breaks, the most broken first, and rules that nothing breaks."""
    rules = [
        RuleCount(row["rule"], row["severity"], _MEANINGS.get(row["rule"], ""), row["n"], row["checked"])
        for row in source.tables["rules"]
    ]
    broken = sorted((rule for rule in rules if rule.n), key=lambda rule: (-rule.n, rule.rule))
    return broken, [rule for rule in rules if not rule.n]


def of_programmes(source: Source, table: str) -> list[Row]:
    """Rows of a table that are about a whole programme, of the programmes on the page."""
    programmes = {programme for programme, _ in source.site_keys()}
    return [
        row
        for row in source.tables[table]
        if row["program_id"] in programmes and row.get("site_id") is None and row.get("year") is None
    ]


def cautions(source: Source, parameters: Sequence[Parameter], lines: Sequence[SiteLine]) -> list[str]:
    """What a reader must keep in mind, as far as it is so in this run: whole sentences."""
    counts, found = _counts(source), []
    coarse = [parameter for parameter in parameters if parameter.coarse]
    if coarse:
        names = "; ".join(parameter.label for parameter in coarse)
        found.append(
            f"Rounded to whole numbers throughout: {names}. Half of a site's values lie within one step of that rounding, so trends of "
            "these parameters mean little."
        )
    for row in of_programmes(source, "unit_break"):
        found.append(
            f"{label(row['parameter'])} of {row['program_id']} steps by a factor of {row['factor']:.3g} at {row['same_sites']} of "
            f"{row['sites']} sites in {row['first_date'].year}, which looks like another unit: its trends across that year"
            f"{_derived(row['parameter'])} are not those of the water."
        )
    if source.rejected:
        rows = sum(row["rows"] for row in source.rejected)
        found.append(
            f"Rejected batches{' of all regions' if source.region else ''}, which are not in these figures: "
            f"{count(len(source.rejected))}, with {count(rows)} rows."
        )
    doubled = sum(n > 1 for n in Counter(line.site for line in lines).values())
    if doubled:
        found.append(f"Sites of more than one programme, which count once in each: {doubled}.")
    nowhere = sum(line.region is None for line in lines)
    if nowhere:
        found.append(f"Sites in none of the regions, which count in “all sites” only: {nowhere}.")
    if counts["without_method"] or counts["ambiguous"]:
        found.append(
            f"Of {count(counts['measurements'])} measurements the laboratory's method is not known for "
            f"{count(counts['without_method'])}, and ambiguous for {count(counts['ambiguous'])}."
        )
    if counts["without_site"]:
        found.append(f"Measurements of sites that the sites table does not have: {count(counts['without_site'])}.")
    if counts["censored"]:
        found.append(
            f"Cells only known to lie beyond a limit, which are in none of these figures: {count(counts['censored'])}."
        )
    if counts["superseded"]:
        found.append(f"Rows that a later row of the same sample replaces: {count(counts['superseded'])}.")
    return found


def _counts(source: Source) -> Row:
    """What the run counted, of the sites on the page."""
    if source.region is None:
        return source.run
    keys = set(source.site_keys())
    rows = [row for row in source.tables["site_rows"] if (row["program_id"], row["site_id"]) in keys]
    if not rows:  # a release that did not count them by site computed the run
        return source.run
    names = ("measurements", "without_method", "ambiguous", "without_site", "censored", "superseded")
    return {name: sum(row[name] for row in rows) for name in names}


def _derived(parameter: str) -> str:
    """The derived parameters that a parameter is part of, in words."""
    names = [label(name) for name, parts in COMPONENTS.items() if parameter in parts and name != parameter]
    return f", and those of {', '.join(names)}," if names else ""
