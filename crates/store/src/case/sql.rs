//! The questions of a case, as SQL. `{WHERE}` stands for the filter.

use wirewitness_model::case::Question;
use wirewitness_model::civil;

use crate::query::QueryError;

/// Which rows of `verdict` and `measurement` are meant.
pub(super) struct Filter(String);

impl Filter {
    /// # Errors
    /// A country, name or day that is none.
    pub(super) fn of(question: &Question) -> Result<Self, QueryError> {
        let wrong = |message: String| QueryError::Sql { message, at: None };
        let mut wishes = Vec::new();
        if let Some(country) = &question.country {
            if country.len() != 2 || !country.bytes().all(|it| it.is_ascii_alphanumeric()) {
                return Err(wrong(format!("{country:?} is no country of two letters")));
            }
            wishes.push(format!("country = '{}'", country.to_ascii_uppercase()));
        }
        if let Some(asn) = question.network {
            wishes.push(format!("probe_asn = {asn}"));
        }
        if let Some(name) = &question.name {
            // Nothing that LIKE or a text in quotes could take for its own, but for `_`, which is escaped.
            let is_part = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
            if name.is_empty() || name.len() > 253 || !name.bytes().all(is_part) {
                return Err(wrong(format!(
                    "{name:?} is no host name (write those of other scripts as xn--..)"
                )));
            }
            let name = name.to_ascii_lowercase();
            let under = name.replace('_', "\\_");
            wishes.push(format!("(domain = '{name}' OR domain LIKE '%.{under}')"));
        }
        for (day, sign) in [(question.since, ">="), (question.until, "<")] {
            let Some(day) = day else { continue };
            let (year, month, day) = civil::date(day);
            wishes.push(format!("day {sign} DATE '{year:04}-{month:02}-{day:02}'"));
        }
        let all = if wishes.is_empty() { "TRUE".to_owned() } else { wishes.join(" AND ") };
        Ok(Self(all))
    }

    pub(super) fn put_into(&self, sql: &str) -> String {
        sql.replace("{WHERE}", &self.0).replace("{TALLY}", TALLY)
    }
}

/// What [`super::tally`] reads.
const TALLY: &str =
    "count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'down'),
    count(*) FILTER (WHERE status = 'blocked'), count(*) FILTER (WHERE status = 'insufficient'),
    count(DISTINCT vantage), count(DISTINCT probe_asn), count(DISTINCT target)";

pub(super) const TOTALS: &str = "SELECT {TALLY}, count(DISTINCT country),
    (SELECT count(*) FROM (SELECT DISTINCT country, probe_asn FROM verdict WHERE {WHERE})) AS all_networks,
    (SELECT count(*) FROM (SELECT DISTINCT coalesce(domain, target) FROM verdict WHERE {WHERE})) AS all_targets,
    min(day), max(day),
    (SELECT count(*) FROM (SELECT DISTINCT country, probe_asn FROM verdict
        WHERE {WHERE} AND status = 'blocked')) AS blocking_networks,
    (SELECT count(*) FROM (SELECT DISTINCT coalesce(domain, target) FROM verdict
        WHERE {WHERE} AND status = 'blocked')) AS blocked_targets
    FROM verdict WHERE {WHERE}";

pub(super) const ORIGINS: &str = "SELECT origin, count(*) FROM verdict WHERE {WHERE}
    GROUP BY origin ORDER BY 2 DESC, 1 LIMIT 20";

/// A century of days.
pub(super) const TIMELINE: &str =
    "SELECT day, {TALLY} FROM verdict WHERE {WHERE} GROUP BY day ORDER BY day LIMIT 36525";

