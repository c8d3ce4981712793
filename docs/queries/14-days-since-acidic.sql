-- How long is it since each site was last acidic?
--
-- Read: one row for each site that ever had ANC below 0, the longest ago first. Days count to the last sampling of the whole dataset, not
-- to today. days_sampled_since is how long the site itself was still sampled after that: where it is small, nobody looked.
-- Units: days; last_median ueq/L, 2016 to 2020.
SELECT program_id, site_id, last_acidic_date, days_since_acidic,
       last_date - last_acidic_date AS days_sampled_since,
       episodes,
       round(last_median_anc_ueq_l::numeric, 1) AS last_median
FROM olap.acidity_by_site
WHERE last_acidic_date IS NOT NULL
ORDER BY days_since_acidic DESC, program_id, site_id;
