-- Blocks and shutdowns that last: the newest first, with what they stand on.
SELECT event_id, kind, certainty, country, country_wide, started_at, seen_at,
       array_to_string(targets, ' ') AS targets, cardinality(networks) AS networks,
       array_to_string(mechanisms, ' ') AS mechanisms, units_blocked, units_ok, vantages, confidence
FROM event
WHERE holds AND NOT withdrawn AND ended_at IS NULL
ORDER BY started_at DESC, event_id