pub(super) const NETWORKS: &str = "SELECT country, probe_asn, {TALLY},
    count(DISTINCT CASE WHEN status = 'blocked' THEN vantage END),
    count(*) FILTER (WHERE status = 'blocked' AND confidence = 'low'),
    count(*) FILTER (WHERE status = 'blocked' AND confidence = 'medium'),
    count(*) FILTER (WHERE status = 'blocked' AND confidence = 'high'),
    count(DISTINCT CASE WHEN status = 'blocked' THEN target END), min(day), max(day)
    FROM verdict WHERE {WHERE} GROUP BY country, probe_asn
    ORDER BY 5 DESC, count(*) DESC, country, probe_asn LIMIT 200";

/// Probes may have several names for one network.
pub(super) const NETWORK_NAMES: &str = "SELECT probe_asn,
    left(coalesce(asn_name(probe_asn), max(network_name)), 300)
    FROM measurement WHERE {WHERE} GROUP BY probe_asn ORDER BY 1";

pub(super) const TARGETS: &str = "SELECT left(coalesce(domain, target), 300), {TALLY},
    count(DISTINCT CASE WHEN status = 'blocked' THEN vantage END),
    count(DISTINCT CASE WHEN status = 'blocked' THEN probe_asn END)
    FROM verdict WHERE {WHERE} GROUP BY coalesce(domain, target)
    ORDER BY 4 DESC, count(*) DESC, coalesce(domain, target) LIMIT 100";

pub(super) const MECHANISMS: &str = "SELECT mechanism, status, count(*), count(DISTINCT probe_asn),
    count(DISTINCT vantage) FROM verdict WHERE {WHERE} AND mechanism IS NOT NULL
    GROUP BY mechanism, status ORDER BY 3 DESC, mechanism, status LIMIT 200";

pub(super) const RULES: &str = "SELECT rule, rule_version, count(*) FROM verdict WHERE {WHERE}
    GROUP BY rule, rule_version ORDER BY rule, rule_version LIMIT 500";

pub(super) const CANNOT_TELL: &str = "SELECT left(what, 600), count(*) FROM
    (SELECT unnest(cannot_tell) AS what FROM verdict WHERE {WHERE} AND status = 'blocked')
    GROUP BY what ORDER BY 2 DESC, what LIMIT 30";

pub(super) const JUDGES: &str = "SELECT judged_with, count(*) FROM verdict WHERE {WHERE}
    GROUP BY judged_with ORDER BY 2 DESC, judged_with LIMIT 50";

pub(super) const JUDGES_DESCRIBED: &str =
    "SELECT DISTINCT judged_with FROM source ORDER BY judged_with LIMIT 1000";

pub(super) const SOURCES_COUNTED: &str = "SELECT count(*) FROM source
    WHERE name IN (SELECT source FROM measurement WHERE {WHERE})";

pub(super) const SOURCES: &str = "SELECT sha256, bytes, format, records, refused FROM source
    WHERE name IN (SELECT source FROM measurement WHERE {WHERE}) ORDER BY sha256 LIMIT 100";

/// `{LISTED}` stands for the most rows.
pub(super) const MEASUREMENTS: &str = "SELECT measurement_id, day, left(target, 300), country,
    probe_asn, status, mechanism, confidence, concat(rule, '@', rule_version)
    FROM verdict WHERE {WHERE}
    ORDER BY CASE status WHEN 'blocked' THEN 0 WHEN 'down' THEN 1 WHEN 'insufficient' THEN 2 ELSE 3 END,
    day, target, probe_asn, measurement_id LIMIT {LISTED}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_question_is_taken_for_sql() {
        let named = |name: &str| Question { name: Some(name.to_owned()), ..Question::default() };
        assert_eq!(
            Filter::of(&named("A_b.example")).unwrap().0,
            "(domain = 'a_b.example' OR domain LIKE '%.a\\_b.example')"
        );
        for wrong in ["", "a' OR 'x", "a%", "پاک.example", "a b"] {
            assert!(Filter::of(&named(wrong)).is_err(), "{wrong:?}");
        }
        let country = Question { country: Some("P'".to_owned()), ..Question::default() };
        assert!(Filter::of(&country).is_err());
    }
}
