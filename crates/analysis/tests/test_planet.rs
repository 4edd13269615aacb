//! Censored Planet's scans, read in place: every row, and the verdict of each that measures something.
//!
//! The expectations are derived by hand from the rows; docs/planet.md says why each is what it is.

mod robust;

use std::path::{Path, PathBuf};

use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_analysis::judge::Context;
use wirewitness_analysis::judge::planet::companions::Companions;
use wirewitness_analysis::judge::planet::remote::Remote;
use wirewitness_analysis::judge::planet::{Scene, judge};
use wirewitness_model::planet::source::{Role, Source};
use wirewitness_model::planet::{Row, read_lines};

use crate::shared::data;

/// File, good rows, refused rows.
const COUNTS: &[(&str, usize, usize)] = &[
    ("Quack-discard_v1/discard_results_v1.json", 4, 0),
    ("Quack-discard_v2/discard_results_v2.json", 4, 0),
    ("Quack-echo_v1/echo_results_v1.json", 4, 0),
    ("Quack-echo_v2/echo_results_v2.json", 4, 0),
    ("Quack-http_v1/http_results_v1.json", 4, 0),
    ("Quack-http_v2/http_results_v2.json", 4, 0),
    ("Quack-https_v1/https_results_v1.json", 4, 0),
    ("Satellitev1_2018-08-03/answers_control.json", 4, 0),
    ("Satellitev1_2018-08-03/interference.json", 4, 0),
    ("Satellitev1_2018-08-03/resolvers.json", 5, 0),
    ("Satellitev1_2018-08-03/tagged_answers.json", 13, 0),
    ("Satellitev1_2018-08-03/tagged_resolvers.json", 5, 0),
    ("Satellitev2-2021-10-20/blockpages.json", 11, 0),
    ("Satellitev2-2021-10-20/control_pages.json", 10, 0),
    ("Satellitev2-2021-10-20/resolver_info.json", 12, 0),
    ("Satellitev2-2021-10-20/resolvers.json", 10, 0),
    ("Satellitev2-2021-10-20/resolvers_profile.json", 2, 0),
    ("Satellitev2-2021-10-20/results.json", 12, 0),
    ("Satellitev2_2021-04-25/responses_control.json", 4, 0),
    ("Satellitev2_2021-04-25/results.json", 4, 0),
    ("Satellitev2_2021-04-25/tagged_resolvers.json", 5, 0),
    ("Satellitev2_2021-04-25/tagged_responses.json", 10, 0),
    ("invalid_results.json", 0, 2),
];

#[test]
fn every_row_is_read_or_refused_with_a_reason() {
    let Some(root) = root() else { return };
    for (name, good, refused) in COUNTS {
        let file = std::fs::read(root.join(name)).unwrap();
        let source = Source::of(name);
        let (mut rows, mut refusals) = (0, Vec::new());
        read_lines(&file, &source, |line, row| match row {
            Ok(row) => {
                rows += 1;
                let is_measurement = matches!(source.role, Some(Role::Results | Role::Controls));
                assert_eq!(row.is_measurement(), is_measurement, "{name}:{line}");
            }
            Err(refusal) => refusals.push((line, refusal.to_string())),
        });
        assert_eq!((rows, refusals.len()), (*good, *refused), "{name}: {refusals:?}");
        if *refused > 0 {
            let lines: Vec<u64> = refusals.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 2]);
            assert!(refusals.iter().all(|(_, why)| why.starts_with("byte ")), "{refusals:?}");
        }
    }
}

/// Target, status, rule, mechanism.
type Expected = (&'static str, &'static str, &'static str, &'static str);

const NONE: &str = "";

