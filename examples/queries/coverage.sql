-- What was measured at all: by week and country, how many networks, vantages, targets and days. Where nothing was measured,
-- nothing can be said.
SELECT week(measured_at) AS week, country, count(*) AS measurements,
       count(DISTINCT probe_asn) AS networks, count(DISTINCT vantage) AS vantages,
       count(DISTINCT target) AS targets, count(DISTINCT day) AS days,
       count(DISTINCT hour(measured_at)) AS hours
FROM measurement
GROUP BY week(measured_at), country
ORDER BY week, country
