//! Rows of interference: every technique of the lab.

use super::{DUAL, HTTP, HTTPS, LARGE, Row, row};

pub(super) fn rows() -> Vec<Row> {
    [dns(), resolver(), endpoint(), sni(), sni_resets(), residual(), http(), payload(), others()]
        .into_iter()
        .chain([throttled()])
        .flatten()
        .collect()
}

fn device(placement: &str, technique: &str) -> String {
    format!(
        "[[middlebox]]\ngateway = \"isp\"\nplacement = \"{placement}\"\nsource = \"invented\"\n{technique}\n"
    )
}

/// In the path: what it does replaces what would have come.
fn within(technique: &str) -> String {
    device("in-path", technique)
}

/// Beside the path: what it does races what comes.
fn beside(technique: &str) -> String {
    device("on-path", technique)
}

fn injected(answer: &str) -> String {
    format!("dns_injection = {{ names = [\"target.example\"], {answer} }}")
}

#[rustfmt::skip]
fn dns() -> Vec<Row> {
    let false_v4 = injected(r#"answer = "addresses", addresses = ["192.175.48.7"]"#);
    let false_v6 = injected(r#"answer = "addresses", addresses = ["3fff:7::7"]"#);
    let both = injected(r#"answer = "addresses", addresses = ["192.175.48.7", "3fff:7::7"]"#);
    let dead = injected(r#"answer = "addresses", addresses = ["192.175.48.66"]"#);
    let (bogon, nxdomain) = (injected(r#"answer = "bogon""#), injected(r#"answer = "nxdomain""#));
    let (refused, silence) = (injected(r#"answer = "refused""#), injected(r#"answer = "silence""#));
    let twice = injected(r#"answer = "addresses", addresses = ["192.175.48.7"], count = 3, ttl = 200, ip_id = 7"#);
    vec![
        row("dns injection, page, replacing", HTTP, within(&false_v4), "queries 192.175.48.7", "blocked dns.injection.blockpage"),
        row("dns injection, page, racing", HTTP, beside(&false_v4), "queries 192.175.48.7", "blocked dns.injection.blockpage"),
        row("dns injection, three answers, racing", HTTP, beside(&twice), "queries 192.175.48.7", "blocked dns.injection.blockpage"),
        row("dns injection, wrong certificate, replacing", HTTPS, within(&false_v4), "queries 192.175.48.7", "blocked dns.injection.other"),
        row("dns injection, wrong certificate, racing", HTTPS, beside(&false_v4), "queries 192.175.48.7", "blocked dns.injection.other"),
        row("dns injection, nobody there, replacing", HTTPS, within(&dead), "queries 192.175.48.66", "blocked dns.injection.other"),
        row("dns injection, nobody there, racing", HTTP, beside(&dead), "queries 192.175.48.66", "blocked dns.injection.other"),
        row("dns injection, AAAA only, replacing", HTTPS, within(&false_v6), "queries 3fff:7::7", "blocked dns.injection.other").at(DUAL),
        row("dns injection, AAAA only, racing", HTTP, beside(&false_v6), "queries 3fff:7::7", "blocked dns.injection.blockpage").at(DUAL),
        row("dns injection, A and AAAA, replacing", HTTP, within(&both), "queries 3fff:7::7", "blocked dns.injection.blockpage").at(DUAL),
        row("dns injection, A and AAAA, racing", HTTPS, beside(&both), "queries 3fff:7::7", "blocked dns.injection.other").at(DUAL),
        row("dns injection, bogon, replacing", HTTPS, within(&bogon), "queries 10.*", "blocked dns.injection.bogon"),
        row("dns injection, bogon, racing", HTTP, beside(&bogon), "queries 10.*", "blocked dns.injection.bogon"),
        row("dns injection, nxdomain, replacing", HTTPS, within(&nxdomain), "queries dns_nxdomain_error", "blocked dns.nxdomain"),
        row("dns injection, nxdomain, racing", HTTP, beside(&nxdomain), "queries dns_nxdomain_error", "blocked dns.nxdomain"),
        row("dns injection, refused, replacing", HTTPS, within(&refused), "queries dns_refused_error", "blocked dns.refused"),
        row("dns injection, refused, racing", HTTP, beside(&refused), "queries dns_refused_error", "blocked dns.refused"),
        row("dns injection, silence", HTTPS, within(&silence), "queries generic_timeout_error", "blocked dns.timeout"),
    ]
}

fn lie(answer: &str) -> String {
    format!(
        "[[record]]\nname = \"target.example\"\nresolvers = \"isp\"\nanswer = {answer}\nsource = \"invented\"\n"
    )
}

#[rustfmt::skip]
fn resolver() -> Vec<Row> {
    vec![
        row("lying resolver, page", HTTP, lie(r#"["192.175.48.7"]"#), "queries 192.175.48.7", "blocked dns.injection.blockpage"),
        row("lying resolver, wrong certificate", HTTPS, lie(r#"["192.175.48.7"]"#), "queries 192.175.48.7", "blocked dns.injection.other"),
        row("lying resolver, nobody there", HTTPS, lie(r#"["192.175.48.66"]"#), "queries 192.175.48.66", "blocked dns.injection.other"),
        row("lying resolver, AAAA", HTTPS, lie(r#"["3fff:7::7"]"#), "queries 3fff:7::7", "blocked dns.injection.other").at(DUAL),
        row("lying resolver, bogon", HTTPS, lie(r#"["10.10.34.36"]"#), "queries 10.10.34.36", "blocked dns.injection.bogon"),
        row("lying resolver, loopback", HTTP, lie(r#"["127.0.0.1"]"#), "queries 127.0.0.1", "blocked dns.injection.bogon"),
        row("lying resolver, nxdomain", HTTPS, lie(r#""nxdomain""#), "queries dns_nxdomain_error", "blocked dns.nxdomain"),
        row("lying resolver, no address", HTTP, lie("[]"), "queries dns_no_answer", "blocked dns.nxdomain"),
        row("lying resolver, refused", HTTPS, lie(r#""refused""#), "queries dns_refused_error", "blocked dns.refused"),
        row("lying resolver, silence", HTTPS, lie(r#""silence""#), "queries generic_timeout_error", "blocked dns.timeout"),
        // Resolvers fail for many reasons: there is no mechanism of this name.
        row("lying resolver, servfail", HTTPS, lie(r#""servfail""#), "queries dns_servfail_error", "insufficient -"),
    ]
}

#[rustfmt::skip]
fn endpoint() -> Vec<Row> {
    let all = |action: &str| format!("endpoint = {{ addresses = [\"192.88.99.80\"], action = \"{action}\" }}");
    let port = |port: u16, action: &str| {
        format!("endpoint = {{ addresses = [\"192.88.99.80\"], ports = [{port}], transport = \"tcp\", action = \"{action}\" }}")
    };
    let udp = r#"endpoint = { addresses = ["192.88.99.80"], transport = "udp", action = "drop" }"#;
    vec![
        row("address dropped", HTTPS, within(&all("drop")), "tcp_connect generic_timeout_error", "blocked tcp.timeout"),
        row("address dropped, plain", HTTP, within(&all("drop")), "tcp_connect generic_timeout_error", "blocked tcp.timeout"),
        row("port dropped", HTTPS, within(&port(443, "drop")), "tcp_connect generic_timeout_error", "blocked tcp.timeout"),
        row("port dropped, plain", HTTP, within(&port(80, "drop")), "tcp_connect generic_timeout_error", "blocked tcp.timeout"),
        row("address reset", HTTPS, within(&all("reset")), "tcp_connect connection_refused", "blocked tcp.refused"),
        row("port reset", HTTPS, beside(&port(443, "reset")), "tcp_connect connection_refused", "blocked tcp.refused"),
        row("port reset, plain", HTTP, within(&port(80, "reset")), "tcp_connect connection_refused", "blocked tcp.refused"),
        row("address prohibited", HTTPS, within(&all("prohibited")), "tcp_connect host_unreachable", "blocked ip.unreachable"),
        row("host unreachable", HTTPS, within(&all("host-unreachable")), "tcp_connect host_unreachable", "blocked ip.unreachable"),
        row("network unreachable", HTTP, within(&all("network-unreachable")), "tcp_connect network_unreachable", "blocked ip.unreachable"),
        row("udp to the address dropped", HTTPS, within(udp), "requests 200", "ok -"),
    ]
}

fn hello(rest: &str) -> String {
    format!("tls_sni = {{ names = [\"target.example\"], {rest} }}")
}

#[rustfmt::skip]
fn sni() -> Vec<Row> {
    let reading = |reassembly: &str| hello(&format!("action = \"reset\", reassembly = \"{reassembly}\""));
    let (drop, close) = (hello(r#"action = "drop""#), hello(r#"action = "close""#));
    vec![
        row("sni drop", HTTPS, within(&drop), "tls_handshakes generic_timeout_error", "blocked tls.timeout"),
        row("sni close", HTTPS, within(&close), "tls_handshakes eof_error", "blocked tls.close"),
        row("sni close, racing", HTTPS, beside(&close), "tls_handshakes eof_error", "blocked tls.close"),
        row("sni reset, reads streams", HTTPS, within(&reading("stream")), "tls_handshakes connection_reset", "blocked tls.reset.sni"),
        row("sni reset, reads one record", HTTPS, within(&reading("stream-one-record")), "tls_handshakes connection_reset", "blocked tls.reset.sni"),
        row("sni reset, reads segments", HTTPS, within(&reading("segment")), "tls_handshakes connection_reset", "blocked tls.reset.sni"),
        row("sni reset, reads one record of segments", HTTPS, beside(&reading("segment-one-record")), "tls_handshakes connection_reset", "blocked tls.reset.sni"),
    ]
}

#[rustfmt::skip]
fn sni_resets() -> Vec<Row> {
    let reset = |shape: &str| hello(&format!("action = \"reset\", reset = {{ {shape} }}"));
    let seen = "tls_handshakes connection_reset";
    vec![
        row("sni reset to the client", HTTPS, within(&reset(r#"towards = "client""#)), seen, "blocked tls.reset.sni"),
        row("sni reset to the client, racing", HTTPS, beside(&reset(r#"towards = "client""#)), seen, "blocked tls.reset.sni"),
        row("sni reset to both", HTTPS, within(&reset(r#"towards = "both""#)), seen, "blocked tls.reset.sni"),
        row("sni reset to both, racing", HTTPS, beside(&reset(r#"towards = "both", count = 2"#)), seen, "blocked tls.reset.sni"),
        // The server is gone when the hello comes again, and says so.
        row("sni reset to the server, racing", HTTPS, beside(&reset(r#"towards = "server""#)), seen, "blocked tls.reset.sni"),
        // The hello goes no further, and nobody tells the client.
        row("sni reset to the server", HTTPS, within(&reset(r#"towards = "server""#)), "tls_handshakes generic_timeout_error", "blocked tls.timeout"),
        row("sni reset, three with steps", HTTPS, beside(&reset(r#"count = 3, sequence_step = 1_460, ip_id = 9, ip_id_step = 1"#)), seen, "blocked tls.reset.sni"),
        row("sni reset without ack", HTTPS, within(&reset("ack = false, window = 229")), seen, "blocked tls.reset.sni"),
        row("sni reset, ttl of its own", HTTPS, within(&reset("ttl = 241, count = 5")), seen, "blocked tls.reset.sni"),
        // Before the server's answer, which is 40 ms away.
        row("sni reset, late, racing", HTTPS, beside(&reset("after_us = 5_000")), seen, "blocked tls.reset.sni"),
    ]
}

fn held(layer: &str, rest: &str) -> String {
    let technique =
        format!("residual = {{ layer = \"{layer}\", names = [\"target.example\"], {rest} }}");
    // Before its trigger: what comes first on a hop sees a packet first.
    let trigger = match layer {
        "tls" => hello(r#"action = "reset""#),
        _ => host(r#"action = "reset""#),
    };
    within(&technique) + &within(&trigger)
}

#[rustfmt::skip]
fn residual() -> Vec<Row> {
    let seen = "tls_handshakes connection_reset";
    vec![
        row("residual, 2, drop", HTTPS, held("tls", r#"tuple = 2, hold_secs = 60, action = "drop""#), seen, "blocked tls.reset.sni"),
        row("residual, 3, drop", HTTPS, held("tls", r#"tuple = 3, hold_secs = 90, action = "drop""#), seen, "blocked tls.reset.sni"),
        row("residual, 4, drop", HTTPS, held("tls", r#"tuple = 4, hold_secs = 180, action = "drop""#), seen, "blocked tls.reset.sni"),
        row("residual, 2, drop, refreshed", HTTPS, held("tls", r#"tuple = 2, hold_secs = 60, refresh = true, action = "drop""#), seen, "blocked tls.reset.sni"),
        row("residual, 3, drop, refreshed", HTTPS, held("tls", r#"tuple = 3, hold_secs = 60, refresh = true, action = "drop""#), seen, "blocked tls.reset.sni"),
        row("residual, 2, reset", HTTPS, held("tls", r#"tuple = 2, hold_secs = 90, action = "reset""#), seen, "blocked tls.reset.sni"),
        row("residual, 3, reset", HTTPS, held("tls", r#"tuple = 3, hold_secs = 60, action = "reset""#), seen, "blocked tls.reset.sni"),
        row("residual, 3, reset, refreshed", HTTPS, held("tls", r#"tuple = 3, hold_secs = 60, refresh = true, action = "reset""#), seen, "blocked tls.reset.sni"),
        row("residual, 4, reset", HTTPS, held("tls", r#"tuple = 4, hold_secs = 60, action = "reset""#), seen, "blocked tls.reset.sni"),
        row("residual, http, 3, drop", HTTP, held("http", r#"tuple = 3, hold_secs = 60, action = "drop""#), "requests connection_reset", "blocked http.reset.host"),
        row("residual, http, 2, reset", HTTP, held("http", r#"tuple = 2, hold_secs = 60, action = "reset""#), "requests connection_reset", "blocked http.reset.host"),
    ]
}

fn host(rest: &str) -> String {
    format!("http_host = {{ names = [\"target.example\"], {rest} }}")
}

#[rustfmt::skip]
fn http() -> Vec<Row> {
    let (reset, drop, close) = (host(r#"action = "reset""#), host(r#"action = "drop""#), host(r#"action = "close""#));
    let page = host(r#"action = "blockpage", html = "This request cannot be served in your jurisdiction.""#);
    let page_200 = host(r#"action = "blockpage", status = 200, html = "This request cannot be served in your jurisdiction.""#);
    let to_name = host(r#"action = "redirect", location = "http://warning.example/""#);
    let to_address = host(r#"action = "redirect", location = "http://192.175.48.7/""#);
    let to_nobody = host(r#"action = "redirect", location = "http://10.10.34.36/""#);
    vec![
        row("host reset", HTTP, within(&reset), "requests connection_reset", "blocked http.reset.host"),
        row("host reset, racing", HTTP, beside(&reset), "requests connection_reset", "blocked http.reset.host"),
        row("host reset to both, reads segments", HTTP, beside(&host(r#"action = "reset", reassembly = "segment", reset = { towards = "both", count = 3 }"#)), "requests connection_reset", "blocked http.reset.host"),
        row("host drop", HTTP, within(&drop), "requests generic_timeout_error", "blocked http.timeout"),
        row("host close", HTTP, within(&close), "requests eof_error", "blocked http.close"),
        row("host close, racing", HTTP, beside(&close), "requests eof_error", "blocked http.close"),
        row("host block page", HTTP, within(&page), "requests 403", "blocked http.blockpage"),
        row("host block page, status 200, racing", HTTP, beside(&page_200), "requests 200", "blocked http.blockpage"),
        row("host redirect to a name", HTTP, within(&to_name), "requests 302", "blocked http.redirect"),
        row("host redirect to an address", HTTP, beside(&to_address), "requests 302", "blocked http.redirect"),
        row("host redirect to nobody", HTTP, within(&to_nobody), "requests 302", "blocked http.redirect"),
    ]
}

#[rustfmt::skip]
fn payload() -> Vec<Row> {
    let text = |text: &str, action: &str| format!("payload = {{ text = \"{text}\", {action} }}");
    let page = r#"action = "blockpage", html = "This request cannot be served in your jurisdiction.""#;
    vec![
        row("text reset, the host", HTTP, within(&text("target.example", r#"action = "reset""#)), "requests connection_reset", "blocked http.reset.host"),
        row("text reset, the sni", HTTPS, within(&text("target.example", r#"ports = [443], action = "reset""#)), "tls_handshakes connection_reset", "blocked tls.reset.sni"),
        row("text drop, the host", HTTP, within(&text("target.example", r#"ports = [80], action = "drop""#)), "requests generic_timeout_error", "blocked http.timeout"),
        row("text close, the sni", HTTPS, beside(&text("target.example", r#"ports = [443], action = "close""#)), "tls_handshakes eof_error", "blocked tls.close"),
        row("text block page, the host", HTTP, within(&text("target.example", page)), "requests 403", "blocked http.blockpage"),
        row("text block page, the path", "http://target.example/sports-news", within(&text("sports-news", page)), "requests 403", "blocked http.blockpage"),
        row("text drop, the path", "http://target.example/sports-news", within(&text("sports-news", r#"action = "drop""#)), "requests generic_timeout_error", "blocked http.timeout"),
        // No mechanism is a reset on what a request says beside its host.
        row("text reset, the path", "http://target.example/sports-news", within(&text("sports-news", r#"action = "reset""#)), "requests connection_reset", "blocked -"),
    ]
}

#[rustfmt::skip]
fn others() -> Vec<Row> {
    let quic = |rest: &str| format!("quic_sni = {{ names = [\"target.example\"]{rest} }}");
    let mitm = |certificate: &str| {
        format!("mitm = {{ names = [\"target.example\"], certificate = \"{certificate}\", interceptor = [\"192.175.48.9\"] }}")
    };
    vec![
        row("quic sni drop", HTTPS, within(&quic("")), "quic_handshakes generic_timeout_error", "ok quic.timeout.sni").at(H3),
        row("quic sni drop of the client's", HTTPS, within(&quic(r#", drops = "client-after-trigger""#)), "x_h3_requests generic_timeout_error", "ok quic.timeout.sni").at(H3),
        row("mitm, self-signed", HTTPS, within(&mitm("self-signed")), "tls_handshakes ssl_unknown_authority", "blocked tls.mitm.self_signed"),
        row("mitm, of an unknown authority", HTTPS, within(&mitm("unknown-authority")), "tls_handshakes ssl_unknown_authority", "blocked tls.mitm.ca_signed"),
        // Nobody can notice.
        row("mitm, of a trusted authority", HTTPS, within(&mitm("good")), "requests 200", "ok -"),
    ]
}

#[rustfmt::skip]
fn throttled() -> Vec<Row> {
    let by = |whom: &str, how: &str| format!("throttle = {{ {whom}, {how} }}");
    let (sni, host, address) = (r#"sni = ["target.example"]"#, r#"host = ["target.example"]"#, r#"addresses = ["192.88.99.80"]"#);
    let policer = r#"how = "policer", kbit_per_second = 128"#;
    let shaper = r#"how = "shaper", kbit_per_second = 128"#;
    let impair = r#"how = "impair", delay_ms = 150, loss_per_million = 50_000"#;
    let seen = "requests generic_timeout_error";
    vec![
        row("throttled sni, policer", HTTPS, within(&by(sni, policer)), seen, "blocked tls.throttle.sni").at(LARGE),
        row("throttled sni, shaper", HTTPS, within(&by(sni, shaper)), seen, "blocked tls.throttle.sni").at(LARGE),
        row("throttled sni, delay and loss", HTTPS, within(&by(sni, impair)), seen, "blocked tls.throttle.sni").at(LARGE),
        row("throttled host, policer", HTTP, within(&by(host, policer)), seen, "blocked http.throttle.host").at(LARGE),
        row("throttled host, shaper", HTTP, within(&by(host, shaper)), seen, "blocked http.throttle.host").at(LARGE),
        row("throttled host, delay and loss", HTTP, within(&by(host, impair)), seen, "blocked http.throttle.host").at(LARGE),
        row("throttled address, policer", HTTPS, within(&by(address, policer)), seen, "blocked ip.throttle.endpoint").at(LARGE),
        row("throttled address, shaper", HTTPS, within(&by(address, shaper)), seen, "blocked ip.throttle.endpoint").at(LARGE),
        row("throttled address, delay and loss", HTTP, within(&by(address, impair)), seen, "blocked ip.throttle.endpoint").at(LARGE),
    ]
}

/// A page that HTTP/3 brings too.
const H3: &str = r#"
[[site]]
names = ["target.example"]
addresses = ["192.88.99.80"]
html = "<title>Everyday gardening letters</title><p>Words."
bytes = 3_000
h3 = true
"#;
