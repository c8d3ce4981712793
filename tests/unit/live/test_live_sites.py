"""What the live job knows of a site, and which samples raise alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from acidwatch.contract.alerts import HISTORY_LEAST, Alert
from jobs.spark.live.publish import record
from jobs.spark.live.site import Sample, Site
from jobs.spark.live.watching import take_in

DAY = timedelta(days=1)
FIRST = datetime(2000, 1, 1)
SENT = datetime(2026, 1, 1, tzinfo=UTC)


def sample(
    day: int, anc: float | None = None, *, row: int = 2, location: str = "EPI", sent: int = 0, **values: float
) -> Sample:
    measured = values if anc is None else {"ANC": anc, **values}
    when, source = FIRST + day * DAY, (SENT + sent * DAY, 0, "s")
    return Sample("LTM_ME", "020058", when, location, None, measured, f"batch-{sent}", 1, row + day, source)


def site_of(*samples: Sample) -> Site:
    site = Site()
    for one in samples:
        site.add(one)
    return site


def kinds(alerts: list[Alert]) -> list[str]:
    return [alert.kind for alert in alerts]


def test_the_first_sample_of_a_site_moves_no_class() -> None:
    assert take_in(Site(), [sample(0, anc=-5.0)]) == []


def test_each_newer_sample_of_another_class_moves_the_site() -> None:
    site = site_of(sample(0, anc=60.0))
    down, up = take_in(site, [sample(2, anc=55.0), sample(1, anc=-1.0), sample(3, anc=51.0)])
    assert (down.class_before, down.class_after, down.value, down.value_before) == (
        "50 to 100",
        "acidic (< 0)",
        -1.0,
        60.0,
    )
    assert (up.class_before, up.class_after, up.sampled_before) == ("acidic (< 0)", "50 to 100", FIRST + DAY)


def test_a_late_sample_of_an_old_date_moves_nothing() -> None:
    site = site_of(sample(10, anc=60.0))
    assert take_in(site, [sample(5, anc=-20.0)]) == []
    (anc,) = site.figures()
    assert (anc["last_value"], anc["anc_class"], anc["n"], anc["mean"]) == (60.0, "50 to 100", 2, 20.0)


def test_a_sample_without_anc_moves_nothing() -> None:
    site = site_of(sample(0, anc=60.0))
    assert take_in(site, [sample(1, SO4=5.0)]) == []
    assert {row["anc_class"] for row in site.figures()} == {"50 to 100"}


def test_deep_water_moves_nothing_and_is_in_the_mean() -> None:
    site = site_of(sample(0, anc=60.0))
    assert take_in(site, [sample(1, anc=-20.0, location="HYPO")]) == []
    (anc,) = site.figures()
    assert (anc["last_value"], anc["mean"], anc["n"]) == (60.0, 20.0, 2)


def test_where_there_are_inlet_samples_the_location_with_most_years_speaks_alone() -> None:
    site = site_of(
        sample(0, anc=60.0, location="OUT"), sample(400, anc=61.0, location="OUT"), sample(500, anc=-9.0, location="IN")
    )
    assert [row["last_value"] for row in site.figures()] == [61.0]


def test_a_correction_counts_once_and_moves_the_class_when_it_is_of_the_newest_sample() -> None:
    site = site_of(sample(0, anc=60.0, sent=1))
    (alert,) = take_in(site, [sample(0, anc=40.0, sent=2)])
    assert (alert.class_before, alert.class_after) == ("50 to 100", "0 to 50")
    (anc,) = site.figures()
    assert (anc["n"], anc["samples"], anc["mean"], anc["last_batch"]) == (1, 1, 40.0, "batch-2")


def test_an_old_row_that_comes_after_its_correction_changes_nothing() -> None:
    site = site_of(sample(0, anc=60.0, sent=2))
    assert take_in(site, [sample(0, anc=-9.0, sent=1)]) == []
    assert [row["mean"] for row in site.figures()] == [60.0]


HISTORY = [sample(day, SO4=100.0 + day % 5, sent=0) for day in range(HISTORY_LEAST)]


@pytest.mark.parametrize(("value", "broken"), [(104.0, False), (130.0, True), (70.0, True)])
def test_a_value_outside_its_sites_history_is_an_alert(value: float, broken: bool) -> None:
    alerts = take_in(site_of(*HISTORY), [sample(99, SO4=value)])
    assert kinds(alerts) == (["history"] if broken else [])
    if broken:
        (alert,) = alerts
        assert (alert.parameter, alert.value, alert.median, alert.mad) == ("SO4", value, 102.0, 1.0)
        assert alert.score == pytest.approx(0.6745 * abs(value - 102.0))


def test_an_old_value_can_break_the_history_too() -> None:
    assert kinds(take_in(site_of(*HISTORY), [sample(-50, SO4=500.0)])) == ["history"]


def test_too_few_values_and_values_that_never_change_are_no_history() -> None:
    assert take_in(site_of(*HISTORY[1:]), [sample(99, SO4=500.0)]) == []
    flat = [replace(one, values={"SO4": 100.0}) for one in HISTORY]
    assert take_in(site_of(*flat), [sample(99, SO4=500.0)]) == []


def test_what_is_strange_in_a_batch_does_not_hide_in_the_batch() -> None:
    strange = [sample(day, SO4=500.0) for day in range(100, 140)]
    assert len(take_in(site_of(*HISTORY), strange)) == 40


def test_the_same_sample_raises_the_same_id_and_another_sample_another_one() -> None:
    ids = [take_in(site_of(*HISTORY), [sample(day, SO4=500.0)])[0].alert_id for day in (99, 99, 100)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("again", "same"),
    [({"sent": 1}, True), ({"row": 70}, True), ({"SO4": 501.0}, False), ({"location": "MIX"}, False)],
)
def test_an_alert_comes_again_only_for_another_value_or_sample_whichever_batch_and_row_say_it(
    again: dict[str, Any], same: bool
) -> None:
    first, second = (
        take_in(site_of(*HISTORY), [sample(99, **({"SO4": 500.0} | more))])[0].alert_id for more in ({}, again)
    )
    assert (first == second) is same


def test_the_same_sample_moving_its_site_from_another_class_is_another_alert() -> None:
    ids = {take_in(site_of(sample(0, anc=anc)), [sample(1, anc=40.0)])[0].alert_id for anc in (60.0, 70.0, 500.0)}
    assert len(ids) == 2


def test_the_record_of_an_alert_is_a_cloud_event_of_its_site() -> None:
    (alert,) = take_in(site_of(sample(0, anc=60.0)), [sample(1, anc=40.0)])
    columns = {name: getattr(alert, name) for name in Alert.__dataclass_fields__}
    sent = record("alerts", {"number": 7, "raised_at": SENT, "published_at": None, **columns})
    headers = {name: (value or b"").decode() for name, value in sent.headers}
    assert sent.key == b"LTM_ME/020058"
    assert headers == {
        "ce_specversion": "1.0", "ce_id": alert.alert_id, "ce_source": "/acidwatch/live", "ce_type": "org.acidwatch.alert.v1",
        "ce_time": "2026-01-01T00:00:00+00:00", "ce_subject": "LTM_ME/020058", "content-type": "application/json",
    }  # fmt: skip
    body = orjson.loads(sent.value or b"")
    assert body["message"] == "ANC 40 ueq/L: from '50 to 100' (60 on 2000-01-01) to '0 to 50'"
    assert not {"number", "published_at", "score"} & body.keys()
