-- Which acid episodes lasted longest?
--
-- Read: one row for each run of consecutive samples with ANC below 0 or pH below 5, the twenty longest that had an end. days are from the
-- first acid sample to the next one that is not: how long the water was acid between samples nobody knows, so it is at most this
-- long, and long where samples are rare.
-- Units: ANC ueq/L.
SELECT program_id, site_id, first_date, ended_by,
       ended_by - first_date AS days,
       samples,
       round(min_anc_ueq_l::numeric, 1) AS min_anc,
       round(min_ph::numeric, 2) AS min_ph
FROM olap.acid_episodes
WHERE ended_by IS NOT NULL
ORDER BY days DESC, program_id, site_id, first_date
LIMIT 20;
