//! Scenario files: those we ship run, and mistakes are named where they are.

use std::path::Path;

use wirewitness_lab::Scenario;
use wirewitness_net::Net;

use crate::world::{Client, Fetched};

pub(crate) fn shipped(name: &str) -> Scenario {
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
    let files = ["mod.rs", "site.rs", "device.rs", "truth.rs"]
        .map(|file| std::fs::read_to_string(here.join("src/scenario/spec").join(file)).unwrap());
    let spec = files.concat();
    let docs = std::fs::read_to_string(here.join("../../docs/lab.md")).unwrap();
    let keys = spec.lines().filter_map(|line| {
        let (key, _) = line.trim().strip_prefix("pub(crate) ")?.split_once(':')?;
        (!key.contains(' ')).then_some(key)
    });
    let missing: Vec<&str> = keys.filter(|key| !docs.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "not in docs/lab.md: {missing:?}");
}

const PROBED: &str = r#"
name = "probed"
about = "x"
[[gateway]]
name = "isp"
addresses = ["10.0.0.1"]
[[client]]
name = "home"
addresses = ["10.0.0.2"]
gateway = "isp"
resolvers = ["10.0.0.53"]
asn = 64500
as_org = "Example Telecom"
cc = "ZZ"
network = "Example"
public_address = "203.0.113.2"
[[resolver]]
name = "isp-dns"
addresses = ["10.0.0.53"]
gateway = "isp"
[[resolver]]
name = "public-dns"
addresses = ["192.0.2.53"]
names = ["dns.example"]
doh = true
dot = true
[[helper]]
name = "th"
names = ["th.example"]
addresses = ["192.0.2.10"]
resolvers = ["192.0.2.53"]
asn = 64501
[[site]]
names = ["www.example"]
addresses = ["192.0.2.80"]
[[record]]
name = "gone.example"
resolvers = "all"
answer = "nxdomain"
source = "invented"
[[record]]
name = "lied.example"
resolvers = "isp"
answer = ["192.0.2.80"]
source = "invented"
[[autonomous_system]]
asn = 64502
as_org = "Hosting"
prefixes = ["192.0.2.0/24"]
[[truth]]
client = "*"
url = "https://www.example/"
status = "ok"
why = "nobody interferes"
source = "invented"
[[truth]]
client = "home"
url = "https://www.example/"
status = "blocked"
mechanism = "tls.reset.sni"
why = "for this client"
source = "invented"
[[truth]]
client = "*"
url = "http://gone.example/"
status = "down"
mechanism = "server.down"
why = "no such name"
source = "invented"
"#;

/// What a prober needs: a helper's host with TLS that the lab's clients trust, resolvers, networks, truths.
#[test]
fn what_a_prober_needs() {
    let scenario = Scenario::parse("probed.toml", PROBED).unwrap();
    assert_eq!(scenario.targets(), ["https://www.example/", "http://gone.example/"]);
    let own = scenario.truth("home", "https://www.example/").unwrap();
    assert_eq!(own.mechanism.unwrap().word(), "tls.reset.sni");
    assert_eq!(scenario.truth("else", "https://www.example/").unwrap().mechanism, None);
    let run = scenario.run(None, |running| async move {
        let helper = running.helpers()[0].clone();
        assert_eq!(helper.names, ["th.example"]);
        let acceptor = tokio_rustls::TlsAcceptor::from(helper.tls);
        let listener = helper.net.listen(443).unwrap();
        tokio::spawn(async move {
            let stream = listener.accept().await.unwrap();
            let mut tls = acceptor.accept(stream).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            tokio::io::AsyncWriteExt::write_all(&mut tls, answer).await.unwrap();
            tokio::io::AsyncWriteExt::shutdown(&mut tls).await.unwrap();
        });
        let client = Client { net: running.client("home").unwrap(), lab: running.lab.clone() };
        assert_eq!(client.https("th.example").await, Ok((200, "hi".to_owned())));
        assert_eq!(client.https("gone.example").await, Err("dns: no such name".to_owned()));
        assert!(client.http("lied.example").await.is_ok());
        assert!(helper.net.lookup("lied.example").await.is_err(), "only the provider lies");
        assert_eq!(running.roots().len(), 1);

        let asn = |address: &str| running.asn(address.parse().unwrap());
        assert_eq!(asn("203.0.113.2"), Some((64500, "Example Telecom")));
        assert_eq!(asn("192.0.2.10"), Some((64501, "")));
        assert_eq!(asn("192.0.2.80"), Some((64502, "Hosting")));
        assert_eq!(asn("10.0.0.53"), None);
        let facts = running.facts("home").unwrap();
        assert_eq!((facts.asn, facts.country.as_deref()), (Some(64500), Some("ZZ")));
        assert_eq!(facts.public_address, Some([203, 0, 113, 2].into()));
        let public = running.public_resolvers();
        assert_eq!(public.len(), 1);
        assert_eq!(public[0].doh.as_deref(), Some("https://dns.example/dns-query"));
        assert_eq!((public[0].udp, public[0].dot.as_deref()), (true, Some("dns.example")));
    });
    run.unwrap();
}

