//! Condensed measurements: judged as the originals, free of pages and persons.

use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use wirewitness_analysis::condense::{Unread, condense, scrub};
use wirewitness_analysis::fingerprints::{Fingerprints, parse};
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::document::{Document, has_lone_surrogate};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::yaml::read_report;

use crate::shared;

/// None, the shipped ones, and those with all lists there are.
fn all_fingerprints() -> [&'static Fingerprints; 3] {
    static NONE: LazyLock<Fingerprints> = LazyLock::new(|| Fingerprints::compile(Vec::new()).0);
    static ALL: LazyLock<Fingerprints> = LazyLock::new(|| {
        let mut rows = Fingerprints::shipped_rows();
        for extension in ["csv", "json"] {
            for (name, text) in shared::files("fingerprints", extension) {
                rows.extend(parse(&format!("{name}.{extension}"), text.as_bytes()).rows);
            }
        }
        Fingerprints::compile(rows).0
    });
    [&NONE, shared::fingerprints(), &ALL]
}

/// Every measurement at hand, with its name.
fn measurements() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/measurements");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    all.sort();
    all.extend(shared::files("ooni/qa", "json"));
    for (name, text) in shared::files("ooni/real", "json") {
        // Some files hold a record on each line.
        match mended(&text) {
            Some(whole) => all.push((name, whole)),
            None => all.extend(text.lines().filter_map(mended).map(|line| (name.clone(), line))),
        }
    }
    for (name, text) in shared::files("ooni/real", "yaml") {
        let records = read_report(&text).filter_map(|record| mended(&record.ok()?.to_json()));
        all.extend(records.map(|record| (name.clone(), record)));
    }
    all
}

/// A measurement as the reader of files hands it on; none where the text is none.
fn mended(text: &str) -> Option<String> {
    let text = match has_lone_surrogate(text) {
        true => Document::parse(text).ok()?.with_valid_strings().to_json(),
        false => text.to_owned(),
    };
    Measurement::from_json(&text).is_ok().then_some(text)
}

fn condensed(text: &str, fingerprints: &Fingerprints) -> String {
    let measurement = Measurement::from_json(text).unwrap();
    condense(text, &measurement, &Context::new(fingerprints)).unwrap()
}

/// Condenses, and holds the result against all that is promised of it.
fn check(name: &str, text: &str, fingerprints: &Fingerprints) -> String {
    let short = condensed(text, fingerprints);
    let context = Context::new(fingerprints);
    let measurement = Measurement::from_json(text).unwrap();
    let scrubbed = scrub(text, &measurement);
    let original = Measurement::from_json(scrubbed.as_deref().unwrap_or(text)).unwrap();
    let kept = Measurement::from_json(&short).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(judge(&original, &context), judge(&kept, &context), "{name}");
    assert_eq!(condensed(&short, fingerprints), short, "{name}: condensed twice");
    if let Some((unread, measurement)) =
        Unread::condense(text, &context).as_ref().and_then(Unread::read)
    {
        assert_eq!(unread, short, "{name}: not read before");
        assert_eq!(judge(&measurement, &context), judge(&kept, &context), "{name}");
    }
    short
}

#[test]
fn every_measurement_is_judged_as_before() {
    let (mut lengths, mut unread) = (Vec::new(), 0);
    let all = measurements();
    // 33 examples, 36 of the QA suite, 71 in JSON and 3 in YAML.
    assert!(all.len() == 33 || all.len() >= 143, "{} measurements", all.len());
    for (name, text) in all {
        for fingerprints in all_fingerprints() {
            let short = check(&name, &text, fingerprints);
            let once = Unread::condense(&text, &Context::new(fingerprints));
            unread += usize::from(once.as_ref().and_then(Unread::read).is_some());
            lengths.push((text.len(), short.len()));
        }
    }
    assert!(lengths.iter().all(|(before, after)| *after < before * 2));
    assert!(unread * 10 > lengths.len() * 9, "{unread} of {} in one reading", lengths.len());
}

