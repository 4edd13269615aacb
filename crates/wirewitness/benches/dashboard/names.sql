-- The hundred names blocked most often.
SELECT domain, count(*) FILTER (WHERE status = 'blocked') AS blocked, count(*) AS measurements,
       count(DISTINCT probe_asn) AS networks
FROM verdict GROUP BY domain ORDER BY blocked DESC, domain LIMIT 100
