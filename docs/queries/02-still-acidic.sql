-- Which lakes and streams are still acidic?
--
-- Read: one row for each site whose median ANC of the last period (2016 to 2020) is below 0, the most acidic first. samples are those of
-- that period with ANC. first_median is that of 1990 to 1994, empty where there is none; worse than it is a site that got more acidic.
-- Units: ueq/L.
SELECT program_id, site_id,
       last_n AS samples,
       round(last_median_anc_ueq_l::numeric, 1) AS last_median,
       round(first_median_anc_ueq_l::numeric, 1) AS first_median,
       last_median_anc_ueq_l < first_median_anc_ueq_l AS worse
FROM olap.acidity_by_site
WHERE last_median_anc_ueq_l < 0
ORDER BY last_median_anc_ueq_l, program_id, site_id;
