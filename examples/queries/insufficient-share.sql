-- What share of measurements cannot say anything, and why: by country and network.
WITH counted AS (
    SELECT country, probe_asn, count(*) AS measurements,
           count(*) FILTER (WHERE status = 'insufficient') AS insufficient
    FROM verdict
    GROUP BY country, probe_asn
),
reason AS (
    SELECT country, probe_asn, rule, count(*) AS n,
           row_number() OVER (PARTITION BY country, probe_asn ORDER BY count(*) DESC, rule) AS place
    FROM verdict
    WHERE status = 'insufficient'
    GROUP BY country, probe_asn, rule
)
SELECT counted.country, counted.probe_asn, measurements, insufficient,
       round(100.0 * insufficient / measurements, 1) AS percent, rule AS most_frequent_rule
FROM counted
LEFT JOIN reason ON reason.country = counted.country
    AND reason.probe_asn IS NOT DISTINCT FROM counted.probe_asn AND reason.place = 1
ORDER BY percent DESC, counted.country, counted.probe_asn
