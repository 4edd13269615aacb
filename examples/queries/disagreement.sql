-- Where our judge and OONI's engine differ, by what each says and by our rule.
--
-- OONI's word is `false` for accessible and null where it says nothing. Rows where both say the same are left out.
SELECT status, coalesce(ooni_blocking, 'nothing') AS ooni, rule, count(*) AS measurements,
       count(DISTINCT domain) AS names, min(measurement_id) AS example
FROM verdict
WHERE test_name = 'web_connectivity'
  AND (status = 'blocked') <> (coalesce(ooni_blocking, 'false') <> 'false')
GROUP BY status, ooni_blocking, rule
ORDER BY measurements DESC, status, ooni, rule
