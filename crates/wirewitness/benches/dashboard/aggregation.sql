-- OONI's aggregation for one month: day by network and status.
SELECT day, probe_asn, status, count(*) AS measurements
FROM verdict WHERE day >= DATE '2026-06-01' AND day < DATE '2026-07-01'
GROUP BY day, probe_asn, status ORDER BY day, probe_asn, status
