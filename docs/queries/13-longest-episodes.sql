-- Which acid episodes lasted longest?
--
-- Read: one row for each run of consecutive samples with ANC below 0 or pH below 5, the twenty longest that had an end. days are from the
-- first acid sample to the next one that is not. The water may have turned acid any time after the sample before, and back any time
-- before ended_by: what lies between samples nobody knows, so days are neither the most nor the least, and long where samples are rare.
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
