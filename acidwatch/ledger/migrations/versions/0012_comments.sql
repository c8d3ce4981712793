-- What columns mean, said better. No table and no view changes.

COMMENT ON COLUMN olap.trends.reason IS 'Why not analysed: too many censored (too few years once those are left out of whose samples more than 15 % are censored), too few values (5), constant, too few different values (3), too few years (two thirds of the period, and 5).';
COMMENT ON COLUMN olap.trends.caution IS 'What to keep in mind: fewer than 10 values; how many censored samples, and how many years for them, were left out.';
COMMENT ON COLUMN olap.trends.n_years IS 'Years of the period with a value that is used; a trend needs two thirds of the period.';
COMMENT ON COLUMN olap.trends.fixed IS 'Analysed, with values that are used in the first three and the last three years of the period.';
