-- Do two programmes that sample the same lake find the same?
--
-- Read: one row for each lake that two programmes sample and each parameter, over the years in which both have values. difference is the mean of
-- the second programme's annual medians less those of the first. Days and depths of sampling differ, so a small difference means
-- little; one that all lakes share, in one direction, is between the laboratories.
-- Units: difference in unit; percent of the first programme's mean, large where that is near 0.
WITH lake AS (
    SELECT site_id, min(program_id) AS first_programme, max(program_id) AS second_programme
    FROM olap.acidity_by_site
    GROUP BY site_id
    HAVING count(*) = 2
)
SELECT site_id, a.parameter, first_programme, second_programme,
       count(*) AS years,
       round(avg(b.median - a.median)::numeric, 2) AS difference,
       a.unit,
       round((100 * avg(b.median - a.median) / nullif(abs(avg(a.median)), 0))::numeric, 1) AS percent
FROM lake
JOIN olap.annual_values a USING (site_id)
JOIN olap.annual_values b USING (site_id, parameter, year)
WHERE a.program_id = first_programme AND b.program_id = second_programme AND a.n > 0 AND b.n > 0
  AND a.parameter IN ('ANC', 'SO4', 'CA', 'DOC')
GROUP BY site_id, a.parameter, first_programme, second_programme, a.unit
ORDER BY a.parameter, site_id;
