-- How many measurements of each name there are, by day, country and network, and what they came to.
--
-- The axes and columns are those of OONI's aggregation API (measurement_start_day x probe_cc x probe_asn x domain), so that
-- figures can be laid side by side. Our words on OONI's: confirmed = blocked, and a known block page or address was seen;
-- anomaly = blocked, without one; failure = the measurement cannot say (insufficient). `down_count` has no counterpart: the
-- site itself failed, which OONI counts as ok or anomaly.
SELECT day AS measurement_start_day, country AS probe_cc, probe_asn, domain,
       count(*) AS measurement_count,
       count(*) FILTER (WHERE status = 'ok') AS ok_count,
       count(*) FILTER (WHERE status = 'blocked' AND fingerprint IS NOT NULL) AS confirmed_count,
       count(*) FILTER (WHERE status = 'blocked' AND fingerprint IS NULL) AS anomaly_count,
       count(*) FILTER (WHERE status = 'insufficient') AS failure_count,
       count(*) FILTER (WHERE status = 'down') AS down_count
FROM verdict
GROUP BY day, country, probe_asn, domain
ORDER BY day, country, probe_asn, domain