#[test]
fn mistakes_in_truths_are_named() {
    for (from, to, said) in [
        (
            "client = \"*\"",
            "client = \"hom\"",
            "client: expected `*` or the name of a client (home)",
        ),
        ("//www.example/", "//ww.example/", "url: expected an http or https URL with the name"),
        ("url = \"https:", "url = \"ftp:", "url: expected an http or https URL with the name"),
        ("status = \"ok\"", "status = \"down\"", "status: expected a server.* mechanism"),
        ("\"tls.reset.sni\"", "\"server.down\"", "status: expected the mechanism of a block"),
        (
            "\"tls.reset.sni\"",
            "\"tls.reset\"",
            "mechanism: expected TOML of this form (no mechanism",
        ),
        ("client = \"home\"", "client = \"*\"", "url: expected one truth for a client and a URL"),
        ("why = \"no such name\"", "why = \"\"", "why: expected why it is so"),
        ("192.0.2.0/24", "192.0.2.0/40", "prefixes: expected a prefix, like 192.0.2.0/24"),
        ("names = [\"dns.example\"]\n", "", "name: expected names beside it"),
        ("answer = \"nxdomain\"\n", "", "name: expected either an answer or an alias"),
        (
            "resolvers = [\"192.0.2.53\"]",
            "resolvers = [\"9.9.9.9\"]",
            "resolvers: expected the address",
        ),
    ] {
        assert!(PROBED.contains(from), "{from}");
        let text = PROBED.replacen(from, to, 1);
        let error = Scenario::parse("p", &text).unwrap_err().to_string();
        let (_, error) = error.split_once(": ").unwrap();
        assert!(error.starts_with(said), "{to:?}\n said {error}\n want {said}");
    }
}

