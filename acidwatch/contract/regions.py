"""Regions whose sites are looked at together: which programmes, and which states of them.

Source: US EPA's reports on the LTM network. A lake that two programmes sample counts in the region of each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A region.

    Attributes:
        name: As in the reports.
        programmes: PROGRAM_ID of its sites.
        without_states: Sites in these states (STATE of the sites table) are not of the region.
    """

    name: str
    programmes: tuple[str, ...]
    without_states: tuple[str, ...] = ()


REGIONS: tuple[Region, ...] = (
    Region("Adirondacks", ("LTM_ALTM",)),
    Region("Catskills", ("LTM_CAT",)),
    Region("Central Appalachians", ("VTSSS",)),
    Region("New England", ("LTM_ME", "LTM_VT"), without_states=("New York",)),
    Region("Pennsylvania", ("LTM_PA",)),
)


def region_of(program_id: str, state: str | None) -> str | None:
    """Name of the region of a site; None where it is in none."""
    for region in REGIONS:
        if program_id in region.programmes and state not in region.without_states:
            return region.name
    return None
