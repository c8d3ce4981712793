-- What columns mean, said better. No table and no view changes.

COMMENT ON COLUMN olap.trends.class IS 'By p < 0.05: improving or worsening (SO4, with and without sea salt, and NO3 falling, ANC, measured and calculated, and pH rising is improving), rising or falling for all other parameters, no trend, not analysed.';
COMMENT ON COLUMN olap.trends.reason IS 'Why not analysed: too many censored (more than 80 % of the samples), too few values (5), constant, too few different values (3), too few years (two thirds of the period, and 5).';
COMMENT ON COLUMN olap.balance_distribution.quantity IS 'ion_balance_percent: 100 (C - A - ANC) / (C + A + ANC + 2 H); charge_ueq_l: C - A - ANC; conductance_percent: calculated less measured, of the measured, of samples with ANC of 20 ueq/L and more, for which the calculation holds.';
COMMENT ON COLUMN olap.quality.rule IS 'Rule of the contract; history.outlier; samples that several batches say: repeat.identical, repeat.complementary (a row has what another lacks, and no two differ), repeat.conflicting. A limit is what its cell says.';
