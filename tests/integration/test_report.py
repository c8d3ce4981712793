"""`acidwatch report` on real servers, and its page in a real browser without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.archive.reference import publish_reference
from acidwatch.settings import HdfsSettings, PostgresSettings
from jobs.spark.postgres import connected
from jobs.spark.publish import publish
from tests.support.browser import Opened, chromium
from tests.support.command import Done, command
from tests.support.deployment import Deployment
from tests.support.reported import FINISHED, STRANGE, made_run, reference_sites, run_tables, tuples

SITE = "#site=LTM_ALTM/00TM"  # the one with the strange name


@dataclass(frozen=True)
class Reported:
    """A report that was written, and how the command ended before there was a run, and after."""

    env: dict[str, str]
    path: Path
    without_run: Done
    done: Done


def judge(connection: Any, batch_id: str, *verdicts: tuple[str, int]) -> None:
    """A batch and its attempts: verdict, and how many minutes after the end of the run it was recorded."""
    execute = connection.execute
    execute(
        "INSERT INTO ledger.batches VALUES (%s, 'lake', 0, 'Sheet 1!A2:AD101', NULL, %s)", (batch_id, len(verdicts))
    )
    findings = [
        {"severity": "soft", "rule": "zero.ion", "message": "is 0"},
        {"severity": "hard", "rule": "range.SO4_UEQ_L", "message": batch_id},
    ]
    for attempt, (verdict, minutes) in enumerate(verdicts, 1):
        execute(
            'INSERT INTO ledger.attempts (batch_id, attempt, verdict, rows, hard, soft, findings, topic, partition, "offset", timestamp_ms,'
            " value_sha256, value_bytes, contract_version, reference_version, service_version, judged_at, recorded_at)"
            " VALUES (%s, %s, %s, 100, 1, 1, %s, 't', 0, 0, 0, '', 1, '1', 1, '1', %s, %s)",
            (batch_id, attempt, verdict, Jsonb(findings), FINISHED, FINISHED + timedelta(minutes=minutes)),
        )


@pytest.fixture(scope="module")
def reported(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A report of a run that is published as the job publishes one."""
    folder = tmp_path_factory.mktemp("report")
    env = deployment.env
    without_run = command(env, "report", "--to", folder / "early.html")
    store = HdfsStore(HdfsSettings(hdfs_url=env["ACIDWATCH_HDFS_URL"], hdfs_root=env["ACIDWATCH_HDFS_ROOT"]))
    sites = pa.Table.from_pylist(reference_sites())
    publish_reference(
        store, {"sites": sites, "methods": pa.table({"METHOD": ["IC"]})}, {"sites.xlsx": b"s"}, "test", FINISHED
    )
    with connected(PostgresSettings(database_url=SecretStr(deployment.database_url))) as connection:
        publish(connection, made_run(), tuples(run_tables()), again=False)
        connection.execute(
            "INSERT INTO ledger.sources (source_id, name, first_sent_at) VALUES ('lake', 'lake.xlsx', now())"
        )
        judge(connection, "good", ("accepted", -9))
        judge(connection, "repaired", ("rejected", -9), ("accepted", -5))
        judge(connection, "bad", ("rejected", -9), ("rejected", -5))
        judge(connection, "repaired-later", ("rejected", -9), ("accepted", 5))
        judge(connection, "bad-later", ("rejected", 5))
    path = folder / "report.html"
    return Reported(env, path, without_run, command(env, "report", "--to", path))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of this module."""
    with chromium() as running:
        yield running


def test_the_command_says_what_it_wrote_and_the_same_run_gives_the_same_bytes(reported: Reported) -> None:
    assert reported.done.code == 0, reported.done.err
    assert "report.html  16 sites, dataset version 4, run 7, " in reported.done.out
    before = reported.path.read_bytes()
    again = command(reported.env, "report", "--to", reported.path, "--force", "--output", "json").json
    assert (again["bytes"], again["sites"], again["dataset_version"]) == (len(before), 16, 4)
    assert reported.path.read_bytes() == before
    assert [file.name for file in reported.path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("trend", "--parameter", "DOC"), True),
        (("trend", "--parameter", "DOC", "--from", "1990", "--to", "2012"), True),
        (("region", "--region", "Central Appalachians"), True),
        (("trend", "--parameter", "DOC", "--programme", "LTM_ME"), False),
        (("trend", "--parameter", "SO4"), False),
        (("trend", "--parameter", "DOC", "--to", "2009"), False),
        (("region", "--region", "Adirondacks"), False),
    ],
)
def test_trends_across_a_unit_break_name_it(reported: Reported, asked: tuple[str, ...], named: bool) -> None:
    done = command(reported.env, "metrics", *asked, "--output", "json")
    assert done.code == 0, done.err
    assert ("DOC of VTSSS steps by a factor of 6 in 2010, which looks like another unit" in done.err) is named


def test_batches_are_rejected_as_of_the_run(reported: Reported) -> None:
    page = reported.path.read_text()
    for batch in ("bad", "repaired-later"):
        assert f"<code>{batch}</code>" in page
    for batch in ("good", "repaired", "bad-later"):
        assert f"<code>{batch}</code>" not in page
    assert "<td>range.SO4_UEQ_L</td><td>bad</td>" in page


def test_misuse_is_answered_with_one_clear_line(reported: Reported) -> None:
    assert (reported.without_run.code, reported.without_run.err) == (
        2,
        "acidwatch: there is no metrics run yet: run `acidwatch job metrics`\n",
    )
    there = command(reported.env, "report", "--to", reported.path)
    assert (there.code, there.out) == (2, "")
    assert there.err == f"acidwatch: {reported.path}: is there already; name another file, or give --force\n"
    folder = command(reported.env, "report", "--to", reported.path.parent)
    assert folder.code == 2 and "is a folder" in folder.err
    nowhere = command(reported.env, "report", "--to", reported.path.parent / "no" / "report.html")
    assert nowhere.code == 2 and "there is no folder" in nowhere.err
    other = reported.path.with_name("other.html")
    assert command(reported.env, "report", "--to", other, "--region", "Atlantis").code == 2
    empty = command(reported.env, "report", "--to", other, "--region", "pennsylvania")
    assert empty.code == 2 and "holds no trends of Pennsylvania" in empty.err
    assert command(reported.env, "report", "--to", other, "--version", "9").code == 2
    away = {**reported.env, "ACIDWATCH_HDFS_URL": "http://127.0.0.1:9"}
    assert command(away, "report", "--to", other).code == 3
    assert not other.exists()


def test_a_time_asks_the_run_of_the_version_that_was_the_newest_then(
    reported: Reported, deployment: Deployment
) -> None:
    settings = PostgresSettings(database_url=SecretStr(deployment.database_url))
    with connected(settings) as connection:
        for version, days in ((4, 0), (5, 1)):
            connection.execute(
                "INSERT INTO ledger.versions (version, kind, created_at, author, message, batch_rows, batch_bytes, rows, bytes)"
                " VALUES (%s, 'append', %s, 'me', '', 100, 1, 100, 1)",
                (version, FINISHED + timedelta(days=days)),
            )
        try:
            at = {
                text: command(reported.env, "metrics", "site", "--as-of", text, "--limit", "1")
                for text in ("2026-01-01", "2026-01-02", "2026-01-03T03:04:04", "2026-01-03")
            }
        finally:
            connection.execute("DELETE FROM ledger.versions")
    for text in ("2026-01-02", "2026-01-03T03:04:04"):
        assert at[text].code == 0 and "dataset version 4" in at[text].out
    assert at["2026-01-03"].code == 2 and "there is no metrics run of version 5 yet" in at["2026-01-03"].err
    assert (at["2026-01-01"].code, at["2026-01-01"].err) == (
        2,
        "acidwatch: there was no version yet at 2026-01-01 23:59:59 UTC: the first is of 2026-01-02 03:04:05 UTC;"
        " see: acidwatch versions list\n",
    )


def test_it_loads_without_a_network_and_without_complaint(reported: Reported, browser: Browser) -> None:
    opened = Opened(browser, reported.path)
    page = opened.page
    assert opened.requests == [reported.path.as_uri()]
    opened.wait_drawn()
    assert page.locator(".plot svg").count() == page.locator(".plot").count() == 15
    page.goto(reported.path.as_uri() + SITE)
    expect(page.locator("#site h1")).to_have_text(STRANGE)
    assert page.locator("#site .plot svg").count() == 6
    assert page.locator("b", has_text="Sons").count() == 0
    assert {url.split("#")[0] for url in opened.requests} == {reported.path.as_uri()}
    assert opened.complaints == []


def test_search_opens_a_site_and_the_back_button_returns(reported: Reported, browser: Browser) -> None:
    page = Opened(browser, reported.path).page
    box = page.get_by_role("combobox", name="Find a lake or stream")
    box.fill("02me new england")
    expect(page.get_by_role("option")).to_have_text("Maine Pond 3 LTM_ME 02ME, New England")
    box.press("Enter")
    expect(page.locator("#site h1")).to_be_focused()
    expect(page.locator("#site h1")).to_have_text("Maine Pond 3")
    expect(page).to_have_title("Maine Pond 3 (LTM_ME 02ME)")
    expect(page.locator("#overview")).to_be_hidden()
    page.go_back()
    expect(page.locator("#overview")).to_be_visible()
    expect(page.locator("#site")).to_be_hidden()
    box.fill("ete")
    expect(page.get_by_role("option")).to_have_count(1)  # the strange name, without its accents
    box.fill("nowhere")
    expect(page.get_by_role("status")).to_have_text("Sites found: 0")
    page.get_by_role("link", name="Virginia Pond 2, VTSSS").first.click()
    expect(page.locator("#site h1")).to_have_text("Virginia Pond 2")


def test_everything_is_reached_with_the_keyboard(reported: Reported, browser: Browser) -> None:
    page = Opened(browser, reported.path).page
    names = []
    for _ in range(9):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
    assert names == [
        "Skip to the content",
        "acidwatch",
        "Map",
        "Regions",
        "Sites",
        "Quality",
        "How to read",
        "Provenance",
        "q",
    ]
    page.keyboard.type("pond")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[aria-selected=true]")
    expect(chosen).to_have_count(1)
    name = (chosen.text_content() or "").split(" LTM")[0]
    assert page.locator("#q").get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator("#site h1")).to_have_text(name)


def test_without_scripts_the_headline_the_map_and_the_tables_are_there(reported: Reported, browser: Browser) -> None:
    page = Opened(browser, reported.path, java_script_enabled=False).page
    expect(page.locator(".lead")).to_contain_text("acid neutralising capacity rose at 11 of 12 sites")
    expect(page.locator("table.headline")).to_be_visible()
    assert page.locator(".map a").count() == 30
    expect(page.locator(".search")).to_be_hidden()
    page.get_by_text("All 16 sites as a table").click()
    expect(page.get_by_role("link", name="Maine Pond 3", exact=True)).to_be_visible()


def test_it_fits_a_phone_and_prints(reported: Reported, browser: Browser) -> None:
    page = Opened(browser, reported.path, viewport={"width": 390, "height": 844}).page
    for fragment in ("", SITE):
        page.goto(reported.path.as_uri() + fragment)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(reported: Reported, browser: Browser, scheme: str) -> None:
    rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}  # nothing else depends on the scheme
    for fragment in ("", SITE):
        page = Opened(browser, reported.path, fragment, color_scheme=scheme).page
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = Axe().run(page, options=rules).response
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
        assert rules or {"color-contrast", "label", "link-name"} <= {rule["id"] for rule in found["passes"]}
