//! What scenarios say is true is what happens in them: every truth is visited as a browser would, by every client that
//! it is about.

use std::collections::BTreeSet;
use std::path::Path;

use wirewitness_lab::capture::Way;
use wirewitness_lab::{Scenario, Truth};

use crate::test_scenario::shipped;
use crate::world::{Client, Fetched};

/// Whether what a browser sees goes with what is true.
fn goes_with(truth: &Truth, seen: &Fetched) -> bool {
    let failed = |word: &str| seen.as_ref().is_err_and(|it| it.contains(word));
    let status = |wanted: u16| seen.as_ref().is_ok_and(|it| it.0 == wanted);
    let blockpage = || {
        let words = ["<title>Surf Safely!</title>", "<title>Blocked</title>"];
        seen.as_ref().is_ok_and(|it| words.iter().any(|word| it.1.contains(word)))
    };
    let Some(mechanism) = truth.mechanism else {
        return status(403) || status(404) || status(200) && !blockpage();
    };
    match mechanism.word() {
        "dns.injection.blockpage" | "http.blockpage" | "http.redirect" => blockpage(),
        // An address where nobody is, or where somebody else is.
        "dns.injection.other" => failed("tcp: network unreachable") || failed("not valid for name"),
        "dns.injection.bogon" => failed("tcp: network unreachable"),
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
        // A browser without QUIC sees nothing of it.
        "quic.timeout.sni" => status(200) && !blockpage(),
        "server.down" => seen.is_err() || status(503),
        "server.bad_certificate" => failed("tls: invalid peer certificate"),
        "server.captcha" => status(503),
        "server.geoblock" => status(403),
        "server.redirect_loop" => failed("too many redirects"),
        "vantage.captive_portal" => seen.as_ref().is_ok_and(|it| it.1.contains("log in")),
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
                let Some(truth) = scenario.truth(name, url) else { continue };
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
fn small_scenarios() {
    for (file, truths) in [("open.toml", 11), ("textbook.toml", 21), ("portal.toml", 2)] {
        let scenario = shipped(file);
        assert_eq!(lies(&scenario), Vec::<String>::new(), "{file}");
        assert_eq!(scenario.truths().len(), truths, "{file}");
    }
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

/// A case of OONI's suite: its file, appended to the base.
fn qa(case: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/qa");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let text = format!("{}\n{}", read("base.toml"), read(&format!("{case}.toml")));
    Scenario::parse(case, &text).unwrap_or_else(|error| panic!("{error}"))
}

/// What a browser sees in each case, by the suite's own words for what its devices do: it asks the system's resolver
/// alone, so that forged answers lead it astray where a prober has other addresses to try.
const CASES: &[(&str, &str)] = &[
    ("badSSLWithUnknownAuthorityWithConsistentDNS", "UnknownIssuer"),
    ("badSSLWithExpiredCertificate", "certificate expired"),
    ("badSSLWithWrongServerName", "not valid for name"),
    ("badSSLWithUnknownAuthorityWithInconsistentDNS", "UnknownIssuer"),
    ("cloudflareCAPTCHAWithHTTP", "503 of 8432"),
    ("cloudflareCAPTCHAWithHTTPS", "503 of 8432"),
    ("controlFailureWithSuccessfulHTTPWebsite", "200 of 1533"),
    ("controlFailureWithSuccessfulHTTPSWebsite", "200 of 1533"),
    ("dnsBlockingAndroidDNSCacheNoData", "dns: no data in the cache"),
    ("dnsBlockingBOGON", "tcp: timed out"),
    ("dnsBlockingNXDOMAIN", "dns: no such name"),
    ("dnsHijackingToLocalhostWithHTTP", "tcp: connection refused"),
    ("dnsHijackingToLocalhostWithHTTPS", "tcp: connection refused"),
    ("dnsHijackingToProxyWithHTTPURL", "200 of 1533"),
    ("dnsHijackingToProxyWithHTTPSURL", "200 of 1533"),
    ("ghostDNSBlockingWithHTTP", "200 of 188"),
    ("ghostDNSBlockingWithHTTPS", "tcp: connection refused"),
    ("httpBlockingConnectionReset", "http: connection reset"),
    ("httpDiffWithConsistentDNS", "200 of 188"),
    ("httpDiffWithInconsistentDNS", "200 of 188"),
    ("idnaWithoutCensorshipLowercase", "200 of 1533"),
    ("idnaWithoutCensorshipWithFirstLetterUppercase", "200 of 1533"),
    ("largeFileWithHTTP", "200 of 16777216"),
    ("largeFileWithHTTPS", "200 of 16777216"),
    ("localhostWithHTTP", "tcp: connection refused"),
    ("localhostWithHTTPS", "tcp: connection refused"),
    ("redirectWithBrokenLocationForHTTP", "http: no host"),
    ("redirectWithBrokenLocationForHTTPS", "http: no host"),
    ("redirectWithConsistentDNSAndThenConnectionRefusedForHTTP", "tcp: connection refused"),
    ("redirectWithConsistentDNSAndThenConnectionRefusedForHTTPS", "tcp: connection refused"),
    ("redirectWithConsistentDNSAndThenConnectionResetForHTTP", "http: connection reset"),
    ("redirectWithConsistentDNSAndThenConnectionResetForHTTPS", "tls: connection reset"),
    ("redirectWithConsistentDNSAndThenNXDOMAIN", "dns: no such name"),
    ("redirectWithConsistentDNSAndThenEOFForHTTP", "http: connection closed"),
    ("redirectWithConsistentDNSAndThenEOFForHTTPS", "tls: closed by the other side"),
    ("redirectWithConsistentDNSAndThenTimeoutForHTTP", "http: timed out"),
    ("redirectWithConsistentDNSAndThenTimeoutForHTTPS", "tls: timed out"),
    ("redirectWithMoreThanTenRedirectsAndHTTP", "http: too many redirects"),
    ("redirectWithMoreThanTenRedirectsAndHTTPS", "http: too many redirects"),
    ("successWithHTTP", "200 of 1533"),
    ("successWithHTTPS", "200 of 1533"),
    ("tcpBlockingConnectTimeout", "tcp: timed out"),
    ("tcpBlockingConnectionRefusedWithInconsistentDNS", "tcp: connection refused"),
    ("throttlingWithHTTP", "body: timed out"),
    ("throttlingWithHTTPS", "body: timed out"),
    ("tlsBlockingConnectionResetWithConsistentDNS", "tls: connection reset"),
    ("tlsBlockingConnectionResetWithInconsistentDNS", "tls: connection reset"),
    ("websiteDownNXDOMAIN", "dns: no such name"),
    ("websiteDownNoAddrs", "dns: the name has no address"),
    ("websiteDownTCPConnect", "tcp: connection refused"),
];

/// All fifty, and the same URL from a test helper's host: there it works wherever it works for the suite's.
#[test]
fn ooni_qa() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/qa");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), CASES.len() + 1);
    let mut wrong = Vec::new();
    for (case, expected) in CASES {
        let scenario = qa(case);
        let url = scenario.targets()[0].replace("Яндекс.рф", "xn--d1acpjx3f.xn--p1ai");
        let url = url.replace("яндекс.рф", "xn--d1acpjx3f.xn--p1ai");
        let run = scenario.run(None, |running| async move {
            let client = running.client("client").unwrap();
            let helper = running.helpers()[0].net.clone();
            let mut seen = Vec::new();
            for net in [client, helper] {
                let client = Client { net, lab: running.lab.clone() };
                let fetched = client.visit(&url).await;
                seen.push(fetched.map_or_else(|it| it, |(a, b)| format!("{a} of {}", b.len())));
            }
            seen
        });
        let seen = run.unwrap();
        let down = scenario.truths()[0].status.word() == "down"
            && !["cloudflare", "redirectWithBroken"].iter().any(|it| case.starts_with(it));
        let control = if case.starts_with("ghost") || down {
            !seen[1].starts_with("200")
        } else if case.starts_with("largeFile") || case.starts_with("throttling") {
            seen[1] == "200 of 16777216"
        } else {
            seen[1] == "200 of 1533"
        };
        if !seen[0].contains(expected) || !control {
            wrong.push(format!("{case}: {seen:?}, not {expected}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Throttled media is slow in the way that a rule can see: for ten seconds bytes keep coming, at no more than the rate, and
/// untouched media beside it is many times faster.
#[test]
fn throttled_media_is_slow_and_comes() {
    let scenario = shipped("pakistan-2025.toml");
    let rate = |client: &'static str, url: &'static str| {
        let run = scenario.run(None, |running| async move {
            running.tap(client);
            let net = running.client(client).unwrap();
            let _ = Client { net, lab: running.lab.clone() }.visit(url).await;
            let records = running.records(client);
            let data: Vec<(f64, usize)> = records
                .iter()
                .filter(|it| it.way == Way::In)
                .filter_map(|it| {
                    Some((it.at.as_secs_f64(), it.frame.packet()?.tcp()?.payload.len()))
                })
                .filter(|(_, len)| *len > 0)
                .collect();
            let seconds = data.last().unwrap().0 - data[0].0;
            let bytes: usize = data.iter().map(|(_, len)| len).sum();
            (seconds, bytes as f64 * 8.0 / 1000.0 / seconds)
        });
        run.unwrap()
    };
    for (client, url) in [
        ("fixed", "https://media.example/"),
        ("mobile-b", "https://media.example/"),
        ("mobile-b", "http://media-plain.example/"),
    ] {
        let (seconds, kbit) = rate(client, url);
        assert!(seconds > 9.0, "{client} {url}: {seconds} s");
        assert!((20.0..=128.0).contains(&kbit), "{client} {url}: {kbit} kbit/s");
    }
    let (_, kbit) = rate("fixed", "http://media-plain.example/");
    assert!(kbit > 1_000.0, "{kbit} kbit/s");
}
