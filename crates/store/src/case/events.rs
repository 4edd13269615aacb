//! Statements of the table `event` that hold and touch a question.

use wirewitness_model::case::{Event, Listed, Question};
use wirewitness_model::civil;

use super::cells::{self, Row};
use crate::query::{QueryError, Session};

/// The newest first.
pub(super) async fn read(
    session: &Session,
    question: &Question,
) -> Result<Listed<Event>, QueryError> {
    let mut found = Listed::default();
    let mut answer = session.query(&sql(question)).await?;
    while let Some(batch) = answer.next().await? {
        let events = cells::rows(&batch, |row| event(row, question))?;
        for event in events.into_iter().flatten() {
            found.all += 1;
            if found.rows.len() < MOST {
                found.rows.push(event);
            }
        }
    }
    Ok(found)
}

/// The country was checked with the filter.
fn sql(question: &Question) -> String {
    let mut wishes = vec!["holds".to_owned()];
    if let Some(country) = &question.country {
        wishes.push(format!("country = '{}'", country.to_ascii_uppercase()));
    }
    if let Some(asn) = question.network {
        wishes.push(format!("array_has(networks, {asn})"));
    }
    let day = |day: i64| {
        let (year, month, day) = civil::date(day);
        format!("DATE '{year:04}-{month:02}-{day:02}'")
    };
    if let Some(since) = question.since {
        let since = day(since);
        wishes.push(format!("(ended_at IS NULL OR CAST(ended_at AS DATE) >= {since})"));
    }
    if let Some(until) = question.until {
        wishes.push(format!("CAST(started_at AS DATE) < {}", day(until)));
    }
    format!(
        "SELECT statement, kind, certainty, country, started_at, ended_at,
         targets, networks, mechanisms, units_blocked, units_ok, units_down, vantages, confidence
         FROM event WHERE {} ORDER BY started_at DESC, statement",
        wishes.join(" AND ")
    )
}

/// None where the question names another target.
fn event(row: &Row<'_>, question: &Question) -> Option<Event> {
    let targets = row.texts(6);
    if let Some(name) = &question.name
        && !targets.iter().any(|target| is_under(host(target), name))
    {
        return None;
    }
    let networks = row.asns(7);
    let seconds = |micros: i64| micros.div_euclid(1_000_000);
    Some(Event {
        statement: row.text(0),
        kind: row.text(1),
        certainty: row.text(2),
        country: row.text(3),
        started_s: seconds(row.signed(4)),
        ended_s: row.optional(5).map(seconds),
        targets: some(targets),
        networks: some(networks),
        mechanisms: row.texts(8).into_iter().take(SOME).collect(),
        units: [row.number(9), row.number(10), row.number(11)],
        vantages: row.number(12),
        confidence: row.text(13),
    })
}

fn some<T>(rows: Vec<T>) -> Listed<T> {
    let all = rows.len() as u64;
    Listed { rows: rows.into_iter().take(SOME).collect(), all }
}

/// The host of a target: of `https://a.example:8443/x`, `a.example`.
fn host(target: &str) -> &str {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.split(':').next().unwrap_or_default()
}

fn is_under(host: &str, name: &str) -> bool {
    let (host, name) = (host.to_ascii_lowercase(), name.to_ascii_lowercase());
    host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Events in a report.
const MOST: usize = 100;
/// Targets, networks and mechanisms of one.
const SOME: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_targets() {
        for (target, is_it) in [
            ("https://a.example:8443/x?y", true),
            ("http://www.A.example/", true),
            ("a.example", true),
            ("https://ba.example/", false),
            ("https://x.example/a.example", false),
        ] {
            assert_eq!(is_under(host(target), "a.example"), is_it, "{target}");
        }
    }
}
