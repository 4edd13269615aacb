//! What a receiver says of a post. It may say anything: what is read of it is bounded, checked against what was sent, and made safe to show.

use std::time::Duration;

use serde::Deserialize;
use wirewitness_model::civil;
use wirewitness_probe::http::Came;

use super::batches::Batch;
use crate::output::clean;

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// The post was dealt with.
    Taken(Taken),
    /// Nothing of it can be used, for this reason.
    Refused(String),
    /// It was too large; smaller ones may do.
    TooLarge(String),
    /// Not now. After so long, where it says.
    Later(String, Option<Duration>),
    /// Asking again is no use.
    Never(String),
}

/// How many records were dealt with in which way; together all of the post.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Taken {
    /// Kept.
    pub(crate) accepted: u64,
    /// In doubt: somebody will look at them.
    pub(crate) quarantined: u64,
    /// Not taken.
    pub(crate) refused: u64,
    /// Why, the first few.
    pub(crate) problems: Vec<String>,
}

/// The answer in JSON.
#[derive(Deserialize)]
struct Written {
    accepted: u64,
    quarantined: u64,
    refused: u64,
    #[serde(default)]
    problems: Vec<String>,
}

/// A refusal as RFC 9457 has it.
#[derive(Deserialize, Default)]
struct Problem {
    #[serde(default)]
    detail: String,
}

impl Said {
    /// Reads an answer to a post. `now` is seconds since 1970.
    pub(crate) fn of(came: &Came, batch: &Batch, now: i64) -> Self {
        let status = came.status;
        let words = || told(came);
        match status {
            200..=299 => Self::taken(came, batch),
            413 => Self::TooLarge(words()),
            422 => Self::Refused(words()),
            408 | 425 | 429 | 500..=599 => Self::Later(words(), after(came, now)),
            300..=399 => {
                let to = came.header("location").map(String::from_utf8_lossy).unwrap_or_default();
                let to = clean(&to, 200);
                Self::Never(format!("{status}: it sends elsewhere ({to}), which is not followed"))
            }
            401 | 403 => Self::Never(format!("{}; look at the token", words())),
            404 | 405 => Self::Never(format!("{}; no measurements are taken there", words())),
            _ => Self::Never(words()),
        }
    }

    fn taken(came: &Came, batch: &Batch) -> Self {
        let strange = |why: &str| Self::Never(format!("{why}: this is no dashboard that answers"));
        if came.truncated {
            return strange("the answer does not end");
        }
        let Ok(written) = serde_json::from_slice::<Written>(&came.body) else {
            return strange("the answer is not the expected JSON");
        };
        let Written { accepted, quarantined, refused, problems } = written;
        let sum = accepted.checked_add(quarantined).and_then(|it| it.checked_add(refused));
        if sum != Some(batch.records.len() as u64) {
            return strange("the answer counts other records than were sent");
        }
        let problems = problems.iter().take(MOST_PROBLEMS).map(|it| placed(it, batch)).collect();
        Self::Taken(Taken { accepted, quarantined, refused, problems })
    }
}

/// `record 3: why` with the file and line that it is about.
fn placed(problem: &str, batch: &Batch) -> String {
    let number = problem.strip_prefix("record ").and_then(|it| it.split_once(": "));
    let line = number.and_then(|(number, why)| {
        let at = number.parse::<usize>().ok()?.checked_sub(1)?;
        Some((*batch.lines.get(at)?, why))
    });
    let file = clean(&batch.file, 200);
    match line {
        Some((line, why)) => format!("{file} line {line}: {}", clean(why, LONGEST)),
        None => format!("{file}: {}", clean(problem, LONGEST)),
    }
}

