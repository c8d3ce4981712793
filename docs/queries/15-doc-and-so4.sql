-- Does dissolved organic carbon (DOC) rise where sulphate falls?
--
-- Read: one row for each region: sites that have a trend of both, how many of them have falling SO4, how many rising DOC, and how many
-- have both (p < 0.05 each). correlation is that of the two slopes over the sites; below 0: the faster SO4 falls, the faster DOC rises.
-- It is empty where the sites' slopes do not differ.
-- Units: doc_slope mg/L per year, median of the sites.
SELECT region, count(*) AS sites,
       count(*) FILTER (WHERE so4.class = 'improving') AS so4_falls,
       count(*) FILTER (WHERE doc.class = 'rising') AS doc_rises,
       count(*) FILTER (WHERE so4.class = 'improving' AND doc.class = 'rising') AS both,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY doc.slope)::numeric, 3) AS doc_slope,
       round(corr(so4.slope, doc.slope)::numeric, 2) AS correlation
FROM olap.trends so4
JOIN olap.trends doc USING (program_id, site_id, region, variant)
WHERE so4.variant = 'annual_mean' AND so4.parameter = 'SO4' AND doc.parameter = 'DOC'
  AND so4.slope IS NOT NULL AND doc.slope IS NOT NULL
GROUP BY region
ORDER BY region;
