//! A scan of Censored Planet: whatever its files hold, each line is a row or a refusal with a place, and every row that
//! measures something gets a verdict that keeps its promises.
//!
//! The input is a folder in one text: a line that begins with `#` is the path of the file whose lines follow.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::Context;
use wirewitness_analysis::judge::planet::companions::{Companions, Limits};
use wirewitness_analysis::judge::planet::remote::{MAX_STEPS, MAX_TEXT, Remote};
use wirewitness_analysis::judge::planet::{Scene, judge};
use wirewitness_model::planet::source::Source;
use wirewitness_model::planet::{Refusal, Row, read_lines};
use wirewitness_model::verdict::{Confidence, Status};

static SHIPPED: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

/// Entries of a table: few, so that the limit is met.
const LIMITS: Limits = Limits { entries: 8, addresses: 4 };

fuzz_target!(|bytes: &[u8]| {
    let mut companions = Companions::with_limits(&SHIPPED, LIMITS);
    each(bytes, |_, line, row| match row {
        Ok(row) => companions.feed(row),
        Err(refusal) => check_refusal(refusal, line),
    });
    assert!(companions.entries() <= 6 * LIMITS.entries);
    let context = Context::new(&SHIPPED);
    each(bytes, |source, _, row| {
        let Ok(row) = row else { return };
        let scene = Scene { source, companions: &companions, context: &context };
        let found = judge(row, &scene);
        assert_eq!(found.is_some(), row.is_measurement());
        assert_eq!(found.is_some(), judge(row, &scene).is_some());
        if let Some(remote) = found {
            check(&remote);
        }
    });
});

fn each(bytes: &[u8], mut then: impl FnMut(&Source, &[u8], &Result<Row<'_>, Refusal>)) {
    let mut source = Source::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Some(path) = line.strip_prefix(b"#") {
            source = Source::of(&String::from_utf8_lossy(path));
            continue;
        }
        read_lines(line, &source, |number, row| {
            assert_eq!(number, 1);
            then(&source, line, &row);
        });
    }
}

fn check_refusal(refusal: &Refusal, line: &[u8]) {
    match refusal {
        Refusal::NotUtf8 { offset } => assert!(*offset < line.len()),
        // Half of a surrogate pair that was mended makes the line longer, at most by half of six bytes.
        Refusal::NotJson { offset, .. } => assert!(*offset <= line.len(), "{refusal}"),
        Refusal::NotAnObject | Refusal::UnknownShape => {}
        Refusal::TooLong { .. } => panic!("{refusal}"),
    }
}

fn check(remote: &Remote) {
    let verdict = &remote.verdict;
    let is_blocked = verdict.status == Status::Blocked;
    assert!(!is_blocked || verdict.confidence != Confidence::Low, "{verdict:?}");
    assert_eq!(is_blocked, verdict.mechanism.is_some(), "{verdict:?}");
    assert!(!(is_blocked && remote.is_control), "{verdict:?}");
    assert!(verdict.evidence.len() <= 16, "{} pieces of evidence", verdict.evidence.len());
    assert!(verdict.evidence.iter().all(|piece| piece.seen.len() <= 8 * MAX_TEXT), "{verdict:?}");
    assert!(!is_blocked || !verdict.evidence.is_empty(), "{verdict:?}");
    assert!(remote.steps.len() <= MAX_STEPS);
    for step in &remote.steps {
        assert_eq!(step.outcome.word().split('/').next(), Some(step.layer.word()), "{step:?}");
        assert!(step.name.len() <= MAX_TEXT);
        assert!(step.failure.as_ref().is_none_or(|text| text.len() <= 2 * MAX_TEXT));
        assert!(step.took_ms.is_none_or(|ms| ms >= 0.0 && ms.is_finite()));
    }
    assert!(remote.vantage.len() <= MAX_TEXT && remote.target.len() <= MAX_TEXT);
    let is_letter = |byte: &u8| byte.is_ascii_uppercase();
    assert!(remote.country.is_none_or(|code| code.iter().all(is_letter)));
}