/// Every string under a key that is called `body`, unless the archive keeps that one.
fn bodies<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| bodies(it, found)),
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("body", Value::String(text)) => found.push(text),
                    ("body", Value::Object(binary)) => {
                        found.extend(binary.get("data").and_then(Value::as_str));
                    }
                    _ => bodies(value, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn no_page_survives() {
    let mut checked = 0;
    for (name, text) in measurements() {
        let value: Value = serde_json::from_str(&text).unwrap();
        let keeps = ["http_header_field_manipulation", "meek_fronted_requests_test"];
        if value["test_name"].as_str().is_some_and(|test| keeps.contains(&test)) {
            continue;
        }
        let short: Value = serde_json::from_str(&condensed(&text, shared::fingerprints())).unwrap();
        let mut left = Vec::new();
        strings(&short, &mut left);
        let mut all = Vec::new();
        bodies(&value, &mut all);
        for body in all {
            let middle: String = body.chars().skip(body.chars().count() / 2).take(64).collect();
            if middle.len() < 64 {
                continue;
            }
            // A page that is nothing but its title is the exception.
            let is_left = left.iter().any(|it| it.contains(&middle));
            assert!(!is_left, "{name}: {middle}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} bodies");
}

fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|it| strings(it, found)),
        Value::Object(object) => object.values().for_each(|it| strings(it, found)),
        _ => {}
    }
}

