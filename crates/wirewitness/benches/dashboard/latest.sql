-- The last measurements of one name.
SELECT measured_at, probe_asn, status, mechanism, confidence, measurement_id
FROM verdict WHERE domain = 'site-00012.example' ORDER BY measured_at DESC, measurement_id LIMIT 50
