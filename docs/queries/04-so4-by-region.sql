-- In which region did sulphate fall fastest?
--
-- Read: one row for each region, all sites with a trend. slope is the median of all pairs of years within sites, low and high its 95 %
-- interval; it takes the sites as independent, so the interval is too narrow where neighbours move together. falling: per cent of the
-- sites with p < 0.05.
-- Units: ueq/L per year.
SELECT region, n_sites,
       round(kendall_slope::numeric, 2) AS slope,
       round(kendall_low::numeric, 2) AS low,
       round(kendall_high::numeric, 2) AS high,
       round(falling_percent::numeric, 1) AS falling_percent
FROM olap.region_trends
WHERE parameter = 'SO4' AND site_set = 'all' AND n_sites > 0
ORDER BY kendall_slope, region;
