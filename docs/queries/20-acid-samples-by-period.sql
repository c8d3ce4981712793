-- How did the share of acid samples change from one five years to the next?
--
-- Read: one row for each programme and five years, by the samples' own ANC. Sites come and go, and some are sampled in acid weather on
-- purpose, so sites stands beside it: compare periods with about the same sites only.
-- Units: per cent of the samples with ANC; lowest ueq/L.
SELECT program_id,
       year / 5 * 5 AS from_year,
       count(DISTINCT site_id) AS sites,
       sum(n) AS samples,
       round(100.0 * sum(acidic) / sum(n), 1) AS acidic_percent,
       round(100.0 * sum(anc_0_50) / sum(n), 1) AS from_0_to_50_percent,
       round(min(min_anc_ueq_l)::numeric, 1) AS lowest_anc
FROM olap.acidity_by_year
WHERE n > 0
GROUP BY program_id, year / 5
ORDER BY program_id, from_year;