const QUACK: &[(&str, &str, [Expected; 4])] = &[
    (
        "Quack-discard_v1/discard_results_v1.json",
        "hyperquack.discard",
        [
            ("box.com", "ok", "hyperquack.ok", NONE),
            ("www.orthodoxconvert.info", "ok", "hyperquack.ok", NONE),
            ("secondlife.com", "blocked", "hyperquack.blockpage", "http.blockpage"),
            ("www.casinotropez.com", "blocked", "hyperquack.denied", "http.timeout"),
        ],
    ),
    (
        "Quack-discard_v2/discard_results_v2.json",
        "hyperquack.discard",
        [
            ("104.com.tw", "ok", "hyperquack.ok", NONE),
            ("104.com.tw", "ok", "hyperquack.ok", NONE),
            ("123rf.com", "blocked", "hyperquack.denied", "http.reset.host"),
            ("www.youporn.com", "blocked", "hyperquack.blockpage", "http.blockpage"),
        ],
    ),
    (
        "Quack-echo_v1/echo_results_v1.json",
        "hyperquack.echo",
        [
            ("google.com.ua", "ok", "hyperquack.ok", NONE),
            ("www.blubster.com", "ok", "hyperquack.ok", NONE),
            ("www.sex.com", "blocked", "hyperquack.blockpage", "http.blockpage"),
            ("www.89.com", "blocked", "hyperquack.blockpage", "http.blockpage"),
        ],
    ),
    (
        "Quack-echo_v2/echo_results_v2.json",
        "hyperquack.echo",
        [
            ("104.com.tw", "ok", "hyperquack.ok", NONE),
            ("104.com.tw", "ok", "hyperquack.ok", NONE),
            ("104.com.tw", "insufficient", "hyperquack.unclear", NONE),
            ("xhamster.com", "blocked", "hyperquack.denied", "http.timeout"),
        ],
    ),
    (
        "Quack-http_v1/http_results_v1.json",
        "hyperquack.http",
        [
            ("scribd.com", "ok", "hyperquack.ok", NONE),
            ("mos.ru", "ok", "hyperquack.ok", NONE),
            ("www.epa.gov", "insufficient", "hyperquack.unclear", NONE),
            ("peacefire.org", "blocked", "hyperquack.blockpage", "http.blockpage"),
        ],
    ),
    (
        "Quack-http_v2/http_results_v2.json",
        "hyperquack.http",
        [
            ("104.com.tw", "ok", "hyperquack.ok", NONE),
            ("104.com.tw", "ok", "hyperquack.ok", NONE),
            ("104.com.tw", "blocked", "hyperquack.blockpage", "http.blockpage"),
            ("1337x.to", "insufficient", "hyperquack.unclear", NONE),
        ],
    ),
    (
        "Quack-https_v1/https_results_v1.json",
        "hyperquack.https",
        [
            ("uploaded.to", "ok", "hyperquack.ok", NONE),
            ("boingboing.net", "ok", "hyperquack.ok", NONE),
            ("www.arabhra.org", "ok", "hyperquack.ok", NONE),
            ("discover.com", "insufficient", "hyperquack.unclear", NONE),
        ],
    ),
];

#[test]
fn verdicts_of_hyperquack() {
    let Some(root) = root() else { return };
    let fingerprints = fingerprints(&root);
    for (name, test, expected) in QUACK {
        let remotes = remotes(&root, &[], name, &fingerprints);
        check(name, &remotes, expected);
        assert!(remotes.iter().all(|remote| remote.test == *test && !remote.is_control), "{name}");
        let year = if name.contains("v1") { 2020 } else { 2021 };
        assert!(remotes.iter().all(|remote| is_in_year(remote, year)), "{name}");
        let has_country = name.contains("v2");
        assert!(remotes.iter().all(|remote| remote.country.is_some() == has_country), "{name}");
    }
}

#[test]
fn verdicts_of_satellite_v1() {
    let Some(root) = root() else { return };
    let folder = "Satellitev1_2018-08-03";
    let fingerprints = fingerprints(&root);
    let sides = ["answers_control", "resolvers", "tagged_answers", "tagged_resolvers"];
    let sides = sides.map(|name| format!("{folder}/{name}.json"));
    let rows = remotes(&root, &sides, &format!("{folder}/interference.json"), &fingerprints);
    let expected = [
        ("biblegateway.com", "ok", "satellite.ok", NONE),
        ("ar.m.wikipedia.org", "ok", "satellite.ok", NONE),
        ("www.ecequality.org", "insufficient", "satellite.unclear", NONE),
        ("www.usacasino.com", "insufficient", "satellite.unclear", NONE),
    ];
    check(folder, &rows, &expected);
    let countries: Vec<_> = rows.iter().map(|row| row.country.unwrap()).collect();
    assert_eq!(countries, [*b"IE", *b"IE", *b"FR", *b"US"]);
    // 2018-08-03, from the name of the folder.
    assert!(rows.iter().all(|row| row.started_us == Some(1_533_254_400_000_000)));
    let outcomes: Vec<Vec<&str>> =
        rows.iter().map(|row| row.steps.iter().map(|s| s.outcome.word()).collect()).collect();
    assert_eq!(outcomes[0], ["dns/match"; 4]);
    assert_eq!(outcomes[1..], [["dns/match"], ["dns/differ"], ["dns/answer"]]);
    assert_eq!(rows[2].steps[0].answer_asn, Some(21_501));

    let controls = remotes(&root, &sides, &sides[0], &fingerprints);
    check_references(&controls, 4);
}

