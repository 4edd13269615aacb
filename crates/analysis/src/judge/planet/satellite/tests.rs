//! Made rows for each rule: one that it is for, and those that it is not for.

use wirewitness_model::planet::Row;
use wirewitness_model::planet::source::Source;
use wirewitness_model::verdict::{Confidence, Locus, Mechanism, Verdict};

use crate::fingerprints::{Fingerprints, parse};
use crate::judge::Context;
use crate::judge::planet::companions::Companions;
use crate::judge::planet::remote::Remote;
use crate::judge::planet::{Scene, judge};

const RESOLVER: &str = "203.0.112.53";

/// A control that finds 198.51.99.1, in AS64500.
const CONTROL: &[(&str, &str)] = &[
    (
        "answers_control.json",
        r#"{"resolver":"1.1.1.1","query":"a.example","answers":["198.51.99.1"]}"#,
    ),
    (
        "tagged_answers.json",
        r#"{"ip":"198.51.99.1","asnum":64500,"asname":"N","cert":"c0","http":"f0"}"#,
    ),
];

fn remote(sides: &[(&str, &str)], path: &str, line: &str) -> Remote {
    let marks = concat!(
        "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes\n",
        "made_page,prod,,body,contains,MADE FILTER,5,,,,\n",
        "made_pk,nat,,body,contains,MADE IN PAKISTAN,5,PK,,,\n",
        "made_dns,nat,,dns,full,198.51.99.66,5,,,,\n",
    );
    let fingerprints = Fingerprints::compile(parse("made.csv", marks.as_bytes()).rows).0;
    assert_eq!(fingerprints.len(), 3);
    let mut companions = Companions::new(&fingerprints);
    for (path, line) in sides {
        companions.feed(&Row::read(line, &Source::of(path)).expect(line));
    }
    let source = Source::of(path);
    let context = Context::new(&fingerprints);
    let scene = Scene { source: &source, companions: &companions, context: &context };
    judge(&Row::read(line, &source).expect(line), &scene).unwrap()
}

/// A row of version 2.1 whose resolver is alive and whose name a control has.
fn row(lookups: &str) -> String {
    format!(
        r#"{{"vp":"{RESOLVER}","location":{{"country_code":"PK"}},"test_url":"a.example","passed_liveness":true,"in_control_group":true,"confidence":{{"untagged_controls":false,"untagged_response":false}},"response":[{lookups}]}}"#
    )
}

fn answer(address: &str, tags: &str) -> String {
    format!(
        r#"{{"url":"a.example","rcode":0,"error":"null","response":{{"{address}":{{{tags}}}}}}}"#
    )
}

