"""The check of a workbook as one page to mail: no scripts, nothing loaded from elsewhere, every text of the workbook escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from acidwatch.checking.causes import Cause
from acidwatch.checking.report import Report, cells_in_short
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.contract.outcome import Finding, printable

_MOST_LISTED = 5_000
_MOST_CELLS = 30
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { display: inline-block; padding: .15rem .7rem; border-radius: .3rem; font-weight: 600; }
.rejected { background: #ff9999; } .accepted { background: #b5e0b5; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; }
th, td { border-bottom: 1px solid #ddd; padding: .35rem .6rem; vertical-align: top; overflow-wrap: anywhere; }
td.count { text-align: right; font-weight: 600; } td.cells { color: #555; }
tr.hard td:first-child { border-left: .4rem solid #ff9999; } tr.soft td:first-child { border-left: .4rem solid #ffee99; }
em { font-style: normal; color: #0b5394; } summary { cursor: pointer; } footer { color: #777; margin-top: 2rem; font-size: .85rem; }
"""


def page(report: Report, made_at: datetime) -> str:
    """The whole page."""
    checked = report.checked
    notes = "".join(f"<li>{_text(note)}</li>" for note in report.notes)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Check of {_text(report.workbook)}</title><style>{_STYLE}</style></head><body>
<h1>{_text(report.place)}</h1>
<p><span class="verdict {checked.verdict}">{checked.verdict}</span> {_text(report.summary)}</p>
{f"<ul>{notes}</ul>" if notes else ""}
{_causes("To be corrected", "hard", report.causes)}
{_causes("Worth a look; rejects nothing", "soft", report.causes)}
{_details(checked.findings)}
<footer>Checked {made_at:%Y-%m-%d %H:%M} UTC by acidwatch, contract {CONTRACT_VERSION}. Nothing was sent.</footer>
</body></html>
"""


def _causes(title: str, severity: str, causes: Sequence[Cause]) -> str:
    rows = "".join(
        f'<tr class="{severity}"><td class="count">{len(cause.findings)}</td>'
        f"<td>{_text(cause.what)}{f'<br><em>{_text(cause.guess)}</em>' if cause.guess else ''}</td>"
        f'<td class="cells">{_text(cells_in_short(cause, _MOST_CELLS))}</td></tr>'
        for cause in causes
        if cause.severity == severity
    )
    header = "<tr><th>count</th><th>what</th><th>where</th></tr>"
    return f"<h2>{title}</h2>\n<table>{header}{rows}</table>" if rows else ""


def _details(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    more = len(findings) - _MOST_LISTED
    rest = f"<p>... and {more} more: acidwatch validate --details or --output json lists all.</p>" if more > 0 else ""
    rows = "".join(_rows(findings[:_MOST_LISTED]))
    header = "<tr><th>cell</th><th>column</th><th>what is wrong, and what would be right</th><th>rule</th></tr>"
    return f"<h2>Cell by cell</h2>\n<details><summary>{len(findings)} findings</summary><table>{header}{rows}</table>{rest}</details>"


def _rows(findings: Iterable[Finding]) -> Iterable[str]:
    for finding in findings:
        cells = (finding.cell, finding.column, finding.message, finding.rule)
        yield f'<tr class="{finding.severity}">' + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>"


def _text(text: str) -> str:
    return escape(printable(text))
