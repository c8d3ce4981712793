-- What do all these figures rest on?
--
-- Read: one row, the run that every view shows. The same dataset, reference and code version give the same digits again, so these three
-- belong beside any figure that is printed. rows of batches less superseded (a later workbook says the same sample) are samples.
-- based_on: the run whose other sites stand here, to the same digits (empty: all were computed); olap.site_rows has each site's folder.
-- Units: numbers; the version can be exported with `acidwatch versions export --version N`.
SELECT dataset_version, reference_version, code_version, batches, rows, superseded, samples, measurements,
       ambiguous AS measurements_with_several_methods,
       without_method AS measurements_without_method,
       without_site AS measurements_without_site,
       run_id, based_on, sites_computed, finished_at
FROM olap.run;
