//! What scenarios say is true is what happens in them: every truth is visited as a browser would, by every client that
//! it is about.

use std::collections::BTreeSet;

use wirewitness_lab::{Scenario, Truth};

use crate::test_scenario::shipped;
use crate::world::{Client, Fetched};

/// Whether what a browser sees goes with what is true.
fn goes_with(truth: &Truth, seen: &Fetched) -> bool {
    let failed = |word: &str| seen.as_ref().is_err_and(|it| it.contains(word));
    let status = |wanted: u16| seen.as_ref().is_ok_and(|it| it.0 == wanted);
    let blockpage = || seen.as_ref().is_ok_and(|it| it.1.contains("Surf Safely"));
    let Some(mechanism) = truth.mechanism else {
        return status(404) || status(200) && !blockpage();
    };
    match mechanism.word() {
        "dns.injection.blockpage" | "http.blockpage" | "http.redirect" => blockpage(),
        "dns.injection.other" | "dns.injection.bogon" => failed("tcp: network unreachable"),
        "dns.nxdomain" => failed("dns: no such name") || failed("dns: no data in the cache"),
        "dns.refused" => failed("dns: the resolver refuses"),
        "dns.timeout" => failed("dns: no answer in time"),
        "tcp.timeout" => failed("tcp: timed out"),
        "tcp.refused" => failed("tcp: connection refused"),
        "ip.unreachable" => failed("tcp: host unreachable"),
        "tls.reset.sni" => failed("tls: connection reset"),
        "tls.timeout" => failed("tls: timed out"),
        "tls.close" => failed("tls: closed by the other side"),
        "tls.mitm.self_signed" | "tls.mitm.ca_signed" => failed("UnknownIssuer"),
        "tls.throttle.sni" | "http.throttle.host" => failed("body: timed out"),
        "http.reset.host" => failed("http: connection reset"),
        "http.timeout" => failed("http: timed out"),
        "http.close" => failed("http: connection closed"),
        "server.down" => seen.is_err() || status(503),
        "server.bad_certificate" => failed("tls: invalid peer certificate"),
        "server.captcha" => status(503),
        "server.geoblock" => status(403),
        "server.redirect_loop" => failed("too many redirects"),
        "vantage.ipv6_broken" => failed("tcp: network unreachable"),
        word => panic!("nobody has said what {word} looks like"),
    }
}

/// Visits every target as every client, one after the other, and says where the truth is not.
fn lies(scenario: &Scenario) -> Vec<String> {
    let clients: Vec<String> = scenario.clients().map(str::to_owned).collect();
    let run = scenario.run(None, |running| async move {
        let mut lies = Vec::new();
        for name in &clients {
            let net = running.client(name).unwrap();
            let client = Client { net, lab: running.lab.clone() };
            for url in scenario.targets() {
                let truth = scenario.truth(name, url).unwrap();
                let seen = client.visit(url).await;
                if !goes_with(truth, &seen) {
                    let word = truth.mechanism.map_or("-", |it| it.word());
                    let seen = seen.map(|(status, body)| (status, body.len()));
                    lies.push(format!("{name} {url}: {word}, but {seen:?}"));
                }
            }
        }
        lies
    });
    run.unwrap()
}

#[test]
fn pakistan_2025() {
    let scenario = shipped("pakistan-2025.toml");
    assert_eq!(lies(&scenario), Vec::<String>::new());
    assert!(scenario.targets().len() >= 40);
    let words: BTreeSet<&str> =
        scenario.truths().iter().filter_map(|it| it.mechanism).map(|it| it.word()).collect();
    assert!(words.len() >= 20, "{words:?}");
    let harmless = scenario.truths().iter().filter(|it| it.status.word() != "blocked").count();
    assert!(harmless >= 30, "{harmless}");
}
