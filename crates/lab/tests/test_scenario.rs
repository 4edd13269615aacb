//! Scenario files: those we ship run, and mistakes are named where they are.

use std::path::Path;

use wirewitness_lab::Scenario;

use crate::world::{Client, Fetched};

fn shipped(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    Scenario::parse(name, &text).unwrap_or_else(|error| panic!("{error}"))
}

/// What the home client sees of each name over HTTPS, or HTTP for names that begin with `host-`.
fn tour(scenario: &Scenario, seed: u64) -> Vec<(String, Fetched)> {
    let names: Vec<String> = scenario.names().map(str::to_owned).collect();
    let run = scenario.run(Some(seed), |running| async move {
        let net = running.client("home").unwrap();
        let client = Client { net, lab: running.lab.clone() };
        let mut seen = Vec::new();
        for name in names {
            let fetched = if name.starts_with("host-") {
                client.http(&name).await
            } else {
                client.https(&name).await
            };
            seen.push((name, fetched));
        }
        seen
    });
    run.unwrap()
}

fn word(fetched: &Fetched) -> String {
    match fetched {
        Ok((status, _)) => status.to_string(),
        Err(word) => word.clone(),
    }
}

fn compare(scenario: &str, expected: &[(&str, &str)]) {
    let seen = tour(&shipped(scenario), 1);
    let seen: Vec<(&str, String)> =
        seen.iter().map(|(name, fetched)| (name.as_str(), word(fetched))).collect();
    for ((name, seen), (expected_name, expected)) in seen.iter().zip(expected) {
        assert_eq!(name, expected_name);
        assert!(seen.contains(expected), "{name}: {seen}, not {expected}");
    }
    assert_eq!(seen.len(), expected.len());
}

#[test]
fn open() {
    compare(
        "open.toml",
        &[
            ("www.example.com", "200"),
            ("example.com", "200"),
            ("expired.example", "tls: invalid peer certificate: certificate expired"),
            ("wrong-name.example", "tls: invalid peer certificate: certificate not valid for"),
            ("unknown-authority.example", "tls: invalid peer certificate: UnknownIssuer"),
            ("closed.example", "tcp: connection refused"),
            ("down.example", "tcp: timed out"),
            ("slow.example", "200"),
            ("loop.example", "302"),
            ("forbidden.example", "403"),
            ("captcha.example", "503"),
        ],
    );
}

#[test]
fn textbook() {
    compare(
        "textbook.toml",
        &[
            ("fine.example", "200"),
            ("dns-address.example", "tls: invalid peer certificate: certificate not valid"),
            ("dns-bogon.example", "tcp: network unreachable"),
            ("dns-nxdomain.example", "dns: no such name"),
            ("resolver-address.example", "tls: invalid peer certificate"),
            ("resolver-nxdomain.example", "dns: no such name"),
            ("resolver-refused.example", "dns: the resolver refuses"),
            ("resolver-servfail.example", "dns: the resolver failed"),
            ("resolver-silence.example", "dns: no answer in time"),
            ("sni-reset.example", "tls: connection reset"),
            ("sni-drop.example", "tls: timed out"),
            ("sni-close.example", "tls: closed by the other side"),
            ("host-reset.example", "http: connection reset"),
            ("host-drop.example", "http: timed out"),
            ("host-page.example", "200"),
            ("host-redirect.example", "302"),
            ("sni-throttle.example", "body: timed out"),
            ("endpoint-drop.example", "tcp: timed out"),
            ("endpoint-reset.example", "tcp: connection refused"),
            ("residual.example", "tls: connection reset"),
            ("residual-victim.example", "tcp: timed out"),
            ("warning.example", "200"),
        ],
    );
}

#[test]
fn a_scenario_runs_the_same_twice() {
    let trace = || {
        let scenario = shipped("textbook.toml");
        let run = scenario.run(None, |running| async move {
            running.tap("home");
            let client = Client { net: running.client("home").unwrap(), lab: running.lab.clone() };
            for name in ["fine.example", "sni-reset.example", "sni-throttle.example"] {
                let _ = client.https(name).await;
            }
            let lines = running.records("home");
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            (lines, running.pcapng("home").unwrap().len())
        });
        run.unwrap()
    };
    let (lines, bytes) = trace();
    assert!(lines.len() > 60 && bytes > 10_000);
    assert_eq!((lines, bytes), trace());
}

