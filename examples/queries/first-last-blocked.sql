-- When each name was first and last seen blocked in a country, and for how many days in between it was.
SELECT country, domain,
       min(measured_at) AS first_blocked, max(measured_at) AS last_blocked,
       count(DISTINCT day) AS days_blocked, count(*) AS measurements_blocked,
       count(DISTINCT probe_asn) AS networks
FROM verdict
WHERE status = 'blocked'
GROUP BY country, domain
ORDER BY country, first_blocked, domain