/// What a test key becomes, in a web connectivity measurement.
fn of_keys(keys: &str) -> String {
    let text = format!(r#"{{"test_name":"web_connectivity","test_keys":{{{keys}}}}}"#);
    let short = check(keys, &text, shared::fingerprints());
    let inside = short.strip_prefix(r#"{"test_name":"web_connectivity","test_keys":{"#).unwrap();
    inside.strip_suffix("}}").unwrap().to_owned()
}

/// What a response becomes.
fn of_response(response: &str) -> String {
    let short = of_keys(&format!(r#""requests":[{{"response":{{{response}}}}}]"#));
    let inside = short.strip_prefix(r#""requests":[{"response":{"#).unwrap();
    inside.strip_suffix("}}]").unwrap().to_owned()
}

#[test]
fn a_body_becomes_a_digest() {
    // As sha256sum says of the page.
    let hi = concat!(
        r#""body":{"format":"wirewitness-digest-1","length":21,"#,
        r#""sha256":"bc92d7c60f09dfc185e08cbed845d1543ffbe47fd2439ed6d9689be6e470341d","title":"Hi"}"#
    );
    for (response, expected) in [
        (r#""body":"<title>Hi</title> you""#, hi),
        (r#""body":"<title>H\u0069</title> you""#, hi),
        (r#""bod\u0079":"<title>Hi</title> you""#, &hi.replace("body", "bod\\u0079")),
        (r#""body":{"format":"base64","data":"PHRpdGxlPkhpPC90aXRsZT4geW91"}"#, hi),
        (r#""body":["<title>Hi</title> you"]"#, hi),
        (r#""body":"""#, r#""body":"""#),
        (r#""body":null"#, r#""body":null"#),
        (r#""body":{"x":"what is this"}"#, r#""body":null"#),
    ] {
        assert_eq!(of_response(response), expected, "{response}");
    }
}

#[test]
fn the_last_of_two_bodies_is_the_one() {
    let once = of_response(r#""body":"two""#);
    assert_eq!(of_response(r#""body":"one","body":"two""#), format!("{once},{once}"));
    let both = of_keys(r#""requests":[{"response":{"body":"one"}}],"requests":null"#);
    assert!(both.contains("wirewitness-digest-1") && !both.contains("one"), "{both}");
}

#[test]
fn marks_and_fingerprints_are_kept() {
    let page = "Surf Safely! This website is not accessible. <div class='h-captcha'>";
    let short = of_response(&format!(r#""code":403,"body":"{page}""#));
    assert!(short.contains(r#""marks":["h-captcha"]"#), "{short}");
    assert!(short.contains(r#""fingerprints":[{"list":"shipped.csv","name":""#), "{short}");
}

#[test]
fn what_tells_of_a_person_goes() {
    for (keys, expected) in [
        (r#""client_resolver":"198.51.100.1""#, r#""client_resolver":"AS0""#),
        (r#""client_resolver":"127.0.0.1""#, r#""client_resolver":"127.0.0.1""#),
        (r#""client_resolver":"198.51.100.1:53""#, r#""client_resolver":null"#),
        (r#""client_resolver":"AS64496""#, r#""client_resolver":"AS64496""#),
        (r#""client_resolver":null"#, r#""client_resolver":null"#),
        (
            r#""requests":[{"request":{"body":"name=me","headers":{"cookie":"me","Host":"a"}}}]"#,
            r#""requests":[{"request":{"body":null,"headers":{"cookie":"","Host":"a"}}}]"#,
        ),
        (
            r#""requests":[{"response":{"headers_list":[["Set-Cookie","me"],["A",["b"]],["Set-Cookie"],[]]}}]"#,
            r#""requests":[{"response":{"headers_list":[["Set-Cookie",""],["A",["b"]],["Set-Cookie"],[]]}}]"#,
        ),
        (
            r#""control":{"http_request":{"headers":{"Set-Cookie":"you","X":"y"}}}"#,
            r#""control":{"http_request":{"headers":{"Set-Cookie":"","X":"y"}}}"#,
        ),
        (
            r#""answered_packets":[{"raw_packet":"AAAA"}]"#,
            r#""answered_packets":[{"raw_packet":null}]"#,
        ),
    ] {
        assert_eq!(of_keys(keys), expected);
    }
}

#[test]
fn the_probes_address_goes_wherever_it_is() {
    let text = r#"{"probe_ip":"198.51.100.7","resolver_ip":"198.51.100.53","probe_city":"Here",
        "input":"http://a.example/?198.51.100.7","test_name":"web_connectivity",
        "test_keys":{"client_resolver":"198.51.100.7","control":{"ip_info":{"198.51.100.7":{"asn":1}}},
        "requests":[{"response":{"body":"you are 198.51.100.7","headers":{"X-Your":"198.51.100.77, 198.51.100.7"}}}]}}"#;
    let short = check("address", text, shared::fingerprints());
    assert!(!short.replace("198.51.100.77", "").contains("198.51.100"), "{short}");
    assert!(!short.contains("Here") && short.contains("198.51.100.77, [scrubbed]"), "{short}");
    assert!(short.starts_with(r#"{"probe_ip":"127.0.0.1","resolver_ip":"AS0","#), "{short}");
}

#[test]
fn what_is_long_is_cut_and_says_so() {
    for (length, is_cut) in [(8_192, false), (8_193, true)] {
        let short =
            of_response(&format!(r#""headers":{{"X":"{}"}}"#, "é".repeat(length / 2 + length % 2)));
        assert_eq!(short.ends_with("[cut]\"}"), is_cut, "{length}");
        assert!(short.len() <= 8_192 + r#""headers":{"X":""}"#.len());
    }
    let short = of_keys(&format!(r#""tor_logs":["{}","b"]"#, "x".repeat(100_000)));
    assert!(short.len() < 65_600 && short.ends_with(r#"[cut]","b"]"#));
}

#[test]
fn certificates_but_the_first_become_digests() {
    let leaf = r#"{"format":"base64","data":"ZGVy"}"#;
    let keys = format!(
        r#""tls_handshakes":[{{"peer_certificates":[{leaf},{{"format":"base64","data":"c2Vjb25k"}},null]}}]"#
    );
    let digest = r#"{"format":"wirewitness-digest-1","length":6,"sha256":"16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"}"#;
    let expected = format!(r#""tls_handshakes":[{{"peer_certificates":[{leaf},{digest},null]}}]"#);
    assert_eq!(of_keys(&keys), expected);
}

#[test]
fn a_fingerprint_in_a_cookie_is_kept_without_the_cookie() {
    let rows = "name,scope,location_found,pattern_type,pattern,confidence_no_fp\n\
                box,isp,header.set-cookie,contains,filter=,9\n";
    let (fingerprints, _) = Fingerprints::compile(parse("list.csv", rows.as_bytes()).rows);
    let text = r#"{"test_name":"web_connectivity","probe_cc":"XA","test_keys":{"requests":[{"failure":null,
        "request":{"url":"http://a.example/"},
        "response":{"code":200,"headers":{"Set-Cookie":"filter=me","A":"b"}}}]}}"#;
    let short = check("cookie", text, &fingerprints);
    assert!(!short.contains("filter=me") && short.contains(r#""name":"box""#), "{short}");
    let kept = Measurement::from_json(&short).unwrap();
    let verdict = judge(&kept, &Context::new(&fingerprints)).verdict;
    assert_eq!(verdict.mechanism.map(|it| it.word()), Some("http.blockpage"), "{verdict:?}");
}

#[test]
fn the_echo_of_a_test_server_stays_whole() {
    let echo = r#"{\"headers_dict\":{\"hOsT\":[\"x.com\"]}}"#;
    let text = format!(
        r#"{{"test_name":"http_header_field_manipulation","test_keys":{{"requests":[{{"failure":null,"request":{{"headers":{{"hOsT":"x.com"}}}},"response":{{"code":200,"body":"{echo}"}}}}]}}}}"#
    );
    assert_eq!(check("echo", &text, shared::fingerprints()), text);
}

#[test]
fn a_text_that_is_not_the_measurements_is_an_error() {
    let whole = of_all();
    let measurement = Measurement::from_json(&whole).unwrap();
    let context = Context::new(shared::fingerprints());
    for end in 0..whole.len() {
        assert!(condense(&whole[..end], &measurement, &context).is_err(), "{end}");
    }
    assert!(condense(&format!("{whole}]"), &measurement, &context).is_err());
    assert!(condense(&"[".repeat(100_000), &measurement, &context).is_err());
}

#[test]
fn what_is_odd_is_left_to_a_full_reading() {
    let context = Context::new(shared::fingerprints());
    let is_read =
        |text: &str| Unread::condense(text, &context).as_ref().and_then(Unread::read).is_some();
    let whole = of_all();
    assert!(is_read(&whole));
    for end in 0..whole.len() {
        assert!(!is_read(&whole[..end]), "{end}");
    }
    // What is not copied must be JSON, too.
    for (good, bad) in [
        (r#""raw_packet":{}"#, r#""raw_packet":{"a":nope}"#),
        (r#""raw_packet":{}"#, r#""raw_packet":"\x""#),
        (r#"{"body":"x""#, r#"{"body":"\x""#),
        (r#""cookie":["a"]"#, r#""cookie":["a" "b"]"#),
        (r#"{"data":"aGk="},{"data":"aGk="}"#, r#"{"data":"aGk="},{"data":"\x"}"#),
        (r#""body":{"data":"aGk="}"#, r#""body":{"data":01}"#),
        (r#""probe_ip":"127.0.0.1""#, r#""probe_ip":"198.51.100.7""#),
        (r#""probe_ip""#, r#""test_name":"http_header_field_manipulation","probe_ip""#),
    ] {
        let odd = whole.replacen(good, bad, 1);
        assert!(odd != whole && !is_read(&odd), "{odd}");
    }
    let much = format!(r#"{{"raw_packet":[{}[]]}}"#, "[],".repeat(200_000));
    assert!(!is_read(&much) && Measurement::from_json(&much).is_err());
}

/// One of everything that is not copied.
fn of_all() -> String {
    r#"{"probe_ip":"127.0.0.1","resolver_ip":"198.51.100.53","test_keys":{"client_resolver":null,"requests":[
    {"request":{"body":"x","headers":{"cookie":["a"]}},"response":{"body":{"data":"aGk="},"headers_list":[["Cookie","b"]]}}],
    "tls_handshakes":[{"peer_certificates":[{"data":"aGk="},{"data":"aGk="}]}],"body":7,"raw_packet":{}}}"#
        .to_owned()
}

/// The paths to all values.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, it)| paths(it, &format!("{path}/{at}"), found));
        }
        Value::Object(object) => {
            for (key, it) in object {
                paths(it, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Parts of measurements put in each other's places.
    #[test]
    fn mutants_are_judged_as_before(
        which in any::<prop::sample::Index>(),
        moves in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..12),
    ) {
        static ALL: LazyLock<Vec<(String, String)>> = LazyLock::new(measurements);
        let small: Vec<_> = ALL.iter().filter(|(_, text)| text.len() < 50_000).collect();
        let (name, text) = which.get(&small);
        let mut value: Value = serde_json::from_str(text).unwrap();
        for (from, to) in moves {
            let mut all = Vec::new();
            paths(&value, "", &mut all);
            let from: &String = from.get(&all);
            let part = value.pointer(from).unwrap().clone();
            let to = to.get(&all);
            // The whole must stay an object.
            if !to.is_empty() && part.to_string().len() < 2_000 {
                *value.pointer_mut(to).unwrap() = part;
            }
        }
        let text = value.to_string();
        if Measurement::from_json(&text).is_ok() {
            for fingerprints in all_fingerprints() {
                check(name, &text, fingerprints);
            }
        }
    }
}
