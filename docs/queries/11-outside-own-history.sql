-- Which values lie outside the history of their own site?
--
-- Read: one row for each site and parameter, the twenty with the largest share. outliers of checked values are further than 3.5 robust
-- deviations from the site's median. A site that changed much has its first or last years among them; a scatter of them over all
-- years says more about the laboratory or the label on the bottle. years: first and last year with one.
-- Units: numbers of values; share in per cent.
SELECT program_id, site_id, parameter,
       sum(outliers_checked) AS checked,
       sum(outliers) AS outliers,
       round(100.0 * sum(outliers) / sum(outliers_checked), 1) AS outlier_percent,
       min(year) FILTER (WHERE outliers > 0) AS first_year,
       max(year) FILTER (WHERE outliers > 0) AS last_year
FROM olap.completeness
WHERE outliers_checked > 0
GROUP BY program_id, site_id, parameter
HAVING sum(outliers) > 0 AND sum(outliers_checked) >= 20
ORDER BY sum(outliers)::numeric / sum(outliers_checked) DESC, program_id, site_id, parameter
LIMIT 20;
