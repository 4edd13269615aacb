//! Made side files.

use wirewitness_model::planet::source::Source;

use super::*;

fn feed(companions: &mut Companions<'_>, path: &str, line: &str) {
    companions.feed(&Row::read(line, &Source::of(path)).expect(line));
}

#[test]
fn files_in_any_order_say_the_same() {
    let fingerprints = Fingerprints::shipped();
    let lines = [
        ("resolvers.json", r#"{"resolver":"192.0.2.53","name":"control"}"#),
        ("tagged_resolvers.json", r#"{"resolver":"192.0.2.53","country":"Pakistan"}"#),
        (
            "answers_control.json",
            r#"{"resolver":"192.0.2.53","query":"A.example.","answers":["192.0.2.1","x"]}"#,
        ),
        (
            "tagged_answers.json",
            r#"{"ip":"192.0.2.1","asnum":64500,"asname":"N","cert":"ab","http":null}"#,
        ),
        (
            "control_pages.json",
            r#"{"ip":"192.0.2.1","keyword":"a.example","https":{},"trusted_cert":true,"cert_hostname_match":true}"#,
        ),
        (
            "blockpages.json",
            r#"{"ip":"192.0.2.9","keyword":"a.example","https":{},"cert_hostname_match":false}"#,
        ),
    ];
    for order in [lines.to_vec(), lines.iter().rev().copied().collect()] {
        let mut companions = Companions::new(&fingerprints);
        for (path, line) in order {
            feed(&mut companions, path, line);
        }
        let known = companions.resolver("192.0.2.53").unwrap();
        assert_eq!((known.country, known.is_control), (Some(*b"PK"), true));
        let control = companions.control("a.example").unwrap();
        assert_eq!((control.addresses.len(), control.is_proven), (1, true));
        let tags = companions.tags("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!((tags.asn, tags.http), (Some(64500), None));
        let page = companions.page("192.0.2.9".parse().unwrap(), "a.example").unwrap();
        assert_eq!(page.proves, Some(false));
        assert_eq!((companions.left_out(), companions.entries()), (1, 4));
    }
}

#[test]
fn a_flood_is_counted_not_kept() {
    let fingerprints = Fingerprints::shipped();
    let limits = Limits { entries: 4, addresses: 2 };
    let mut companions = Companions::with_limits(&fingerprints, limits);
    for n in 0..50 {
        feed(&mut companions, "", &format!(r#"{{"ip":"192.0.2.{n}","asnum":{n}}}"#));
        feed(&mut companions, "", &format!(r#"{{"vp":"192.0.2.{n}","name":"n"}}"#));
        let control =
            format!(r#"{{"resolver":"192.0.2.1","query":"a","answers":["192.0.2.{n}"]}}"#);
        feed(&mut companions, "answers_control.json", &control);
    }
    assert_eq!((companions.entries(), companions.left_out()), (4 + 4 + 1, 46 + 46 + 48));
}

#[test]
fn what_is_common_is_named() {
    let tags = |asn, texts| Tags::of(Some(asn), texts);
    let one = tags(64500, ["N", "ab", "cd"]);
    assert_eq!(one.common(&tags(1, ["M", "ab", ""])), Some("certificate"));
    assert_eq!(one.common(&tags(1, ["M", "x", "cd"])), Some("page"));
    assert_eq!(one.common(&tags(64500, ["M", "", ""])), Some("network"));
    assert_eq!(one.common(&tags(0, ["N", "", ""])), Some("name of the network"));
    assert_eq!(one.common(&tags(0, ["", "", ""])), None);
    assert!(tags(0, ["", "", ""]).is_empty());
    assert!(Tags::of(Some(-5), ["", "", ""]).is_empty());
}
