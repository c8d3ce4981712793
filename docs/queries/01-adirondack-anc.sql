-- Is the acid neutralising capacity (ANC) of Adirondack lakes rising, and by how much?
--
-- Read: one row for each set of lakes: all with a trend, and those sampled from the beginning of the period to its end. Rising ANC is
-- recovery. median_slope is that of the lakes' slopes, half of them lie between q25 and q75; rise_over_period is median_slope times the
-- years. improving and worsening: per cent of the lakes with p < 0.05.
-- Units: slopes ueq/L per year; rise_over_period ueq/L.
SELECT site_set, first_year, last_year, n_sites,
       round(median_slope::numeric, 2) AS median_slope,
       round(q25_slope::numeric, 2) AS q25_slope,
       round(q75_slope::numeric, 2) AS q75_slope,
       round((median_slope * (last_year - first_year))::numeric, 1) AS rise_over_period,
       round(improving_percent::numeric, 1) AS improving_percent,
       round(worsening_percent::numeric, 1) AS worsening_percent
FROM olap.region_trends
WHERE region = 'Adirondacks' AND parameter = 'ANC'
ORDER BY site_set;
