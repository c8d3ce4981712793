-- Does the snow melt still bring acid water in spring?
--
-- Read: one row for each programme and season. anc_less_year: mean of ANC less the mean of the same site's same year, over all months
-- with a value, of years with values in four months or more: a year that was sampled once differs from its mean by nothing
-- (a programme without such years has no row); well below 0 in spring is the pulse of melt water. no3_less_year is the same for nitrate: where it is high in
-- spring, nitrate is part of the pulse.
-- Units: ueq/L. Spring: March to May.
SELECT a.program_id,
       (ARRAY['winter', 'spring', 'summer', 'autumn'])[(m.month % 12) / 3 + 1] AS season,
       count(*) FILTER (WHERE a.parameter = 'ANC') AS anc_months,
       round(avg(m.mean - a.mean) FILTER (WHERE a.parameter = 'ANC')::numeric, 1) AS anc_less_year,
       round(avg(m.mean - a.mean) FILTER (WHERE a.parameter = 'NO3')::numeric, 1) AS no3_less_year
FROM olap.annual_values a, unnest(a.months) WITH ORDINALITY AS m (mean, month)
WHERE a.parameter IN ('ANC', 'NO3') AND a.year >= 2000 AND m.mean IS NOT NULL
  AND cardinality(array_remove(a.months, NULL)) >= 4
GROUP BY a.program_id, (m.month % 12) / 3
ORDER BY a.program_id, (m.month % 12) / 3;