#[test]
fn verdicts_of_satellite_v2_0() {
    let Some(root) = root() else { return };
    let folder = "Satellitev2_2021-04-25";
    let fingerprints = fingerprints(&root);
    let sides = ["responses_control", "tagged_resolvers", "tagged_responses"];
    let sides = sides.map(|name| format!("{folder}/{name}.json"));
    let rows = remotes(&root, &sides, &format!("{folder}/results.json"), &fingerprints);
    let expected = [
        ("custhelp.com", "insufficient", "satellite.resolver", NONE),
        ("www.unwatch.org", "insufficient", "satellite.resolver", NONE),
        ("www.mainichi.co.jp", "ok", "satellite.ok", NONE),
        ("www.americorps.gov", "insufficient", "satellite.unclear", NONE),
    ];
    check(folder, &rows, &expected);
    let countries: Vec<_> = rows.iter().map(|row| row.country.unwrap()).collect();
    assert_eq!(countries, [*b"DE", *b"US", *b"MX", *b"AF"]);
    let failures: Vec<_> = rows[3].steps.iter().map(|step| step.outcome.word()).collect();
    assert_eq!(failures, ["dns/timeout", "dns/timeout", "dns/servfail"]);
    // Two tries without an answer, then four addresses.
    assert_eq!(rows[2].steps.len(), 6);

    let controls = remotes(&root, &sides, &sides[0], &fingerprints);
    check_references(&controls, 4);
    assert_eq!(controls[0].steps.len(), 2, "a.root-servers.net and the name");
    assert!(controls[0].steps[0].is_control && !controls[0].steps[1].is_control);
}

#[test]
fn verdicts_of_satellite_v2_1() {
    let Some(root) = root() else { return };
    let folder = "Satellitev2-2021-10-20";
    let fingerprints = fingerprints(&root);
    let sides = ["blockpages", "control_pages", "resolver_info", "resolvers", "resolvers_profile"];
    let sides = sides.map(|name| format!("{folder}/{name}.json"));
    let rows = remotes(&root, &sides, &format!("{folder}/results.json"), &fingerprints);
    let same = ("11st.co.kr", "ok", "satellite.ok", NONE);
    let expected = [
        same,
        ("1688.com", "ok", "satellite.ok", NONE),
        same,
        same,
        ("1922.gov.tw", "insufficient", "satellite.unclear", NONE),
        ("1922.gov.tw", "insufficient", "satellite.unclear", NONE),
        ("ajax.aspnetcdn.com", "insufficient", "satellite.resolver", NONE),
        ("alipay.com", "insufficient", "satellite.resolver", NONE),
        ("1337x.to", "blocked", "satellite.denied", "dns.nxdomain"),
        ("104.com.tw", "blocked", "satellite.denied", "dns.refused"),
        ("9gag.com", "blocked", "satellite.stranger", "dns.injection.other"),
        ("9gag.com", "blocked", "satellite.stranger", "dns.injection.other"),
    ];
    check(folder, &rows, &expected);
    assert_eq!(rows[11].country, Some(*b"CN"));
    assert_eq!(rows[11].steps[0].answer.as_deref(), Some("31.13.77.33"));
    assert_eq!(rows[11].steps[0].answer_asn, Some(32_934));
    assert!(rows.iter().all(|row| is_in_year(row, 2021)));
}

/// Without side files, what rested on them is no longer said.
#[test]
fn without_its_companions_a_row_says_less() {
    let Some(root) = root() else { return };
    let fingerprints = fingerprints(&root);
    let said = |name: &str| -> Vec<&'static str> {
        let rows = remotes(&root, &[], name, &fingerprints);
        rows.iter().map(|row| row.verdict.status.word()).collect()
    };
    // The refusal: nobody says what else this resolver answers.
    let v21 = said("Satellitev2-2021-10-20/results.json");
    assert_eq!(v21[8..10], ["blocked", "insufficient"]);
    // Version 1 and 2.0 still say themselves what matched.
    assert_eq!(said("Satellitev1_2018-08-03/interference.json")[..2], ["ok", "ok"]);
    assert_eq!(said("Satellitev2_2021-04-25/results.json")[2], "ok");
}

fn root() -> Option<PathBuf> {
    let root = data()?.join("censoredplanet");
    if root.is_dir() {
        return Some(root);
    }
    println!("SKIPPED: no scans at {}", root.display());
    None
}

fn fingerprints(root: &Path) -> Fingerprints {
    let lists = [
        "censoredplanet-blockpage_signatures.json",
        "censoredplanet-false_positive_signatures.json",
    ];
    let rows = lists.iter().flat_map(|name| {
        let bytes = std::fs::read(root.join("../fingerprints").join(name)).unwrap();
        parse(name, &bytes).rows
    });
    Fingerprints::compile(rows.collect()).0
}

