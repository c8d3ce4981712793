"""The page: one HTML file with styles, scripts and data inside, which asks no network for anything.

Text from workbooks reaches it through the template's escaping or as JSON in which no `<` is left. Scripts run only if their hash is in
the page's own content security policy, so that markup which slipped through could not run either.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from acidwatch.contract.outcome import printable
from acidwatch.report import figures, quality
from acidwatch.report.map import base_map
from acidwatch.report.parameters import HEADLINE, MULTIPLES, parameters_of
from acidwatch.report.regions import RegionSeries, region_series
from acidwatch.report.sites import CLASS_NAMES, browser_data, site_lines
from acidwatch.report.source import Source
from acidwatch.report.summary import tallies
from acidwatch.trends.site import CLASSES

SCRIPTS = ("vendor/d3.min.js", "vendor/plot.umd.min.js", "templates/report.js")


def render(source: Source) -> bytes:
    """The report as the bytes of an HTML file; equal sources give equal bytes."""
    trends = source.series()
    parameters = parameters_of(trends, source.tables["site"])
    by_key = {parameter.key: parameter for parameter in parameters}
    lines = site_lines(source, HEADLINE)
    headline = [by_key[name] for name in HEADLINE if name in by_key]
    multiples = region_series(source, [by_key[name] for name in MULTIPLES if name in by_key])
    placed = [line for line in lines if line.place is not None]
    base, projection = base_map([line.place for line in placed if line.place]) if placed else (None, None)
    data = {**browser_data(source, parameters, lines), "multiples": _multiples(multiples)}
    broken, kept = quality.rule_counts(source)
    scripts = [_asset(path) for path in SCRIPTS]
    text = (
        _environment()
        .get_template("report.html.j2")
        .render(
            source=source,
            run=source.run,
            version=source.version,
            period=data["period"],
            parameters=parameters,
            by_key=by_key,
            headline=headline,
            tallies=tallies(source, headline),
            lines=lines,
            placed=[(line, projection.place(*line.place)) for line in placed if projection and line.place],
            base=base,
            anc_classes=CLASS_NAMES,
            multiples=multiples,
            cautions=quality.cautions(source, parameters, lines),
            broken=broken,
            kept=kept,
            quantities=quality.QUANTITIES,
            unit_breaks=quality.of_programmes(source, "unit_break"),
            method_changes=quality.of_programmes(source, "method_change"),
            methods=quality.of_programmes(source, "method"),
            distributions=quality.of_programmes(source, "distribution"),
            style=Markup(_asset("templates/report.css")),  # noqa: S704  (ours, not a workbook's)
            scripts=[Markup(script) for script in scripts],  # noqa: S704  (the same)
            policy=_policy(scripts),
            licences=Markup.escape(_asset("vendor/LICENSES.txt")),
            data=Markup(embedded(data)),  # noqa: S704  (escaped by `embedded`)
        )
    )
    return text.encode()


def embedded(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element or begin a comment."""
    text = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _multiples(series: Iterable[RegionSeries]) -> list[dict[str, Any]]:
    """Small multiples for the script: years are [year, median, first quartile, third quartile]."""
    rounded = figures.compact
    return [
        {
            "region": one.region,
            "parameter": one.parameter.key,
            "years": [[y.year, rounded(y.median), rounded(y.q1), rounded(y.q3)] for y in one.years],
            "slope": [rounded(slope) for slope in (one.slope, one.low, one.high)],
            "kind": CLASSES.index(one.trend_class),
        }
        for one in series
    ]


def _policy(scripts: Iterable[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _asset(path: str) -> str:
    return (files("acidwatch.report") / path).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(lambda name: _asset(f"templates/{name}")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    names = ("number", "signed", "count", "percent", "probability", "day", "instant")
    environment.filters.update({name: getattr(figures, name) for name in names})
    environment.globals["percent"] = figures.percent
    return environment
