-- Which steps in a series may be the laboratory's and not the water's?
--
-- Read: one row for each site, parameter and change of method (two, where it changed the year before and the year after) whose annual values, less their trend, step within one year of a change of method, the twenty
-- likeliest steps first; one is there where significant is true (p < 0.05). step is the median of the three years after the change
-- less that of the three years before; what the water did meanwhile is in it too. A trend over a significant step should not be
-- believed before the laboratory was asked.
-- Units: step in unit.
SELECT t.program_id, t.site_id, t.parameter, t.step_year,
       round(t.step_p::numeric, 4) AS step_p,
       t.step_p < 0.05 AS significant,
       c.change_year, c.method_before, c.method_after,
       round(c.step::numeric, 2) AS step, c.unit
FROM olap.trends t
JOIN olap.method_changes c USING (program_id, site_id, parameter)
WHERE t.variant = 'annual_mean' AND abs(t.step_year - c.change_year) <= 1
ORDER BY t.step_p, t.program_id, t.site_id, t.parameter, c.change_year
LIMIT 20;