fn denial(rcode: i64, error: &str) -> String {
    format!(r#"{{"url":"a.example","rcode":{rcode},"error":"{error}","response":{{}}}}"#)
}

fn verdict(sides: &[(&str, &str)], lookups: &str) -> Verdict {
    remote(sides, "results.json", &row(lookups)).verdict
}

fn check(found: &Verdict, status: &str, rule: &str, mechanism: Option<Mechanism>) {
    let said = (found.status.word(), found.rule.id, found.mechanism);
    assert_eq!(said, (status, rule, mechanism), "{found:#?}");
}

fn with(side: (&'static str, &'static str)) -> Vec<(&'static str, &'static str)> {
    CONTROL.iter().copied().chain([side]).collect()
}

const PROFILE: (&str, &str) = (
    "resolver_info.json",
    r#"{"resolver":"203.0.112.53","non_zero_rcode":"0.1","private_ip":"0.0","zero_ip":"0.0"}"#,
);
const BAD_PROFILE: (&str, &str) = (
    "resolver_info.json",
    r#"{"resolver":"203.0.112.53","non_zero_rcode":"0.9","private_ip":"0.6","zero_ip":"0.0"}"#,
);
const ELSEWHERE: &str = "198.51.99.9";
const DIFFERENT: &str = r#""asnum":64501,"asname":"M","cert":"c9","http":"f9","matched":null"#;

#[test]
fn positive_satellite_ok() {
    for (address, tags) in [
        ("198.51.99.1", ""),
        (ELSEWHERE, r#""asnum":64500"#),
        (ELSEWHERE, r#""asnum":1,"cert":"c0""#),
        (ELSEWHERE, r#""asnum":1,"http":"f0""#),
        (ELSEWHERE, r#""asname":"N""#),
    ] {
        check(&verdict(CONTROL, &answer(address, tags)), "ok", "satellite.ok", None);
    }
    // What the scan compared, without a control at hand, or with other controls than that.
    let scan = answer(ELSEWHERE, r#""asnum":1,"matched":["asnum"]"#);
    check(&verdict(&[], &scan), "ok", "satellite.ok", None);
    check(&verdict(CONTROL, &scan), "ok", "satellite.ok", None);
}

#[test]
fn negative_satellite_ok() {
    let differs = verdict(CONTROL, &answer(ELSEWHERE, DIFFERENT));
    check(&differs, "insufficient", "satellite.unclear", None);
    // What has no tags is not known to differ.
    let untagged = verdict(CONTROL, &answer(ELSEWHERE, r#""matched":["no_tags"]"#));
    check(&untagged, "insufficient", "satellite.unclear", None);
    assert!(untagged.cannot_tell.iter().any(|text| text.contains("no tags")), "{untagged:?}");
    let alone = row(&answer(ELSEWHERE, r#""asnum":1"#)).replace("in_control_group", "x");
    let alone = remote(&[], "results.json", &alone).verdict;
    check(&alone, "insufficient", "satellite.unclear", None);
    assert!(alone.cannot_tell.iter().any(|text| text.contains("control would")), "{alone:?}");
}

fn with_page(trusted: bool, lookups: &str) -> Verdict {
    let line = format!(
        r#"{{"ip":"{ELSEWHERE}","keyword":"a.example","https":{{}},"trusted_cert":{trusted},"cert_hostname_match":true}}"#
    );
    verdict(&[CONTROL, &[("blockpages.json", &line)]].concat(), lookups)
}

#[test]
fn positive_satellite_proven() {
    let proven = with_page(true, &answer(ELSEWHERE, DIFFERENT));
    check(&proven, "ok", "satellite.proven", None);
    assert_eq!(proven.confidence, Confidence::High);
}

#[test]
fn negative_satellite_proven() {
    let untrusted = with_page(false, &answer(ELSEWHERE, DIFFERENT));
    check(&untrusted, "insufficient", "satellite.unclear", None);
    // What is proven of one address says nothing of another.
    let other = with_page(true, &answer("198.51.99.8", DIFFERENT));
    check(&other, "insufficient", "satellite.unclear", None);
}

#[test]
fn outage_satellite_proven() {
    check(&with_page(true, &denial(2, "null")), "insufficient", "satellite.unclear", None);
}

#[test]
fn positive_satellite_blockpage() {
    for body in ["MADE FILTER", "MADE IN PAKISTAN"] {
        let line = format!(
            r#"{{"ip":"{ELSEWHERE}","keyword":"a.example","http":{{"status_line":"200 OK","body":"{body}"}}}}"#
        );
        let sides = [CONTROL, &[("blockpages.json", &line)]].concat();
        let found = verdict(&sides, &answer(ELSEWHERE, DIFFERENT));
        check(&found, "blocked", "satellite.blockpage", Some(Mechanism::DnsInjectionBlockpage));
        assert_eq!(found.confidence, Confidence::High);
        // A network in common does not make it another page.
        let found = verdict(&sides, &answer(ELSEWHERE, r#""asnum":64500"#));
        check(&found, "blocked", "satellite.blockpage", Some(Mechanism::DnsInjectionBlockpage));
    }
    let known = verdict(CONTROL, &answer("198.51.99.66", DIFFERENT));
    check(&known, "blocked", "satellite.blockpage", Some(Mechanism::DnsInjectionBlockpage));
    assert_eq!(known.fingerprint.as_deref(), Some("made_dns"));
}

#[test]
fn negative_satellite_blockpage() {
    // The site's own address, a page for another name, a block page of another country.
    let own = with((
        "blockpages.json",
        r#"{"ip":"198.51.99.1","keyword":"a.example","http":{"body":"MADE FILTER"}}"#,
    ));
    check(&verdict(&own, &answer("198.51.99.1", "")), "ok", "satellite.ok", None);
    let other = with((
        "blockpages.json",
        r#"{"ip":"198.51.99.9","keyword":"b.example","http":{"body":"MADE FILTER"}}"#,
    ));
    check(
        &verdict(&other, &answer(ELSEWHERE, DIFFERENT)),
        "insufficient",
        "satellite.unclear",
        None,
    );
    let foreign = with((
        "blockpages.json",
        r#"{"ip":"198.51.99.9","keyword":"a.example","http":{"body":"MADE IN PAKISTAN"}}"#,
    ));
    let line = row(&answer(ELSEWHERE, DIFFERENT)).replace("\"PK\"", "\"DE\"");
    let found = remote(&foreign, "results.json", &line).verdict;
    check(&found, "insufficient", "satellite.unclear", None);
}

fn dead(lookups: &str) -> Verdict {
    let line = row(lookups).replace("liveness\":true", "liveness\":false");
    let found = remote(CONTROL, "results.json", &line);
    assert!(!found.steps.is_empty());
    found.verdict
}

#[test]
fn positive_satellite_resolver() {
    let profile = with(BAD_PROFILE);
    for found in [
        verdict(CONTROL, &answer(RESOLVER, DIFFERENT)),
        verdict(&profile, &denial(3, "null")),
        verdict(&profile, &answer("10.0.0.1", "")),
    ] {
        check(&found, "insufficient", "satellite.resolver", None);
        assert_eq!(found.locus, Some(Locus::Vantage));
    }
}

#[test]
fn negative_satellite_resolver() {
    // It leads where the control leads, whatever it does with other names.
    let same = verdict(&with(BAD_PROFILE), &answer("198.51.99.1", ""));
    check(&same, "ok", "satellite.ok", None);
    let good = verdict(&with(PROFILE), &denial(3, "null"));
    check(&good, "blocked", "satellite.denied", Some(Mechanism::DnsNxdomain));
}

#[test]
fn outage_satellite_resolver() {
    let closed = denial(-1, "read udp 192.0.2.9:1->203.0.112.53:53: read: connection refused");
    for found in [
        dead(&answer(ELSEWHERE, DIFFERENT)),
        dead(""),
        verdict(CONTROL, &format!("{closed},{closed}")),
    ] {
        check(&found, "insufficient", "satellite.resolver", None);
    }
}

#[test]
fn positive_satellite_bogon() {
    let found = verdict(CONTROL, &answer("10.10.34.35", ""));
    check(&found, "blocked", "satellite.bogon", Some(Mechanism::DnsInjectionBogon));
}

#[test]
fn negative_satellite_bogon() {
    let nobody = row(&answer("10.10.34.35", "")).replace("in_control_group", "x");
    let nobody = remote(&[], "results.json", &nobody).verdict;
    check(&nobody, "insufficient", "satellite.unclear", None);
    let same = [(
        "answers_control.json",
        r#"{"resolver":"1.1.1.1","query":"a.example","answers":["10.10.34.35"]}"#,
    )];
    check(&verdict(&same, &answer("10.10.34.35", "")), "ok", "satellite.ok", None);
    // Text that is no address is no bogon.
    let text = verdict(CONTROL, &answer("b.example", ""));
    check(&text, "insufficient", "satellite.unclear", None);
}

#[test]
fn outage_satellite_bogon() {
    check(&dead(&answer("10.10.34.35", "")), "insufficient", "satellite.resolver", None);
}

const FACEBOOK: &str = r#""asnum":32934,"asname":"FACEBOOK","cert":"c9""#;

#[test]
fn positive_satellite_stranger() {
    // Compared here, and by the scan alone.
    for sides in [CONTROL, &[]] {
        let found = verdict(sides, &answer("31.13.77.33", FACEBOOK));
        check(&found, "blocked", "satellite.stranger", Some(Mechanism::DnsInjectionOther));
        assert_eq!(found.locus, Some(Locus::Unknown));
    }
}

#[test]
fn negative_satellite_stranger() {
    let lookups = answer("31.13.77.33", FACEBOOK);
    // The company's own name, a row that the scan leaves out, and nothing to compare with.
    let own = [
        (
            "answers_control.json",
            r#"{"resolver":"1.1.1.1","query":"a.example","answers":["157.240.1.1"]}"#,
        ),
        ("tagged_answers.json", r#"{"ip":"157.240.1.1","asnum":32934}"#),
    ];
    check(&verdict(&own, &lookups), "ok", "satellite.ok", None);
    let excluded = r#""excluded":true,"exclude_reason":["made"],"test_url""#;
    let left_out = row(&lookups).replace("\"test_url\"", excluded);
    let left_out = remote(CONTROL, "results.json", &left_out).verdict;
    check(&left_out, "insufficient", "satellite.unclear", None);
    let alone = row(&lookups).replace("in_control_group", "x");
    let alone = remote(&[], "results.json", &alone).verdict;
    check(&alone, "insufficient", "satellite.unclear", None);
}

#[test]
fn outage_satellite_stranger() {
    let found = dead(&answer("31.13.77.33", FACEBOOK));
    check(&found, "insufficient", "satellite.resolver", None);
}

/// Ten rows of the resolver about other names, to be counted.
fn habits(response: &str) -> Vec<(&'static str, String)> {
    let line = |n: usize| {
        format!(
            r#"{{"vp":"{RESOLVER}","test_url":"b{n}.example","passed_liveness":true,"anomaly":true,"response":[{{"url":"b{n}.example",{response}}}]}}"#
        )
    };
    (0..10).map(|n| ("results.json", line(n))).collect()
}

fn habitual(response: &str, lookups: &str) -> Verdict {
    let habits = habits(response);
    let habits = habits.iter().map(|(path, line)| (*path, line.as_str()));
    verdict(&CONTROL.iter().copied().chain(habits).collect::<Vec<_>>(), lookups)
}

const ANSWERS: &str = r#""rcode":0,"response":{"198.51.99.7":{}}"#;
const REFUSES: &str = r#""rcode":5,"response":{}"#;

#[test]
fn positive_satellite_own_address() {
    let found = habitual(ANSWERS, &answer(RESOLVER, DIFFERENT));
    check(&found, "blocked", "satellite.own_address", Some(Mechanism::DnsInjectionOther));
}

#[test]
fn negative_satellite_own_address() {
    let for_all = r#""rcode":0,"response":{"203.0.112.53":{}}"#;
    let found = habitual(for_all, &answer(RESOLVER, DIFFERENT));
    check(&found, "insufficient", "satellite.resolver", None);
    // Nothing to compare it with.
    let found = habitual(ANSWERS, &answer(RESOLVER, r#""matched":["no_tags"]"#));
    check(&found, "insufficient", "satellite.unclear", None);
}

#[test]
fn outage_satellite_own_address() {
    check(&dead(&answer(RESOLVER, DIFFERENT)), "insufficient", "satellite.resolver", None);
}

#[test]
fn habits_stand_in_for_a_profile() {
    let refusal = denial(5, "null");
    let found = habitual(ANSWERS, &refusal);
    check(&found, "blocked", "satellite.denied", Some(Mechanism::DnsRefused));
    check(&habitual(REFUSES, &refusal), "insufficient", "satellite.resolver", None);
    check(&habitual(REFUSES, &denial(3, "null")), "insufficient", "satellite.resolver", None);
    let private = habitual(r#""rcode":0,"response":{"10.0.0.2":{}}"#, &answer("10.0.0.1", ""));
    check(&private, "insufficient", "satellite.resolver", None);
}

const PROVEN: (&str, &str) = (
    "control_pages.json",
    r#"{"ip":"198.51.99.1","keyword":"a.example","https":{},"trusted_cert":true,"cert_hostname_match":true}"#,
);
const OTHER: (&str, &str) = (
    "blockpages.json",
    r#"{"ip":"198.51.99.9","keyword":"a.example","https":{},"trusted_cert":true,"cert_hostname_match":false}"#,
);

#[test]
fn positive_satellite_certificate() {
    let sides = [CONTROL, &[PROVEN, OTHER]].concat();
    let found = verdict(&sides, &answer(ELSEWHERE, DIFFERENT));
    check(&found, "blocked", "satellite.certificate", Some(Mechanism::DnsInjectionOther));
}

#[test]
fn negative_satellite_certificate() {
    // Where the control's address proves nothing either, a certificate for other names is how the site is.
    for side in [PROVEN, OTHER] {
        let found = verdict(&with(side), &answer(ELSEWHERE, DIFFERENT));
        check(&found, "insufficient", "satellite.unclear", None);
    }
}

#[test]
fn outage_satellite_certificate() {
    // No certificate came, since nobody answered the scan's machine.
    let gone = (
        "blockpages.json",
        r#"{"ip":"198.51.99.9","keyword":"a.example","https":"EOF","trusted_cert":null,"cert_hostname_match":null}"#,
    );
    let sides = [CONTROL, &[PROVEN, gone]].concat();
    let found = verdict(&sides, &answer(ELSEWHERE, DIFFERENT));
    check(&found, "insufficient", "satellite.unclear", None);
}

#[test]
fn positive_satellite_denied() {
    let found = verdict(CONTROL, &denial(3, "null"));
    check(&found, "blocked", "satellite.denied", Some(Mechanism::DnsNxdomain));
    let found = verdict(&with(PROFILE), &denial(5, "null"));
    check(&found, "blocked", "satellite.denied", Some(Mechanism::DnsRefused));
    let found = verdict(CONTROL, &format!("{ALIVE},{SILENT},{SILENT},{ALIVE}"));
    check(&found, "blocked", "satellite.denied", Some(Mechanism::DnsTimeout));
    // Silence first, then the lie.
    let found = verdict(CONTROL, &format!("{SILENT},{}", denial(3, "null")));
    check(&found, "blocked", "satellite.denied", Some(Mechanism::DnsNxdomain));
}

const SILENT: &str = r#"{"url":"a.example","rcode":-1,"error":"read udp 192.0.2.9:1->203.0.112.53:53: i/o timeout","response":{}}"#;
const ALIVE: &str =
    r#"{"url":"a.root-servers.net","rcode":0,"error":"null","response":["198.41.0.4"]}"#;

#[test]
fn negative_satellite_denied() {
    for lookups in [
        // A refusal from a resolver of which nothing else is known, failures, silence without a witness.
        denial(5, "null"),
        denial(2, "null"),
        denial(0, "null"),
        denial(-1, "null"),
        format!("{SILENT},{SILENT}"),
        format!("{ALIVE},{SILENT},{ALIVE}"),
        format!("{},{}", denial(3, "null"), denial(2, "null")),
    ] {
        check(&verdict(CONTROL, &lookups), "insufficient", "satellite.unclear", None);
    }
    let nobody = row(&denial(3, "null")).replace("in_control_group", "x");
    check(&remote(&[], "results.json", &nobody).verdict, "insufficient", "satellite.unclear", None);
}

#[test]
fn outage_satellite_denied() {
    let dead = row(&denial(3, "null")).replace("liveness\":true", "liveness\":false");
    let found = remote(CONTROL, "results.json", &dead).verdict;
    check(&found, "insufficient", "satellite.resolver", None);
}

#[test]
fn positive_satellite_reference() {
    let found = remote(&[], CONTROL[0].0, CONTROL[0].1);
    check(&found.verdict, "insufficient", "satellite.reference", None);
    assert!(found.is_control);
    // The same resolver among the results.
    let line =
        r#"{"resolver":"1.1.1.1","query":"b.example","answers":{"198.51.99.9":[]},"passed":false}"#;
    let found = remote(CONTROL, "interference.json", line);
    check(&found.verdict, "insufficient", "satellite.reference", None);
}

#[test]
fn negative_satellite_reference() {
    let found = remote(CONTROL, "results.json", &row(&denial(3, "null")));
    assert!(!found.is_control);
    check(&found.verdict, "blocked", "satellite.denied", Some(Mechanism::DnsNxdomain));
}

#[test]
fn outage_satellite_reference() {
    let line = r#"{"vp":"1.1.1.1","test_url":"a.example","response":[],"passed_control":false}"#;
    let found = remote(&[], "responses_control.json", line);
    check(&found.verdict, "insufficient", "satellite.reference", None);
}

#[test]
fn errors_of_version_one_are_steps() {
    let line = r#"{"resolver":"203.0.112.53","query":"A.example","err":"no_answer"}"#;
    let found = remote(CONTROL, "Satellitev1_2018-08-03/answers_err.json", line);
    check(&found.verdict, "insufficient", "satellite.unclear", None);
    let steps: Vec<_> = found.steps.iter().map(|s| (s.outcome.word(), s.failure.clone())).collect();
    assert_eq!(steps, [("dns/no_answer", Some("dns_no_answer".to_owned()))]);
    assert_eq!(found.domain, "a.example");
}

#[test]
fn a_row_without_lookups_is_bare() {
    check(&verdict(CONTROL, ""), "insufficient", "planet.bare", None);
}

#[test]
fn outage_satellite_ok() {
    check(&verdict(CONTROL, &denial(2, "null")), "insufficient", "satellite.unclear", None);
}

#[test]
fn outage_satellite_blockpage() {
    let gone = with((
        "blockpages.json",
        r#"{"ip":"198.51.99.9","keyword":"a.example","http":"EOF","https":"EOF","fetched":false}"#,
    ));
    let found = verdict(&gone, &answer(ELSEWHERE, DIFFERENT));
    check(&found, "insufficient", "satellite.unclear", None);
}

#[test]
fn positive_satellite_unclear() {
    let found = verdict(CONTROL, &answer(ELSEWHERE, DIFFERENT));
    check(&found, "insufficient", "satellite.unclear", None);
}

#[test]
fn negative_satellite_unclear() {
    check(&verdict(CONTROL, &answer(ELSEWHERE, r#""cert":"c0""#)), "ok", "satellite.ok", None);
}

#[test]
fn outage_satellite_unclear() {
    let found = verdict(CONTROL, &format!("{SILENT},{}", denial(2, "null")));
    check(&found, "insufficient", "satellite.unclear", None);
    assert_eq!(found.locus, Some(Locus::Resolver));
}
