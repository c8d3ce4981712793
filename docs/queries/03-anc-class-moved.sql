-- Which sites are in another class of ANC than thirty years ago, and which of them in a lower one?
--
-- Read: one row for each site whose median of 2016 to 2020 lies in another class than that of 1990 to 1994; moved below 0: it lost so many
-- classes, those first. Classes: acidic (< 0), 0 to 50, 50 to 100, 100 and above. A site near a limit may change class with little
-- change in the water, so look at the medians too.
-- Units: medians ueq/L.
SELECT program_id, site_id, classes_moved AS moved, first_class, last_class,
       round(first_median_anc_ueq_l::numeric, 1) AS first_median,
       round(last_median_anc_ueq_l::numeric, 1) AS last_median
FROM olap.acidity_by_site
WHERE classes_moved <> 0
ORDER BY classes_moved, last_median_anc_ueq_l - first_median_anc_ueq_l, program_id, site_id;
