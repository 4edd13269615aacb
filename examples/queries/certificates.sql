-- Which certificates were seen for each name, from where, and when: one seen in a single country only is listed first.
SELECT name, certificate, count(DISTINCT country) AS countries, min(country) AS a_country,
       count(DISTINCT probe_asn) AS networks, count(DISTINCT measurement_id) AS measurements,
       min(measured_at) AS first_seen, max(measured_at) AS last_seen
FROM observation
WHERE layer IN ('tls', 'quic') AND certificate IS NOT NULL AND NOT is_control
GROUP BY name, certificate
ORDER BY countries, name, first_seen, certificate
