//! Every row of the matrix, captured at the client and at the server, and inspected: what is said agrees with what was done.
//!
//! A forged packet beside the genuine one (a racing device) must be found. One that replaces the genuine one can only be told by its
//! headers, which a device may copy: there, less may be said, but nothing else. Nothing is ever said of rows in which nobody interferes.

use std::sync::{Arc, LazyLock};

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::tamper::finding::{DropGrade, Finding, Grade};
use wirewitness_analysis::tamper::{Inspector, Limits};
use wirewitness_probe::{FollowUp, web};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};

use crate::field::Field;
use crate::matrix::{self, ACCESS, Row};

static FINGERPRINTS: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);

/// The captures of a row: at the client, and at the site.
fn captured(row: &Row) -> [Vec<u8>; 2] {
    let captures = row.scenario(ACCESS).run(None, |running| async move {
        running.tap(row.client);
        running.tap(SITE);
        let running = Arc::new(running);
        let field = Field::new(Arc::clone(&running), FollowUp::Failures).await;
        web::measure(&field.session(row.client), row.url).await.unwrap();
        [row.client, SITE].map(|name| running.pcapng(name).unwrap_or_default())
    });
    let captures = captures.unwrap();
    if let Some(folder) = std::env::var_os("WW_PCAP") {
        for (side, capture) in ["client", "site"].iter().zip(&captures) {
            let name = format!("{}-{side}.pcapng", row.name.replace([' ', ','], "-"));
            std::fs::write(std::path::Path::new(&folder).join(name), capture).unwrap();
        }
    }
    captures
}

fn inspect(capture: &[u8]) -> Vec<Finding> {
    let (mut walk, mut at, mut found) = (Walk::default(), 0, Vec::new());
    let mut inspector = Inspector::new(Limits::default(), &FINGERPRINTS);
    while at < capture.len() {
        let (used, step) = walk.step(&capture[at..]);
        match step {
            Step::Packet(record) => match innermost(record.link, record.bytes) {
                Ok(Carried::Ip(packet)) => {
                    inspector.packet(&record, &packet, &mut |finding| found.push(finding));
                }
                other => panic!("{other:?}"),
            },
            Step::Passed => {}
            other => panic!("{other:?}"),
        }
        at += used;
    }
    inspector.finish(&mut |finding| found.push(finding));
    found
}

/// What is said, as `kind grade`: of forged packets their kinds, of silence what had no answer. What is undecided is not said.
fn said(findings: &[Finding]) -> Vec<String> {
    let mut words: Vec<String> = findings.iter().filter_map(word).collect();
    words.sort();
    words.dedup();
    words
}

fn word(finding: &Finding) -> Option<String> {
    match finding {
        Finding::Injection(it) if it.grade >= Grade::Likely => {
            Some(format!("forged {}", it.what.first()?))
        }
        Finding::Drop(it) if it.grade >= DropGrade::Likely => Some(format!("drop {}", it.what)),
        Finding::Throttle(it) if it.confidence != "low" => Some(format!("throttle {}", it.kind)),
        Finding::Blockpage(_) => Some("page".to_owned()),
        _ => None,
    }
}

