-- How blocking is done, week by week: each mechanism's share of a country's blocked measurements, and the change since the
-- week before.
WITH weekly AS (
    SELECT week(measured_at) AS week, country, coalesce(mechanism, 'unknown') AS mechanism, count(*) AS measurements
    FROM verdict
    WHERE status = 'blocked'
    GROUP BY week(measured_at), country, coalesce(mechanism, 'unknown')
),
shared AS (
    SELECT *, 100.0 * measurements / sum(measurements) OVER (PARTITION BY week, country) AS percent
    FROM weekly
)
SELECT week, country, mechanism, measurements, round(percent, 1) AS percent,
       round(percent - lag(percent) OVER (PARTITION BY country, mechanism ORDER BY week), 1) AS change
FROM shared
ORDER BY country, week, measurements DESC, mechanism
