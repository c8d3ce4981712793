"""Which alerts the samples of one batch raise at a site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acidwatch.contract.alerts import CLASS_MOVED, HISTORY, HISTORY_LEAST, HISTORY_SCORE, Alert, Kind, id_of
from acidwatch.contract.columns import MEASUREMENTS
from acidwatch.statistics.history import History
from jobs.spark.live.site import ANC, Sample, Site, anc_class

UNITS = {column.parameter: column.unit for column in MEASUREMENTS}


def take_in(site: Site, batch: Sequence[Sample]) -> list[Alert]:
    """Add the samples of one batch to their site, in the order of their dates, and say what is alarming about them.

    The history is the site's as it stood before the batch, so that the batch can't hide what is strange in it. The class moves when
    a sample becomes the site's newest and has another class than the one that was: a late sample of an old date never moves it.
    """
    histories = site.histories(HISTORY_LEAST)
    alerts: list[Alert] = []
    for sample in sorted(batch, key=lambda sample: sample.age):
        before = site.newest(ANC)
        if not site.add(sample):
            continue
        alerts += _outside(sample, histories)
        if before is not None and before is not sample and site.newest(ANC) is sample:
            moved = _moved(before, sample)
            alerts += [moved] if moved.class_before != moved.class_after else []
    return alerts


def _moved(before: Sample, after: Sample) -> Alert:
    was, now = before.values[ANC], after.values[ANC]
    return _alert(
        CLASS_MOVED, after, ANC, anc_class(was), class_after=anc_class(now), value_before=was,
        sampled_before=before.sampled_at,
    )  # fmt: skip


def _outside(sample: Sample, histories: dict[str, History]) -> Iterator[Alert]:
    for parameter, value in sample.values.items():
        history = histories.get(parameter)
        score = history.score(value) if history else None
        if history and score is not None and score > HISTORY_SCORE:
            yield _alert(HISTORY, sample, parameter, median=history.median, mad=history.mad(value), score=score)


def _alert(kind: Kind, sample: Sample, parameter: str, class_before: str | None = None, **more: object) -> Alert:
    value, site = sample.values[parameter], (sample.program_id, sample.site_id)
    when, location, depth = sample.sampled_at, sample.location, sample.depth
    identity = id_of(kind, *site, parameter, when, location, depth, value, class_before)
    return Alert(
        identity, kind, *site, parameter, UNITS[parameter], value, sample.sampled_at, sample.batch_id, sample.attempt,
        sample.row, class_before, **more,  # type: ignore[arg-type]
    )  # fmt: skip
