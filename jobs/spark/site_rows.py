"""What a run knows of each site: counts of its rows and measurements, and the run in whose folders they are."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class SiteRows(NamedTuple):
    """A row of metrics.site_rows: what was read of a site, and the run in whose folders it is."""

    program_id: str
    site_id: str
    computed_by: int
    rows: int
    superseded: int
    samples: int
    measurements: int
    censored: int
    ambiguous: int
    without_method: int
    without_site: int
    last_date: date
