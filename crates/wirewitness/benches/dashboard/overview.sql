-- The state of a country: measurements of each status.
SELECT country, status, count(*) AS measurements, count(DISTINCT domain) AS names
FROM verdict GROUP BY country, status ORDER BY country, status
