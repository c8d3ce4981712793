-- At which sites does ANC not follow the fall of sulphate?
--
-- Read: one row for each site where SO4 falls (p < 0.05) and ANC does not rise. bc_slope is that of the base cations (Ca + Mg + Na + K):
-- where they fall nearly as fast as SO4, the soil takes back what the rain no longer asks for, and ANC stays where it is.
-- Units: slopes ueq/L per year.
SELECT so4.program_id, so4.site_id,
       anc.class AS anc_class,
       round(so4.slope::numeric, 2) AS so4_slope,
       round(anc.slope::numeric, 2) AS anc_slope,
       round(bc.slope::numeric, 2) AS bc_slope
FROM olap.trends so4
JOIN olap.trends anc USING (program_id, site_id, variant)
LEFT JOIN olap.trends bc
    ON bc.program_id = so4.program_id AND bc.site_id = so4.site_id AND bc.variant = so4.variant AND bc.parameter = 'BC'
WHERE so4.variant = 'annual_mean' AND so4.parameter = 'SO4' AND so4.class = 'improving'
  AND anc.parameter = 'ANC' AND anc.class IN ('no trend', 'worsening')
ORDER BY anc.slope, so4.program_id, so4.site_id;
