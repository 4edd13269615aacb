-- What was blocked, day by day.
SELECT day, count(*) AS measurements, count(*) FILTER (WHERE status = 'blocked') AS blocked,
       count(*) FILTER (WHERE status = 'insufficient') AS insufficient
FROM verdict GROUP BY day ORDER BY day
