"""The page to mail: whole in itself, and no text of a workbook becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from acidwatch.checking.html import page
from tests.unit.checking.makers import NOW, check_rows, spoiled

EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>&amp;'


class Tags(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def test_the_page_says_the_verdict_the_causes_and_each_cell(tmp_path: Path) -> None:
    text = parsed(
        page(check_rows(tmp_path, spoiled(120, {5: {"SO4_UEQ_L": 3842.0}, 110: {"CA_UEQ_L": "lost"}})), NOW)
    ).text
    assert "rejected 120 rows in 2 batches: 2 of the batches would be rejected" in text
    assert "SO4_UEQ_L above 2000 ueq/L" in text
    assert "AC5" in text
    assert "CA_UEQ_L is 'lost'; it must be a number, a limit such as <0.5, or empty" in text
    assert "Checked 2024-05-17 23:30 UTC" in text
    sound = parsed(page(check_rows(tmp_path, spoiled(3, {})), NOW)).text
    assert "accepted 3 rows in 1 batch: all of them would be accepted" in sound
    assert "To be corrected" not in sound


def test_text_of_a_workbook_does_not_become_markup_and_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    rows = spoiled(20, {4: {"SAMPLE_TYPE": EVIL, "CA_UEQ_L": EVIL, "SITE_ID": EVIL, "DATE_SMP": EVIL}})
    text = page(check_rows(tmp_path, rows), NOW)
    found = parsed(text)
    assert EVIL in found.text
    assert not {"script", "img", "iframe", "link", "object"} & found.tags
    assert not {name for name in found.attributes if name.startswith("on") or name in ("src", "href")}
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", text)