fn remotes(root: &Path, sides: &[String], name: &str, fingerprints: &Fingerprints) -> Vec<Remote> {
    let mut companions = Companions::new(fingerprints);
    for side in sides {
        each(root, side, |row| companions.feed(row));
    }
    assert_eq!(companions.left_out(), 0, "{sides:?}");
    let source = Source::of(name);
    let context = Context::new(fingerprints);
    let scene = Scene { source: &source, companions: &companions, context: &context };
    let mut found = Vec::new();
    each(root, name, |row| found.extend(judge(row, &scene)));
    found
}

fn each(root: &Path, name: &str, mut then: impl FnMut(&Row<'_>)) {
    let file = std::fs::read(root.join(name)).unwrap();
    read_lines(&file, &Source::of(name), |line, row| {
        then(&row.unwrap_or_else(|refusal| panic!("{name}:{line}: {refusal}")));
    });
}

fn check(name: &str, remotes: &[Remote], expected: &[Expected]) {
    let found: Vec<(&str, &str, &str, &str)> = remotes
        .iter()
        .map(|remote| {
            let verdict = &remote.verdict;
            let mechanism = verdict.mechanism.map_or(NONE, |mechanism| mechanism.word());
            (remote.target.as_str(), verdict.status.word(), verdict.rule.id, mechanism)
        })
        .collect();
    assert_eq!(found, expected, "{name}");
    for remote in remotes {
        assert_eq!(remote.domain, remote.target);
        assert!(!remote.verdict.evidence.is_empty() && !remote.steps.is_empty(), "{remote:?}");
        assert_eq!(remote.steps_left_out, 0);
    }
}

fn check_references(controls: &[Remote], count: usize) {
    assert_eq!(controls.len(), count);
    for control in controls {
        assert!(control.is_control, "{control:?}");
        assert_eq!(control.vantage, "1.1.1.1");
        assert_eq!(control.country, Some(*b"AU"));
        assert_eq!(control.verdict.rule.id, "satellite.reference");
    }
}

fn is_in_year(remote: &Remote, year: i64) -> bool {
    remote
        .started_us
        .is_some_and(|us| wirewitness_model::civil::date(us.div_euclid(86_400_000_000)).0 == year)
}

/// With the list that comes with the program: what rested on a mark of the long lists alone is unclear for web servers,
/// and a page from a service that has none is what it is.
#[test]
fn the_short_list_says_less_of_web_servers() {
    let Some(root) = root() else { return };
    let said = |name: &str| -> Vec<(&str, &str)> {
        let rows = remotes(&root, &[], name, crate::shared::fingerprints());
        let word = |row: &Remote| row.verdict.mechanism.map_or(NONE, |mechanism| mechanism.word());
        rows.iter().map(|row| (row.verdict.rule.id, word(row))).collect()
    };
    let injected = |mechanism| ("hyperquack.injected", mechanism);
    assert_eq!(said("Quack-discard_v1/discard_results_v1.json")[2], injected("http.error"));
    // Pakistan's own page is on the short list too.
    let own = said("Quack-discard_v2/discard_results_v2.json")[3];
    assert_eq!(own, ("hyperquack.blockpage", "http.blockpage"));
    assert_eq!(said("Quack-echo_v1/echo_results_v1.json")[2..], [injected("http.error"); 2]);
    assert_eq!(said("Quack-echo_v2/echo_results_v2.json")[2], injected("http.error"));
    for (name, row) in
        [("Quack-http_v1/http_results_v1.json", 3), ("Quack-http_v2/http_results_v2.json", 2)]
    {
        assert_eq!(said(name)[row], ("hyperquack.unclear", NONE), "{name}");
    }
}

/// The fuzzer's seeds are scans: every line is a row, but for those that are odd on purpose, and all rules for which a row
/// stands there are met.
#[test]
fn seeds_of_the_fuzzer_are_scans() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/planet");
    for (name, rows, refused) in [
        ("quack_v1", 3, 0),
        ("quack_v2", 2, 0),
        ("satellite_v1", 9, 0),
        ("satellite_v2_0", 5, 0),
        ("satellite_v2_1", 6, 0),
        ("odd", 5, 3),
    ] {
        let file = std::fs::read_to_string(folder.join(name)).unwrap();
        let (mut source, mut read, mut left_out) = (Source::default(), 0, 0);
        for line in file.lines() {
            if let Some(path) = line.strip_prefix('#') {
                source = Source::of(path);
                continue;
            }
            read_lines(line.as_bytes(), &source, |_, row| match row {
                Ok(_) => read += 1,
                Err(_) => left_out += 1,
            });
        }
        assert_eq!((read, left_out), (rows, refused), "{name}");
    }
}
