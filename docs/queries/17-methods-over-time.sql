-- Which method was used when?
--
-- Read: one row for each programme, parameter and method of sulphate and ANC. An empty method: the methods table names none for these
-- measurements. ambiguous of n were taken in years for which it names several; the one with the latest start was chosen. A trend
-- that crosses from one row to the next may be the laboratory's (see 07).
-- Units: n and ambiguous count measurements.
SELECT program_id, parameter, method, first_date, last_date, n, ambiguous
FROM olap.method_statistics
WHERE parameter IN ('SO4', 'ANC')
ORDER BY program_id, parameter, first_date, method;
