-- When people measure: by hour of the day.
SELECT extract(hour FROM measured_at) AS hour, count(*) AS measurements, count(DISTINCT vantage) AS vantages
FROM verdict GROUP BY extract(hour FROM measured_at) ORDER BY hour
