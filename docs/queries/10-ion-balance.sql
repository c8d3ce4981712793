-- How large a share of the samples has a bad ion balance?
--
-- Read: one row for each programme. bad breaks the rule balance.ions: a difference of more than 25 % and more than 50 ueq/L, of tested
-- samples, which have all major ions. median, p05 and p95 are of the difference of all of them: a median far from 0 is a bias of the
-- laboratory or an ion that nobody measures (organic acids make it positive).
-- Units: difference per cent of the sum of all ions.
SELECT q.program_id, q.tested, q.bad,
       round(100.0 * q.bad / q.tested, 2) AS bad_percent,
       round(d.p05::numeric, 1) AS p05,
       round(d.median::numeric, 1) AS median,
       round(d.p95::numeric, 1) AS p95
FROM (
    SELECT program_id, sum(checked) AS tested, sum(n) AS bad
    FROM olap.quality
    WHERE rule = 'balance.ions'
    GROUP BY program_id
) q
LEFT JOIN olap.balance_distribution d
    ON d.program_id = q.program_id AND d.quantity = 'ion_balance_percent' AND d.site_id IS NULL AND d.year IS NULL
ORDER BY q.program_id;
