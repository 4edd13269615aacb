-- Addresses that resolvers gave and the control did not, by name and network.
--
-- Different is not wrong: large sites answer by place. Look at `names`: one address for many unrelated names is a block page
-- or a black hole, and one outside of the site's networks is worth a look.
WITH answer AS (
    SELECT measurement_id, country, probe_asn, domain, is_control, unnest(answers) AS address
    FROM observation
    WHERE layer = 'dns' AND answers IS NOT NULL
),
control AS (
    SELECT DISTINCT measurement_id, address FROM answer WHERE is_control
),
compared AS (
    SELECT DISTINCT measurement_id FROM control
),
foreign_answer AS (
    SELECT answer.country, answer.probe_asn, answer.domain, answer.address, answer.measurement_id
    FROM answer
    JOIN compared ON compared.measurement_id = answer.measurement_id
    LEFT JOIN control ON control.measurement_id = answer.measurement_id AND control.address = answer.address
    WHERE NOT answer.is_control AND control.address IS NULL AND answer.address ~ '^[0-9a-f.:]+$'
)
SELECT country, probe_asn, address, count(DISTINCT domain) AS names, min(domain) AS a_name,
       count(DISTINCT measurement_id) AS measurements
FROM foreign_answer
GROUP BY country, probe_asn, address
ORDER BY names DESC, measurements DESC, country, probe_asn, address