const SMALL: &str = r#"name = "small"
about = "x"
[[gateway]]
name = "isp"
addresses = ["10.0.0.1"]
[[client]]
name = "home"
addresses = ["10.0.0.2"]
gateway = "isp"
resolvers = ["10.0.0.53"]
[[resolver]]
name = "dns"
addresses = ["10.0.0.53"]
[[middlebox]]
gateway = "isp"
placement = "in-path"
source = "invented"
tls_sni = { names = ["a.example"], action = "drop" }
"#;

#[test]
fn mistakes_are_named_where_they_are() {
    assert!(Scenario::parse("small.toml", SMALL).is_ok());
    let middlebox = r#"tls_sni = { names = ["a.example"], action = "drop" }"#;
    for (from, to, error) in [
        (
            "gateway = \"isp\"\nres",
            "gateway = \"ips\"\nres",
            "small.toml:9: gateway: expected the name of a gateway (isp)",
        ),
        ("about = \"x\"", "", "small.toml: expected a key `about`"),
        (
            "in-path",
            "inpath",
            "small.toml:16: placement: expected `on-path` or `in-path` (unknown variant `inpath`)",
        ),
        (
            "in-path",
            "on-path",
            "small.toml:16: placement: expected in-path: what this does cannot be done with copies",
        ),
        ("[\"10.0.0.2\"]", "[\"10.0.0\"]", "small.toml:8: addresses: expected TOML of this form"),
        (
            "[\"10.0.0.2\"]",
            "[\"10.0.0.1\"]",
            "small.toml:8: addresses: expected an address that nothing else has",
        ),
        (
            "resolvers = [\"10.0.0.53\"]",
            "resolvers = [\"10.0.0.54\"]",
            "small.toml:10: resolvers: expected the address of a resolver of this file",
        ),
        (
            "source = \"invented\"",
            "source = \" \"",
            "small.toml:17: source: expected where this is documented, or `invented`",
        ),
        (middlebox, "", "small.toml:15: gateway: expected exactly one technique beside it"),
        (
            "action = \"drop\"",
            "acton = \"drop\"",
            "small.toml:18: tls_sni: expected one of `names`, `action`",
        ),
        ("[[client]]", "[[client]", "small.toml:6: [[client]: expected `]` (unclosed array table)"),
        (
            middlebox,
            "throttle = { how = \"policer\" }",
            "small.toml:18: throttle: expected exactly one of sni, host and addresses",
        ),
        (
            middlebox,
            "residual = { layer = \"tls\", names = [], tuple = 5, hold_secs = 1, action = \"drop\" }",
            "small.toml:18: residual: expected 2, 3 or 4",
        ),
    ] {
        assert!(SMALL.contains(from), "{from}");
        let text = SMALL.replacen(from, to, 1);
        let said = Scenario::parse("small.toml", &text).unwrap_err().to_string();
        assert!(said.starts_with(error), "{to:?}\n said {said}\n want {error}");
    }
}

#[test]
fn cut_short_anywhere_is_an_error_or_a_scenario_and_no_panic() {
    for len in 0..SMALL.len() {
        let _ = Scenario::parse("small.toml", &SMALL[..len]);
    }
}

/// Every key of a scenario is explained in `docs/lab.md`.
#[test]
fn every_key_is_documented() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let spec = std::fs::read_to_string(here.join("src/scenario/spec.rs")).unwrap();
    let docs = std::fs::read_to_string(here.join("../../docs/lab.md")).unwrap();
    let keys = spec.lines().filter_map(|line| {
        let (key, _) = line.trim().strip_prefix("pub(super) ")?.split_once(':')?;
        (!key.contains(' ')).then_some(key)
    });
    let missing: Vec<&str> = keys.filter(|key| !docs.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "not in docs/lab.md: {missing:?}");
}