/// What may be said of a row at the client, and whether something of it must be.
fn expected(row: &Row) -> (Vec<&'static str>, Must) {
    let racing = if row.deed.contains("on-path") { Must::BeSaid } else { Must::NotBeWrong };
    let name = row.name;
    let has = |part: &str| name.contains(part);
    let starts = |part: &str| name.starts_with(part);
    // What a resolver says is its own packet; a page that it leads to is a block page all the same. That the address of a known filter
    // comes from an injector is likely, and cannot be told from a resolver that is made to say it.
    if name == "lying resolver, bogon" {
        return (vec!["forged dns_answer"], Must::NotBeWrong);
    }
    if starts("lying resolver") {
        return (vec!["page"], Must::NotBeWrong);
    }
    if starts("mitm") || starts("udp to the address") || has("unreachable") || has("prohibited") {
        return (vec![], Must::NotBeWrong);
    }
    if starts("dns injection") {
        let must = if has("silence") { Must::NotBeWrong } else { racing };
        return (vec!["forged dns_answer", "page"], must);
    }
    if has("dropped") {
        return (vec!["drop syn"], Must::NotBeWrong);
    }
    if starts("residual") {
        return (
            vec![
                "forged rst",
                "forged rst_ack",
                "drop residual",
                "drop after_reset",
                "drop syn",
                "drop client_hello",
                "drop http_request",
            ],
            racing,
        );
    }
    if starts("quic") {
        // The server's answers to the first Initial arrive: nobody is silent.
        let must = if has("of the client's") { Must::NotBeWrong } else { Must::BeSaid };
        return (vec!["drop quic_initial"], must);
    }
    if starts("throttled") {
        let must = if has("policer") { Must::BeSaid } else { Must::NotBeWrong };
        return (
            vec![
                "throttle policer",
                "throttle shaper",
                "throttle plateau",
                "throttle differs_from_control",
            ],
            must,
        );
    }
    if name == "text drop, the path" {
        // The text is in the path of every name that is tried, and no name is answered: the server may be down.
        return (vec!["drop http_request"], Must::NotBeWrong);
    }
    if has("drop") || name == "sni reset to the server" {
        return (vec!["drop client_hello", "drop http_request", "drop residual"], Must::BeSaid);
    }
    if name == "sni reset to the server, racing" {
        // The client sees the server's own reset only: what it says of the repeated hello.
        return (vec!["forged rst", "forged rst_ack"], Must::NotBeWrong);
    }
    if has("page") || has("redirect") {
        return (vec!["page", "forged data", "forged fin"], racing);
    }
    if has("close") {
        return (vec!["forged fin", "forged data"], racing);
    }
    (vec!["forged rst", "forged rst_ack"], racing)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    BeSaid,
    NotBeWrong,
}

fn wrong(
    row: &Row,
    (side, capture): (&str, &[u8]),
    (may, must): (&[&str], Must),
) -> Option<String> {
    let said = said(&inspect(capture));
    if std::env::var_os("WW_SHOW").is_some() {
        println!("{:<50} {side}: {said:?}", row.name);
    }
    let other = said.iter().any(|it| !may.contains(&it.as_str()));
    let missing = must == Must::BeSaid && !said.iter().any(|it| may.contains(&it.as_str()));
    (other || missing)
        .then(|| format!("{} at the {side}: {said:?} instead of {may:?} ({must:?})", row.name))
}

fn check(rows: &[Row], wrong: impl Fn(&Row, [Vec<u8>; 2]) -> Vec<String>) {
    let wanted = std::env::var("WW_ROW").unwrap_or_default();
    let rows: Vec<_> = rows.iter().filter(|row| row.name.contains(&wanted)).collect();
    let wrong: Vec<_> = rows.iter().flat_map(|row| wrong(row, captured(row))).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn every_technique_at_both_ends() {
    check(&matrix::interference(), |row, [client, site]| {
        let (may, must) = expected(row);
        let at_client = wrong(row, ("client", &client), (&may, must));
        // The site's own line shows what is forged towards it: surely where the client goes on, who knows nothing of it. A client that
        // is reset as well is silent, and then there are only headers, of which none may decide.
        let goes_on = row.deed.contains("towards = \"server\"") && row.deed.contains("on-path");
        let must = if goes_on { Must::BeSaid } else { Must::NotBeWrong };
        let may = [&may[..], &["forged rst", "forged rst_ack"]].concat();
        at_client.into_iter().chain(wrong(row, ("site", &site), (&may, must))).collect()
    });
}

#[test]
fn nothing_is_said_where_nobody_interferes() {
    let rows = [matrix::harmless(), matrix::twins(&matrix::interference())].concat();
    check(&rows, |row, captures| {
        // A login page is somebody else's page, and looks like any.
        let may: &[&str] = if row.name == "login page" { &["page"] } else { &[] };
        let both = ["client", "site"].iter().zip(captures);
        both.filter_map(|(side, capture)| wrong(row, (side, &capture), (may, Must::NotBeWrong)))
            .collect()
    });
}

const SITE: &str = "target.example";
