-- Where does chloride rise, as it does beside salted roads?
--
-- Read: one row for each site with rising chloride (p < 0.05), the steepest first. share_of_level is the slope in per cent of the median
-- chloride. sodium: whether sodium rises too; salt brings both. Where it does, the corrections for sea salt, which are made with
-- chloride, take away too much.
-- Units: slopes ueq/L per year.
SELECT cl.program_id, cl.site_id,
       round(cl.slope::numeric, 2) AS slope,
       round(cl.slope_low::numeric, 2) AS low,
       round(cl.slope_high::numeric, 2) AS high,
       round(cl.percent_per_year::numeric, 1) AS share_of_level,
       round(na.slope::numeric, 2) AS sodium_slope,
       na.class AS sodium
FROM olap.trends cl
LEFT JOIN olap.trends na
    ON na.program_id = cl.program_id AND na.site_id = cl.site_id AND na.variant = cl.variant AND na.parameter = 'NA'
WHERE cl.variant = 'annual_mean' AND cl.parameter = 'CL' AND cl.class = 'rising'
ORDER BY cl.slope DESC, cl.program_id, cl.site_id;
