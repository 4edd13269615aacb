-- Which names each network blocks: up to twenty a network, those blocked most often first.
--
-- A name counts where it was blocked at least twice and more often than it was ok. `vantages` are independent witnesses.
WITH name AS (
    SELECT country, probe_asn, registered_domain(domain) AS name,
           count(*) FILTER (WHERE status = 'blocked') AS blocked,
           count(*) FILTER (WHERE status = 'ok') AS ok,
           count(DISTINCT vantage) FILTER (WHERE status = 'blocked') AS vantages
    FROM verdict
    WHERE status IN ('blocked', 'ok')
    GROUP BY country, probe_asn, registered_domain(domain)
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY country, probe_asn ORDER BY blocked DESC, name) AS place
    FROM name
    WHERE blocked >= 2 AND blocked > ok
)
SELECT country, probe_asn, asn_name(probe_asn) AS network, name, blocked, ok, vantages
FROM ranked
WHERE place <= 20
ORDER BY country, probe_asn, blocked DESC, name
