-- How sure are we that waters recover?
--
-- Read: one row for each region and parameter, sites by the confidence that they improve: above 0.9 very likely improving, from 0.67
-- likely, from 0.33 low confidence, below that degrading (both classes together). not_analysed: too few or too equal values.
-- Units: numbers of sites.
SELECT region, parameter,
       count(*) FILTER (WHERE confidence_class = 'very likely improving') AS very_likely_improving,
       count(*) FILTER (WHERE confidence_class = 'likely improving') AS likely_improving,
       count(*) FILTER (WHERE confidence_class = 'low confidence') AS low_confidence,
       count(*) FILTER (WHERE confidence_class LIKE '%degrading') AS degrading,
       count(*) FILTER (WHERE class = 'not analysed') AS not_analysed
FROM olap.trends
WHERE variant = 'annual_mean' AND parameter IN ('ANC', 'SO4', 'NO3') AND region IS NOT NULL
GROUP BY region, parameter
ORDER BY region, parameter;
