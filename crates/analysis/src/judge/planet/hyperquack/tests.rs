//! Made rows for each rule: one that it is for, one that it is not for, and an outage.

use wirewitness_model::planet::Row;
use wirewitness_model::planet::source::Source;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Verdict};

use crate::fingerprints::{Fingerprints, parse};
use crate::judge::Context;
use crate::judge::planet::companions::Companions;
use crate::judge::planet::remote::Remote;
use crate::judge::planet::{Scene, judge};

const GOOD: &str = r#"{"matches_template":true}"#;
const CONTROL: &str = r#"{"matches_template":true,"control_url":"control-1.example"}"#;
const BAD_CONTROL: &str =
    r#"{"matches_template":false,"control_url":"control-1.example","error":"EOF"}"#;

fn failed(error: &str) -> String {
    format!(r#"{{"matches_template":false,"response":"","error":"{error}"}}"#)
}

fn text(text: &str) -> String {
    format!(r#"{{"matches_template":false,"response":{text:?}}}"#)
}

fn page(status: &str, body: &str) -> String {
    format!(
        r#"{{"matches_template":false,"response":{{"status_line":"{status}","headers":{{"A":["b"]}},"body":"{body}"}}}}"#
    )
}

fn remote(path: &str, line: &str) -> Remote {
    let marks = concat!(
        r#"{"fingerprint":"a_prod_made","pattern":"MADE FILTER"}"#,
        "\n",
        r#"{"fingerprint":"b_nat_pk_made","pattern":"MADE IN PAKISTAN"}"#,
        "\n",
        r#"{"fingerprint":"x_made","pattern":"HARMLESS SERVER"}"#,
    );
    let fingerprints = Fingerprints::compile(parse("made.json", marks.as_bytes()).rows).0;
    let companions = Companions::new(&fingerprints);
    let source = Source::of(path);
    let context = Context::new(&fingerprints);
    let scene = Scene { source: &source, companions: &companions, context: &context };
    judge(&Row::read(line, &source).expect(line), &scene).unwrap()
}

fn row(service: &str, trials: &[&str]) -> String {
    format!(
        r#"{{"vp":"192.0.2.1","location":{{"country_code":"PK"}},"service":"{service}","test_url":"Blocked.example/x","response":[{}]}}"#,
        trials.join(",")
    )
}

fn verdict(service: &str, trials: &[&str]) -> Verdict {
    remote("", &row(service, trials)).verdict
}

fn check(found: &Verdict, status: &str, rule: &str, mechanism: Option<Mechanism>) {
    let said = (found.status.word(), found.rule.id, found.mechanism);
    assert_eq!(said, (status, rule, mechanism), "{found:#?}");
}

const RESET: &str = "read tcp 192.0.2.9:1->192.0.2.1:9: read: connection reset by peer";
const SILENCE: &str = "read tcp 192.0.2.9:1->192.0.2.1:9: i/o timeout";
const NO_WAY: &str = "dial tcp 192.0.2.1:9: connect: connection refused";

#[test]
fn positive_hyperquack_ok() {
    check(&verdict("echo", &[CONTROL, GOOD]), "ok", "hyperquack.ok", None);
    // One answer is enough, however often it failed before.
    check(&verdict("https", &[CONTROL, &failed(RESET), GOOD]), "ok", "hyperquack.ok", None);
}

#[test]
fn negative_hyperquack_ok() {
    check(&verdict("echo", &[CONTROL]), "insufficient", "hyperquack.control", None);
    check(&verdict("echo", &[]), "insufficient", "planet.bare", None);
}

#[test]
fn positive_hyperquack_denied() {
    for (service, error, mechanism) in [
        ("echo", RESET, Mechanism::HttpResetHost),
        ("discard", SILENCE, Mechanism::HttpTimeout),
        ("http", "EOF", Mechanism::HttpClose),
        ("https", RESET, Mechanism::TlsResetSni),
        ("https", "net/http: TLS handshake timeout", Mechanism::TlsTimeout),
        ("https", "EOF", Mechanism::TlsClose),
    ] {
        let bad = failed(error);
        let found = verdict(service, &[CONTROL, &bad, &bad, CONTROL]);
        check(&found, "blocked", "hyperquack.denied", Some(mechanism));
        assert_eq!((found.locus, found.confidence), (Some(Locus::Path), Confidence::Medium));
        assert_eq!(found.evidence.len(), 4);
    }
    let mixed = [CONTROL, &failed(RESET), &failed(SILENCE), &failed(RESET), CONTROL];
    let found = verdict("http", &mixed);
    check(&found, "blocked", "hyperquack.denied", Some(Mechanism::HttpResetHost));
    assert_eq!(found.also, [Mechanism::HttpTimeout]);
}

#[test]
fn negative_hyperquack_denied() {
    let once = verdict("echo", &[CONTROL, &failed(RESET), CONTROL]);
    check(&once, "insufficient", "hyperquack.unclear", None);
    let vague = failed("something else");
    let vague = verdict("echo", &[CONTROL, &vague, &vague, CONTROL]);
    check(&vague, "insufficient", "hyperquack.unclear", None);
    // An alert comes from a TLS server, which may not know the name.
    let alert = failed("remote error: tls: unrecognized name");
    let alert = verdict("https", &[CONTROL, &alert, &alert, CONTROL]);
    check(&alert, "insufficient", "hyperquack.unclear", None);
}

#[test]
fn outage_hyperquack_denied() {
    let (reset, silence) = (failed(RESET), failed(SILENCE));
    for trials in [
        vec![CONTROL, &silence, &silence, BAD_CONTROL],
        vec![CONTROL, &silence, &silence],
        vec![BAD_CONTROL, &reset, &reset, CONTROL],
        // Silence that goes on for a while is an outage.
        vec![CONTROL, &silence, &silence, BAD_CONTROL, CONTROL],
    ] {
        check(&verdict("echo", &trials), "insufficient", "hyperquack.control", None);
    }
}

#[test]
fn a_reset_that_goes_on_for_a_while_is_no_outage() {
    let reset = failed(RESET);
    let found = verdict("echo", &[CONTROL, &reset, &reset, BAD_CONTROL, CONTROL]);
    check(&found, "blocked", "hyperquack.denied", Some(Mechanism::HttpResetHost));
    assert!(found.cannot_tell.iter().any(|text| text.contains("outlives")), "{found:?}");
}

#[test]
fn the_scans_own_mark_that_controls_failed_counts() {
    let bad = failed(RESET);
    let line = row("echo", &[CONTROL, &bad, &bad, CONTROL]);
    let line = line.replace("\"service\"", "\"controls_failed\":true,\"service\"");
    check(&remote("", &line).verdict, "insufficient", "hyperquack.control", None);
}

#[test]
fn outage_hyperquack_ok() {
    // The server answers nobody.
    let silence = failed(SILENCE);
    let found = verdict("echo", &[BAD_CONTROL, &silence, &silence, BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn positive_hyperquack_control() {
    let found = verdict("echo", &[BAD_CONTROL, BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
    assert_eq!(found.locus, Some(Locus::Vantage));
}

#[test]
fn negative_hyperquack_control() {
    // An answer to the keyword needs no control.
    check(&verdict("echo", &[BAD_CONTROL, GOOD]), "ok", "hyperquack.ok", None);
}

#[test]
fn outage_hyperquack_control() {
    let page = text("<html>no");
    let found = verdict("echo", &[CONTROL, &page, &page, BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn positive_hyperquack_unsent() {
    let never = failed(NO_WAY);
    let found = verdict("echo", &[CONTROL, &never, &never, CONTROL]);
    check(&found, "insufficient", "hyperquack.unsent", None);
}

#[test]
fn negative_hyperquack_unsent() {
    // What was never sent does not count against what was.
    let trials = [CONTROL, &failed(NO_WAY), &failed(RESET), &failed(RESET), CONTROL];
    let found = verdict("echo", &trials);
    check(&found, "blocked", "hyperquack.denied", Some(Mechanism::HttpResetHost));
}

#[test]
fn outage_hyperquack_unsent() {
    let found = verdict("echo", &[CONTROL, &failed(NO_WAY), &failed(NO_WAY), BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn positive_hyperquack_unclear() {
    let bad = page("403 Forbidden", "no");
    let found = verdict("https", &[CONTROL, &bad, &bad, CONTROL]);
    check(&found, "insufficient", "hyperquack.unclear", None);
}

#[test]
fn negative_hyperquack_unclear() {
    let bad = page("403 Forbidden", "MADE FILTER");
    let found = verdict("https", &[CONTROL, &bad, &bad, CONTROL]);
    check(&found, "blocked", "hyperquack.blockpage", Some(Mechanism::HttpBlockpage));
}

#[test]
fn outage_hyperquack_unclear() {
    let bad = page("502 Bad Gateway", "no");
    let found = verdict("http", &[CONTROL, &bad, &bad, BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn positive_planet_bare() {
    for trials in ["[]", "null", "{}", "7"] {
        let line =
            format!(r#"{{"vp":"192.0.2.1","service":"echo","test_url":"a","response":{trials}}}"#);
        check(&remote("", &line).verdict, "insufficient", "planet.bare", None);
    }
}

#[test]
fn negative_planet_bare() {
    check(&verdict("echo", &["null"]), "insufficient", "hyperquack.control", None);
}

#[test]
fn outage_planet_bare() {
    let found = verdict("echo", &[BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn positive_hyperquack_blockpage() {
    for (service, bad) in [
        ("echo", text("HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\nMADE FILTER")),
        ("discard", text("MADE FILTER")),
        ("http", page("403 Forbidden", "MADE FILTER")),
        ("https", page("200 OK", "MADE IN PAKISTAN")),
    ] {
        let found = verdict(service, &[CONTROL, &failed(SILENCE), &bad, CONTROL]);
        check(&found, "blocked", "hyperquack.blockpage", Some(Mechanism::HttpBlockpage));
        assert_eq!(found.confidence, Confidence::High);
        assert!(found.fingerprint.unwrap().ends_with("made"));
    }
}

#[test]
fn negative_hyperquack_blockpage() {
    // A foreign block page, and one beside a known false positive.
    let foreign = row("http", &[CONTROL, &page("200 OK", "MADE IN PAKISTAN"), CONTROL]);
    let foreign = remote("", &foreign.replace("\"PK\"", "\"US\"")).verdict;
    check(&foreign, "insufficient", "hyperquack.unclear", None);
    let known = page("403 Forbidden", "MADE FILTER HARMLESS SERVER");
    let known = verdict("http", &[CONTROL, &known, &known, CONTROL]);
    check(&known, "insufficient", "hyperquack.unclear", None);
}

#[test]
fn outage_hyperquack_blockpage() {
    let found = verdict("http", &[CONTROL, &page("403 No", "MADE FILTER"), BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn positive_hyperquack_injected() {
    for (answer, mechanism) in [
        ("HTTP/1.1 403 Forbidden\n\nno", Mechanism::HttpError),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", Mechanism::HttpRedirect),
        ("HTTP/1.1 200 OK\r\n\r\nno", Mechanism::HttpBlockpage),
        ("<html>no", Mechanism::HttpBlockpage),
    ] {
        let bad = text(answer);
        let found = verdict("discard", &[CONTROL, &bad, &bad, CONTROL]);
        check(&found, "blocked", "hyperquack.injected", Some(mechanism));
    }
}

#[test]
fn negative_hyperquack_injected() {
    for (service, bad) in [
        // A web server has pages of its own.
        ("http", page("403 Forbidden", "no")),
        // An echo that was cut is no page.
        ("echo", text("GET / HTTP/1.1")),
        ("echo", text("HTTP/1.1 403 Forbidden\n\nHARMLESS SERVER")),
    ] {
        let found = verdict(service, &[CONTROL, &bad, &bad, CONTROL]);
        check(&found, "insufficient", "hyperquack.unclear", None);
    }
    let once = verdict("echo", &[CONTROL, &text("<html>no"), CONTROL]);
    check(&once, "insufficient", "hyperquack.unclear", None);
}

#[test]
fn outage_hyperquack_injected() {
    let bad = text("<html>no");
    let found = verdict("echo", &[CONTROL, &bad, &bad, BAD_CONTROL]);
    check(&found, "insufficient", "hyperquack.control", None);
}

#[test]
fn version_one_is_judged_alike() {
    let try_ = |host: &str, rest: &str| {
        format!(r#"{{"Sent":"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n",{rest}}}"#)
    };
    let bad =
        try_("a.example", r#""Success":false,"Received":"<html>no","Error":"Received response""#);
    let row = |last: &str| {
        format!(
            r#"{{"Server":"192.0.2.1","Keyword":"a.example","Retries":1,"Results":[{bad},{bad},{last}]}}"#
        )
    };
    let blocked = remote("", &row(&try_("b.example", r#""Success":true"#)));
    check(&blocked.verdict, "blocked", "hyperquack.injected", Some(Mechanism::HttpBlockpage));
    // The path says nothing; the scanner's words betray the service.
    assert_eq!(blocked.test, "hyperquack.discard");
    assert_eq!(
        blocked.steps.iter().map(|s| s.is_control).collect::<Vec<_>>(),
        [false, false, true]
    );
    let outage = remote("", &row(r#"{"Sent":"","Success":false,"Error":"EOF"}"#));
    check(&outage.verdict, "insufficient", "hyperquack.control", None);
}

#[test]
fn what_a_table_needs_is_there() {
    let line = row("https", &[CONTROL, &page("403 Forbidden", "abc"), CONTROL]);
    let line = line.replacen(
        "{\"matches_template\":false",
        "{\"start_time\":\"2021-05-31T12:43:22.5Z\",\"end_time\":\"2021-05-31T12:43:22.75Z\",\"matches_template\":false",
        1,
    );
    let found = remote("", &line);
    assert_eq!((found.vantage.as_str(), found.country), ("192.0.2.1", Some(*b"PK")));
    assert_eq!(
        (found.target.as_str(), found.domain.as_str()),
        ("Blocked.example/x", "blocked.example")
    );
    assert_eq!(found.started_us, Some(1_622_465_002_500_000));
    let step = &found.steps[1];
    assert_eq!((step.status, step.body_bytes, step.took_ms), (Some(403), Some(3), Some(250.0)));
    // printf abc | sha256sum
    assert_eq!(step.body_sha256.unwrap()[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(found.steps[0].name, "control-1.example");
}
