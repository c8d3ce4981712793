-- Did a programme change the unit of a parameter without saying so?
--
-- Read: one row for each quarter from which on a programme's sites stand at a multiple of what they were. Found in the numbers, not known:
-- factor is the new level by the old one, same_sites of sites stepped by it, sharpness is the step in mean deviations (at least 5).
-- Values before and after must not be compared before one side was converted.
-- Units: factor and sharpness have none.
SELECT program_id, parameter, first_date,
       round(factor::numeric, 3) AS factor,
       same_sites, sites,
       round(sharpness::numeric, 1) AS sharpness
FROM olap.unit_breaks
ORDER BY program_id, parameter, first_date;
