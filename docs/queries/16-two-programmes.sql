-- Do two programmes that sample the same lake find the same?
--
-- Read: one row for each lake and parameter that two programmes measure, over the years that both did. difference is the mean of
-- annual medians of the second programme less those of the first, of years with both. Days and depths of sampling differ, so a small
-- difference means little; one that all lakes share, in one direction, is between the laboratories.
-- Units: difference in unit; percent of the first programme's mean.
SELECT a.site_id, a.parameter,
       a.program_id AS first_programme,
       b.program_id AS second_programme,
       count(*) AS years,
       round(avg(b.median - a.median)::numeric, 2) AS difference,
       a.unit,
       round((100 * avg(b.median - a.median) / nullif(abs(avg(a.median)), 0))::numeric, 1) AS percent
FROM olap.annual_values a
JOIN olap.annual_values b USING (site_id, parameter, year)
WHERE a.program_id < b.program_id AND a.parameter IN ('ANC', 'SO4', 'CA', 'DOC') AND b.parameter IN ('ANC', 'SO4', 'CA', 'DOC')
GROUP BY a.site_id, a.parameter, a.program_id, b.program_id, a.unit
ORDER BY a.parameter, a.site_id;