fn seed(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/scenario");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

const SEEDS: [&str; 2] = ["places.toml", "devices.toml"];

#[test]
fn mistakes_with_the_newer_keys_are_named() {
    let (places, devices) = (seed("places.toml"), seed("devices.toml"));
    for (text, from, to, said) in [
        (&places, "\"silent\"", "\"broken\"", "ipv6: expected one of `works`, `silent`, `unreach"),
        (&places, "home = \"linux\"", "hom = \"linux\"", "hom: expected the name of a client"),
        (&places, "[\"home\"]", "[\"hom\"]", "captcha_for: expected the name of a client (home)"),
        (&places, "{ dns = [", "{ dn = [", "addresses_for: expected the name of a resolver (dns)"),
        (
            &places,
            "{ \"c.example\" = \"ex",
            "{ \"d.example\" = \"ex",
            "certificates: expected a name of",
        ),
        (&places, "[443, 8443]", "[80, 8443]", "https_ports: expected a port from 1 to 65535"),
        (
            &places,
            "\"192.0.2.80\"",
            "\"224.0.0.1\"",
            "addresses: expected an address that one host",
        ),
        (&places, "\"192.0.2.81\"", "\"0.0.0.0\"", "addresses_for: expected an address that one"),
        (&places, "\"192.0.2.81\"", "\"10.0.0.80\"", "addresses_for: expected an address that no"),
        (&places, "\"edge.example\"", "\"a.example\"", "alias: expected a name that nothing else"),
        (&places, "\nbytes = 1000", "\nbytes = 99999999", "bytes: expected at most 33554432"),
        (&places, "delay_ms = 3", "delay_ms = 3600001", "delay_ms: expected at most 3600000"),
        (&places, "scheme = \"https\"", "scheme = \"ftp\"", "scheme: expected `http` or `https`"),
        (&places, "\"android\"", "\"ios\"", "system: expected `linux` or `android`"),
        (
            &places,
            "resolvers = \"all\"",
            "resolvers = \"some\"",
            "resolvers: expected one of `isp`,",
        ),
        (&devices, "hold_secs = 180", "hold_secs = 86401", "residual: expected at most 86400"),
        (&devices, "[\"v2\"]", "[\"v3\"]", "quic_sni: expected one of `v1`, `v2`, `draft29`"),
        (
            &devices,
            "[\"10.8.8.8\"]",
            "[]",
            "gateway: expected a mitm with an interceptor's address",
        ),
        (
            &devices,
            "[\"10.8.8.8\"]",
            "[\"10.0.0.2\"]",
            "mitm: expected an address that nothing else",
        ),
        (&devices, "\"udp\"", "\"sctp\"", "endpoint: expected `tcp` or `udp`"),
        (&devices, "= 100_000", "= 1_000_001", "throttle: expected at most 1000000"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Scenario::parse("p", &text.replacen(from, to, 1)).unwrap_err().to_string();
        let (_, error) = error.split_once(": ").unwrap();
        assert!(error.starts_with(said), "{to:?}\n said {error}\n want {said}");
    }
    let many: String =
        (0..2_050).map(|_| "[[client]]\nname=''\naddresses=[]\ngateway=''\n").collect();
    let many = format!("name = \"x\"\nabout = \"x\"\ngateway = []\n{many}");
    let error = Scenario::parse("p", &many).unwrap_err();
    assert_eq!(error.expected, "at most 2048 tables of a kind");
    let long = format!("# {}\n{}", "x".repeat(1 << 20), seed("places.toml"));
    assert_eq!(Scenario::parse("p", &long).unwrap_err().expected, "at most 1048576 bytes");
}

/// Every value of every key, in turn, becomes something odd. What is still a scenario starts.
#[test]
fn odd_values_are_mistakes_or_scenarios_and_no_panic() {
    let odd = [
        "0",
        "-1",
        "1",
        "65535",
        "65536",
        "4294967295",
        "9223372036854775807",
        "1e308",
        "nan",
        "true",
        "\"\"",
        "\"*\"",
        "\"\\u0000\"",
        "\"ﷺ\"",
        "[]",
        "[\"\"]",
        "[\"0.0.0.0\"]",
        "[\"255.255.255.255\"]",
        "[\"ff02::1\"]",
        "[\"::ffff:1.2.3.4\"]",
        "{}",
        "1979-05-27",
    ];
    let mut started = 0;
    for name in SEEDS {
        let text = seed(name);
        let lines: Vec<&str> = text.lines().collect();
        for at in 0..lines.len() {
            let Some((key, _)) = lines[at].split_once(" = ") else { continue };
            for value in odd {
                let line = format!("{key} = {value}");
                let mut lines = lines.clone();
                lines[at] = &line;
                let Ok(scenario) = Scenario::parse("odd", &lines.join("\n")) else { continue };
                let run = scenario.run(None, |running| async move { running.lab.packets() });
                started += usize::from(run.is_ok());
            }
        }
    }
    assert!(started > 100, "{started}");
}

#[test]
fn seeds_cut_short_anywhere_are_an_error_or_a_scenario_and_no_panic() {
    for name in SEEDS {
        let text = seed(name);
        assert!(Scenario::parse(name, &text).is_ok(), "{name}");
        for len in 0..text.len() {
            let _ = Scenario::parse(name, &text[..len]);
        }
    }
}
