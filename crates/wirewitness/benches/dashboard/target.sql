-- One name's state on each network, by day.
SELECT day, probe_asn, count(*) AS measurements, count(*) FILTER (WHERE status = 'blocked') AS blocked
FROM verdict WHERE domain = 'site-00012.example' GROUP BY day, probe_asn ORDER BY day, probe_asn
