"""The window of the flood guard, against what its definition says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.ingestor.window import FirstAttempt, Window
from tests.unit.contract.makers import QUICK

ATTEMPTS = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=80).map(
    lambda found: [attempt(f"b-{number}", rejected) for number, rejected in found]
)


def attempt(batch_id: str, rejected: bool = True) -> FirstAttempt:
    return FirstAttempt(batch_id, "s.xlsx", rejected, ("reference.site",) if rejected else ())


def bad(count: int, first: int = 0) -> list[FirstAttempt]:
    return [attempt(f"b-{first + number}") for number in range(count)]


def window(share: float = 0.5, least: int = 50, most: int = 200) -> Window:
    return Window(share, least, most)


def test_below_the_least_number_nothing_is_a_flood_whatever_is_rejected() -> None:
    assert window().flooded_by(bad(49)) is None
    assert window().flooded_by(bad(50)) is not None


def test_exactly_the_share_is_no_flood_and_one_more_is() -> None:
    good = [attempt(f"g-{number}", False) for number in range(100)]
    assert window().flooded_by(good + bad(100)) is None
    assert window().flooded_by(good + bad(101)) is not None


def test_a_share_of_1_never_makes_a_flood() -> None:
    assert window(share=1.0).flooded_by(bad(500)) is None


def test_only_the_newest_attempts_count() -> None:
    found = window()
    for one in [attempt(f"g-{number}", False) for number in range(10_000)]:
        found.add(one)
    assert len(found.attempts) == 200
    assert found.flooded_by(bad(100)) is None
    assert found.flooded_by(bad(101)) is not None


def test_a_batch_that_comes_again_counts_once() -> None:
    assert window(least=2).flooded_by([attempt("b-1")] * 100) is None


def test_the_least_number_fits_into_the_window_whatever_the_settings_say() -> None:
    assert window(least=50, most=10).flooded_by(bad(50)) is not None


def test_looking_at_a_group_does_not_count_it() -> None:
    found = window()
    for _ in range(3):
        assert found.flooded_by(bad(30)) is None
    assert found.attempts == {}


@QUICK
@given(ATTEMPTS, st.sampled_from([0.0, 0.3, 0.5, 0.9]), st.integers(1, 20), st.integers(20, 40), st.data())
def test_a_flood_is_found_at_the_same_attempt_however_attempts_are_cut_into_groups(
    attempts: list[FirstAttempt], share: float, least: int, most: int, data: st.DataObject
) -> None:
    def by_definition() -> int | None:
        """How many attempts can be taken: the newest of each batch, at most `most` of them, at every moment."""
        for end in range(1, len(attempts) + 1):
            newest: dict[str, bool] = {}
            for one in attempts[:end]:
                newest.pop(one.batch_id, None)
                newest[one.batch_id] = one.rejected
            last = list(newest.values())[-most:]
            if len(last) >= least and sum(last) > share * len(last):
                return end - 1
        return None

    found, position = window(share, least, most), 0
    while position < len(attempts):
        group = attempts[position : position + data.draw(st.integers(1, 10))]
        if found.flooded_by(group) is not None:
            break
        for one in group:
            found.add(one)
        position += len(group)
        assert found.rejected == sum(one.rejected for one in found.attempts.values())
    expected = by_definition()
    if expected is None:
        assert position == len(attempts)
    else:
        assert position <= expected < position + 10
