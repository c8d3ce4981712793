-- How complete are the major ions and ANC, by programme and year?
--
-- Read: one row for each programme and year from 2000 on. complete_percent is over the eight of Ca, Mg, Na, K, SO4, NO3, Cl and ANC
-- together, with values below or above a limit, which are not missing; worst_parameter is the one that is missing most often (the first by
-- name, if several are).
-- Units: per cent of the samples.
WITH by_parameter AS (
    SELECT program_id, year, parameter, sum(samples) AS samples, sum(n + censored) AS n
    FROM olap.completeness
    WHERE parameter IN ('CA', 'MG', 'NA', 'K', 'SO4', 'NO3', 'CL', 'ANC') AND year >= 2000
    GROUP BY program_id, year, parameter
)
SELECT program_id, year, max(samples) AS samples,
       round(100.0 * sum(n) / sum(samples), 1) AS complete_percent,
       (array_agg(parameter ORDER BY n, parameter))[1] AS worst_parameter,
       round(100.0 * min(n) / max(samples), 1) AS worst_percent
FROM by_parameter
GROUP BY program_id, year
ORDER BY program_id, year;
