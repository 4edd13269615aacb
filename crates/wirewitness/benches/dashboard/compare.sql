-- Names that one of two networks blocks and the other does not, in a month.
WITH name AS (
    SELECT domain, probe_asn, count(*) AS n, count(*) FILTER (WHERE status = 'blocked') AS blocked
    FROM verdict
    WHERE day >= DATE '2026-03-01' AND day < DATE '2026-04-01' AND probe_asn IN (64496, 64497)
    GROUP BY domain, probe_asn
)
SELECT a.domain, a.blocked AS a_blocked, a.n AS a_n, b.blocked AS b_blocked, b.n AS b_n
FROM name a JOIN name b ON a.domain = b.domain AND a.probe_asn = 64496 AND b.probe_asn = 64497
WHERE a.blocked * 2 > a.n AND b.blocked * 10 < b.n
ORDER BY a_blocked DESC, a.domain
