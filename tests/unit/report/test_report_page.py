from __future__ import annotations

import json
import random
import re
from html.parser import HTMLParser

import pytest

from acidwatch.report.page import SCRIPTS, _asset, embedded, render
from acidwatch.report.parameters import HEADLINE, parameters_of
from acidwatch.report.summary import tallies
from tests.support.reported import STRANGE, made_source, run_tables


class Page(HTMLParser):
    """Elements with their attributes, text outside scripts and styles, and ids."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw = ""
        self.inside = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style"):
            self.raw += data
        else:
            self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}.items()
        return [found for name, found in self.elements if name == tag and wanted <= found.items()]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(made_source()))


def data_of(page: bytes) -> dict[str, object]:
    (text,) = re.findall(rb'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    found: dict[str, object] = json.loads(text)
    return found


def test_text_of_workbooks_never_becomes_markup_or_script(page: Page) -> None:
    assert len(page.all("script")) == 1 + len(SCRIPTS)
    assert not page.all("img") and not page.all("i")
    assert STRANGE in page.text and "<i>made</i>" in page.text and "onerror=alert(1)" in page.text


def test_json_in_the_page_can_not_end_its_script_and_reads_back_the_same() -> None:
    value = {"name": f"{STRANGE} <!-- \u2028 & ]]>"}
    text = embedded(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value
    names = [site["name"] for site in data_of(render(made_source()))["sites"]]  # type: ignore[attr-defined]
    assert STRANGE in names


def test_the_scripts_that_are_shipped_can_stand_in_a_page() -> None:
    for path in SCRIPTS:
        assert not re.search(r"</script|<!--", _asset(path), re.IGNORECASE)


def test_only_the_scripts_of_the_page_may_run_and_nothing_may_be_loaded(page: Page) -> None:
    (policy,) = [m["content"] or "" for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("'sha256-") == len(SCRIPTS)
    assert "unsafe-inline" not in policy.split("style-src")[0]
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")


def test_equal_sources_give_equal_bytes_whatever_the_order_of_their_rows() -> None:
    source = made_source()
    shuffled = {name: list(rows) for name, rows in made_source().tables.items()}
    random.Random(1).shuffle(shuffled["annual"])
    random.Random(2).shuffle(shuffled["trend"])
    random.Random(3).shuffle(shuffled["region"])
    assert render(source) == render(made_source(tables=shuffled))


def test_every_figure_has_a_text_alternative_and_a_table(page: Page) -> None:
    drawn = page.all("div", class_="plot")
    keys = {attributes["data-parameter"] for attributes in drawn}
    assert len(drawn) == 5 * 3 and all(attributes["role"] == "img" for attributes in drawn)
    assert all("µeq/L" in (a["aria-label"] or "") or a["data-parameter"] in ("DOC", "PH_LAB") for a in drawn)
    assert all(re.search(r"Sen slope .* 95 % interval .* sites", a["aria-label"] or "") for a in drawn)
    labels = [attributes.get("aria-label") or "" for attributes in page.all("div", class_="wide")]
    assert sum(label.endswith("by year and region") for label in labels) == len(keys)
    assert "All sites" in labels
    assert len(page.all("svg", role="group")) == 2
    marks = page.all("a", tabindex="-1")
    assert len(marks) == 2 * 15 and all(mark["aria-label"] for mark in marks)  # one of 16 sites has no coordinates


def test_counts_of_the_headline_are_those_of_the_trends(page: Page) -> None:
    rows = [row for row in made_source().series() if row["parameter"] == "ANC"]
    improving = sum(row["class"] == "improving" for row in rows)
    analysed = sum(row["slope"] is not None for row in rows)
    assert (improving, analysed, len(rows)) == (11, 12, 16)
    words = " ".join(page.text.split())
    assert f"and acid neutralising capacity rose at {improving} of {analysed} sites" in words
    assert "Measured, but not analysed: 4 more." in words


def test_counts_by_region_are_those_that_the_run_published() -> None:
    source = made_source()
    parameters = [one for one in parameters_of(source.series(), source.tables["site"]) if one.key in HEADLINE]
    counted = {
        (one.region, key): (one.analysed, 100.0 * one.better / one.analysed, one.slope, one.low, one.high)
        for key, ones in tallies(source, parameters).items()
        for one in ones
        if one.region
    }
    published = {
        (row["region"], row["parameter"]): tuple(
            row[name] for name in ("n_sites", "improving_percent", "median_slope", "q25_slope", "q75_slope")
        )
        for row in source.tables["region"]
        if row["site_set"] == "all" and row["parameter"] in HEADLINE
    }
    assert counted.keys() == published.keys()
    for key, values in counted.items():
        assert values == pytest.approx(published[key])


def test_cautions_are_said_only_where_the_run_gives_cause() -> None:
    text = Page(render(made_source())).text
    assert "Rounded to whole numbers throughout: pH, laboratory." in text
    assert "DOC of VTSSS steps by a factor of 6" in text
    assert "Rejected batches, which are not in these figures: 1, with 100 rows." in text
    tables = {name: list(rows) for name, rows in made_source().tables.items()}
    tables["site"] = [row for row in tables["site"] if row["parameter"] != "PH_LAB"]
    tables["unit_break"] = []
    text = Page(render(made_source(tables=tables, rejected=[]))).text
    assert "whole numbers throughout" not in text and "steps by a factor" not in text
    assert "Rejected batches, which" not in text and "None: no batch was without" in text


def test_cautions_of_a_region_s_report_count_its_sites_only() -> None:
    assert "method is not known for 7" in Page(render(made_source())).text
    text = Page(render(made_source(region="Adirondacks"))).text
    assert "method is not known" not in text
    assert "Rejected batches of all regions, which are not in these figures: 1" in text
    text = Page(render(made_source(region="New England"))).text
    assert "method is not known for 28" in text, "four sites of LTM_ME, none of LTM_VT"


def test_a_unit_break_stands_beside_the_trends_of_derived_parameters_too() -> None:
    tables = {name: list(rows) for name, rows in made_source().tables.items()}
    tables["unit_break"] = [row | {"parameter": "CA"} for row in tables["unit_break"]]
    text = Page(render(made_source(tables=tables))).text
    assert "its trends across that year, and those of" in text and "Ca + Mg" in text


def test_a_site_without_any_anc_was_not_never_acidic() -> None:
    tables = {name: list(rows) for name, rows in made_source().tables.items()}
    tables["annual"] = [row for row in tables["annual"] if row["parameter"] != "ANC" or row["program_id"] != "VTSSS"]
    tables["acidity_site"] = [row | {"last_acidic_date": None} for row in tables["acidity_site"]]
    sites = data_of(render(made_source(tables=tables)))["sites"]
    last = {site["programme"]: dict(site["acidity"])["Last sample with ANC below 0"] for site in sites}  # type: ignore[attr-defined]
    assert (last["VTSSS"], last["LTM_ME"]) == ("no ANC", "never")


def test_lines_are_coloured_by_the_class_that_the_words_say() -> None:
    data = data_of(render(made_source()))
    kinds = {(one["region"], one["parameter"]): data["classes"][one["kind"]] for one in data["multiples"]}  # type: ignore[attr-defined, index]
    rows = {(row["region"], row["parameter"]): row for row in run_tables()["region"] if row["site_set"] == "fixed"}
    for key, kind in kinds.items():
        assert (kind == "no trend") is (rows[key]["kendall_p"] >= 0.05), key


def test_a_region_s_report_holds_its_sites_only() -> None:
    page = render(made_source(region="Adirondacks"))
    assert {site["region"] for site in data_of(page)["sites"]} == {"Adirondacks"}  # type: ignore[attr-defined]
    text = Page(page).text
    assert "Virginia Pond" not in text and '--region "Adirondacks"' in text and "VTSSS" not in text


def test_sites_without_coordinates_or_without_a_row_in_the_sites_table_are_reported_all_the_same() -> None:
    text = Page(render(made_source(sites={}))).text
    assert "No site of this report has coordinates in the sites table." in text
    assert text.count("00TM") >= 1


def test_what_the_page_says_of_its_origin_names_the_run(page: Page) -> None:
    words = " ".join(page.text.split())
    for fact in (
        "0.1.0+test",
        "7, finished 2026-01-02 03:04:05 UTC",
        "enriched/run=7",
        "acidwatch report --version 4 --to report.html",
    ):
        assert fact in words


def test_a_site_s_data_take_few_bytes() -> None:
    data = data_of(render(made_source()))
    values = sum(len(series[2]) for site in data["sites"] for series in site["series"])  # type: ignore[attr-defined]
    assert len(json.dumps(data["sites"], separators=(",", ":"))) < 20 * values
