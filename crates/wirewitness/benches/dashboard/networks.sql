-- Networks: how much was measured by how many, and how much of it was blocked.
SELECT probe_asn, count(*) AS measurements, count(DISTINCT vantage) AS vantages, count(DISTINCT domain) AS names,
       count(*) FILTER (WHERE status = 'blocked') AS blocked
FROM verdict GROUP BY probe_asn ORDER BY measurements DESC, probe_asn
