"""The dashboard for whoever asks what the water does: acid neutralising capacity and sulphate, by region and by site."""

from __future__ import annotations

from deploy.monitoring.grafana_json import Dashboard, Panel, Query, Variable

REGIONS = Variable(
    "region", "Region", "SELECT DISTINCT region FROM olap.trends WHERE region IS NOT NULL ORDER BY region"
)
SITES = Variable(
    "site",
    "Site",
    "SELECT DISTINCT program_id || '/' || site_id FROM olap.trends WHERE region IN (${region:sqlstring}) ORDER BY 1",
)

_REGION_OF_SITE = (
    "(SELECT DISTINCT program_id, site_id, region FROM olap.trends WHERE region IN (${region:sqlstring})) r"
)
_CHOSEN = "program_id || '/' || site_id IN (${site:sqlstring})"


def _by_region(parameter: str) -> Query:
    return Query(
        "SELECT make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC') AS time, region AS metric,\n"
        "  percentile_cont(0.5) WITHIN GROUP (ORDER BY mean) AS value\n"
        f"FROM olap.annual_values JOIN {_REGION_OF_SITE} USING (program_id, site_id)\n"
        f"WHERE parameter = '{parameter}' GROUP BY year, region ORDER BY 1",
        shape="series",
    )


def _by_site(parameter: str) -> Query:
    return Query(
        "SELECT make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC') AS time, program_id || '/' || site_id AS metric, mean AS value\n"
        f"FROM olap.annual_values WHERE parameter = '{parameter}' AND {_CHOSEN} ORDER BY 1",
        shape="series",
    )


_MEDIAN = (
    "Median of the annual means of the region's sites. Sites come and go: the table of trends is the safer answer."
)

LAKES = Dashboard(
    "lakes",
    "acidwatch: lakes",
    [
        Panel("ANC by region, ueq/L", "timeseries", [_by_region("ANC")], width=12, height=9, text=_MEDIAN),
        Panel("SO4 by region, ueq/L", "timeseries", [_by_region("SO4")], width=12, height=9, text=_MEDIAN),
        Panel(
            "Trends by region",
            "table",
            [
                Query(
                    "SELECT region, parameter, site_set, n_sites, median_slope, kendall_slope, kendall_p, improving_percent,\n"
                    "  worsening_percent, first_year, last_year\n"
                    "FROM olap.region_trends WHERE parameter IN ('ANC', 'SO4') AND region IN (${region:sqlstring})\n"
                    "ORDER BY parameter, region, site_set",
                    shape="table",
                )
            ],
            width=16,
            height=9,
            text="Slopes in ueq/L per year. fixed: the sites that were sampled from the beginning of the period to its end.",
        ),
        Panel(
            "Samples by ANC class",
            "timeseries",
            [
                Query(
                    "SELECT make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC') AS time, sum(acidic)::float8 AS \"acidic (< 0)\",\n"
                    '  sum(anc_0_50)::float8 AS "0 to 50", sum(anc_50_100)::float8 AS "50 to 100",\n'
                    '  sum(anc_100_up)::float8 AS "100 and above"\n'
                    f"FROM olap.acidity_by_year JOIN {_REGION_OF_SITE} USING (program_id, site_id)\n"
                    "GROUP BY year ORDER BY 1",
                    shape="series",
                )
            ],
            unit="short",
            stacked=True,
            height=9,
        ),
        Panel("ANC by site, ueq/L", "timeseries", [_by_site("ANC")], width=12, height=9, text="Annual means."),
        Panel("SO4 by site, ueq/L", "timeseries", [_by_site("SO4")], width=12, height=9, text="Annual means."),
        Panel(
            "Trends by site",
            "table",
            [
                Query(
                    "SELECT program_id, site_id, region, parameter, n_years, slope, slope_low, slope_high, p, class, caution, reason\n"
                    f"FROM olap.trends WHERE variant = 'annual_mean' AND parameter IN ('ANC', 'SO4') AND {_CHOSEN}\n"
                    "ORDER BY parameter, program_id, site_id",
                    shape="table",
                )
            ],
            width=12,
            height=10,
        ),
        Panel(
            "Acidity by site",
            "table",
            [
                Query(
                    "SELECT program_id, site_id, first_median_anc_ueq_l, first_class, last_median_anc_ueq_l, last_class, classes_moved,\n"
                    "  last_acidic_date, episodes\n"
                    f"FROM olap.acidity_by_site WHERE {_CHOSEN}\n"
                    "ORDER BY last_median_anc_ueq_l NULLS LAST, program_id, site_id",
                    shape="table",
                )
            ],
            width=12,
            height=10,
        ),
    ],
    since="1980-01-01T00:00:00Z",
    refresh="",
    variables=(REGIONS, SITES),
)
