"""What a report is made from: rows as they are published, the reference sites and the ledger's facts. No server is asked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Site = tuple[str, str]
"""(PROGRAM_ID, SITE_ID)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that a page shows; two equal sources give the same bytes.

    Attributes:
        run: The row of metrics.runs.
        version: The row of ledger.versions; None where a rebuilt ledger has no such version any more.
        rejected: Batches of which no attempt was accepted when the run finished: batch_id, source, subject, rows, reason, message,
            attempts.
        sites: The reference sites by key: the columns of the contract's SITES.
        tables: Rows of site, trend (annual means), region, annual, acidity_site, method, method_change, unit_break, distribution and
            site_rows, and `rules`: rule, severity, n, checked.
        region: Only the sites of this region; None = all.
        acidwatch_version: Release that makes the page.
    """

    run: Row
    version: Row | None
    rejected: Sequence[Row]
    sites: Mapping[Site, Row]
    tables: Mapping[str, Sequence[Row]]
    region: str | None
    acidwatch_version: str

    def series(self) -> list[Row]:
        """Trends of the sites that the page is about, one for each site and parameter."""
        return [row for row in self.tables["trend"] if self.region in (None, row["region"])]

    def site_keys(self) -> list[Site]:
        """The sites that the page is about, in order."""
        return sorted({(row["program_id"], row["site_id"]) for row in self.series()})
