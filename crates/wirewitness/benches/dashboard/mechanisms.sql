-- How blocking is done, by network.
SELECT probe_asn, mechanism, count(*) AS measurements, count(DISTINCT domain) AS names
FROM verdict WHERE status = 'blocked' GROUP BY probe_asn, mechanism ORDER BY probe_asn, measurements DESC, mechanism