/// The status, and what a refusal says in words.
fn told(came: &Came) -> String {
    let problem: Problem = serde_json::from_slice(&came.body).unwrap_or_default();
    match problem.detail.as_str() {
        "" => came.status.to_string(),
        detail => format!("{}: {}", came.status, clean(detail, LONGEST)),
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn after(came: &Came, now: i64) -> Option<Duration> {
    let text = std::str::from_utf8(came.header("retry-after")?).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
        // More digits than a number has are more seconds than anybody waits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let left = date(text)?.saturating_sub(now);
    Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the form that senders have to use (RFC 9110 §5.6.7).
fn date(text: &str) -> Option<i64> {
    let mut words = text.split(' ');
    let (_, day, month) = (words.next()?, words.next()?, words.next()?);
    let (year, time, zone) = (words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    let micros = civil::micros(&format!("{year}-{month:02}-{day} {time}"))?;
    Some(micros.div_euclid(1_000_000))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MOST_PROBLEMS: usize = 20;
/// Characters of what a receiver says that are shown.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let records = vec!["{}".to_owned(); 3];
        Batch { file: "m.jsonl".to_owned(), records, lines: vec![4, 5, 9] }
    }

    fn came(status: u16, headers: &[(&str, &str)], body: &str) -> Came {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect();
        Came { status, headers, body: body.as_bytes().to_vec(), truncated: false }
    }

    #[test]
    fn an_answer_counts_what_was_sent_and_no_other_is_believed() {
        let body = r#"{"accepted":1,"quarantined":1,"refused":1,"problems":["record 3: older","\u001b[2Jx","record 99: no","record 0: no"]}"#;
        let Said::Taken(taken) = Said::of(&came(200, &[], body), &batch(), 0) else { panic!() };
        assert_eq!((taken.accepted, taken.quarantined, taken.refused), (1, 1, 1));
        assert_eq!(taken.problems[0], "m.jsonl line 9: older");
        assert_eq!(taken.problems[1], "m.jsonl: \\u{1b}[2Jx");
        assert_eq!(taken.problems[2..], ["m.jsonl: record 99: no", "m.jsonl: record 0: no"]);
        for body in [
            "",
            "<html>Welcome to our hotel</html>",
            "{}",
            r#"{"accepted":2,"quarantined":0,"refused":0}"#,
            r#"{"accepted":4,"quarantined":0,"refused":0}"#,
            r#"{"accepted":18446744073709551615,"quarantined":4,"refused":0}"#,
            r#"{"accepted":-1,"quarantined":4,"refused":0}"#,
        ] {
            let said = Said::of(&came(200, &[], body), &batch(), 0);
            assert!(matches!(said, Said::Never(_)), "{body}: {said:?}");
        }
        let mut endless = came(200, &[], r#"{"accepted":3,"quarantined":0,"refused":0}"#);
        endless.truncated = true;
        assert!(matches!(Said::of(&endless, &batch(), 0), Said::Never(_)));
    }

    #[test]
    fn what_may_help_is_told_from_what_may_not() {
        let of = |status| Said::of(&came(status, &[], ""), &batch(), 0);
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(of(status), Said::Later(status.to_string(), None));
        }
        for status in [100, 301, 307, 400, 401, 403, 404, 405, 415, 600] {
            assert!(matches!(of(status), Said::Never(_)), "{status}");
        }
        assert_eq!(of(413), Said::TooLarge("413".to_owned()));
        let said = Said::of(&came(422, &[], r#"{"detail":"no \u0007use"}"#), &batch(), 0);
        assert_eq!(said, Said::Refused("422: no \\u{7}use".to_owned()));
        let away = Said::of(&came(302, &[("Location", "http://x/\u{1b}")], ""), &batch(), 0);
        let Said::Never(words) = away else { panic!() };
        assert!(words.contains("http://x/\\u{1b}"), "{words}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 1994-11-06 08:49:37, as `date -u -d @784111777` tells it.
        let now = 784_111_777;
        for (said, secs) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 PST", None),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            let came = came(503, &[("Retry-After", said)], "");
            assert_eq!(after(&came, now), secs.map(Duration::from_secs), "{said}");
        }
    }
}
