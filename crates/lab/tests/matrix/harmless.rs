//! Rows in which nobody interferes: none may be called blocked.

use super::{DUAL, HTTP, HTTPS, LARGE, PAGE, Row, row};

pub(super) fn rows() -> Vec<Row> {
    [servers(), names(), everybody(), pages(), lines()].into_iter().flatten().collect()
}

#[rustfmt::skip]
fn servers() -> Vec<Row> {
    vec![
        row("certificate ended", HTTPS, r#"certificate = "expired""#, "tls_handshakes ssl_invalid_certificate", "down server.bad_certificate"),
        row("certificate of another name", HTTPS, r#"certificate = "wrong-name""#, "tls_handshakes ssl_invalid_hostname", "down server.bad_certificate"),
        row("certificate signed by itself", HTTPS, r#"certificate = "self-signed""#, "tls_handshakes ssl_unknown_authority", "down server.bad_certificate"),
        row("certificate of nobody known", HTTPS, r#"certificate = "unknown-authority""#, "tls_handshakes ssl_unknown_authority", "down server.bad_certificate"),
        row("no https at all", HTTPS, "https_ports = []", "tcp_connect connection_refused", "down server.down"),
        row("captcha", HTTPS, r#"captcha_for = ["home"]"#, "requests 503", "down server.captcha"),
        row("captcha, plain", HTTP, r#"captcha_for = ["home"]"#, "requests 503", "down server.captcha"),
        row("geoblock", HTTPS, r#"geoblock_for = ["home"]"#, "requests 403", "down server.geoblock"),
        row("geoblock, plain", HTTP, r#"geoblock_for = ["home"]"#, "requests 403", "down server.geoblock"),
        row("redirect loop", HTTPS, r#"redirect = "https://target.example/""#, "requests unknown_failure: stopped after too many redirects", "down server.redirect_loop"),
        row("redirect loop, plain", HTTP, r#"redirect = "http://target.example/""#, "requests unknown_failure: stopped after too many redirects", "down server.redirect_loop"),
        row("broken redirect", HTTPS, r#"redirect = "https://""#, "requests http_invalid_redirect_location_host", "down server.down"),
        row("broken redirect, plain", HTTP, r#"redirect = "http://""#, "requests http_invalid_redirect_location_host", "down server.down"),
        row("error 500 for all", HTTPS, "status = 500", "requests 500", "down server.down"),
        row("error 503 for all, plain", HTTP, "status = 503", "requests 503", "down server.down"),
        row("forbidden to all", HTTP, "status = 403", "requests 403", "ok -"),
        row("slow server, 4 s", HTTPS, "delay_ms = 4_000", "requests 200", "ok -"),
        row("slow server, 4 s, plain", HTTP, "delay_ms = 4_000", "requests 200", "ok -"),
        row("slow server, 9 s", HTTPS, "delay_ms = 9_000", "requests 200", "ok -"),
        row("slow server, 9 s, plain", HTTP, "delay_ms = 9_000", "requests 200", "ok -"),
    ]
}

#[rustfmt::skip]
fn names() -> Vec<Row> {
    let elsewhere = r#"addresses_for = { isp-resolver = ["192.88.99.82"] }"#;
    vec![
        row("geo-dns", HTTPS, elsewhere, "queries 192.88.99.82", "ok -"),
        row("geo-dns, plain", HTTP, elsewhere, "queries 192.88.99.82", "ok -"),
        row("geo-dns, another network", HTTPS, ANOTHER_NETWORK, "queries 192.31.196.80", "ok -"),
        row("geo-dns, another network, plain", HTTP, ANOTHER_NETWORK, "queries 192.31.196.80", "ok -"),
        row("name gone", HTTPS, record(r#""nxdomain""#), "queries dns_nxdomain_error", "down server.down"),
        row("name gone, plain", HTTP, record(r#""nxdomain""#), "queries dns_nxdomain_error", "down server.down"),
        row("name without addresses", HTTPS, record("[]"), "queries dns_no_answer", "down server.down"),
        row("zone broken", HTTPS, record(r#""servfail""#), "queries dns_servfail_error", "down server.down"),
        row("name of loopback", HTTP, record(r#"["127.0.0.1"]"#), "queries 127.0.0.1", "down server.down"),
    ]
}

fn record(answer: &str) -> String {
    format!(
        "[[record]]\nname = \"target.example\"\nresolvers = \"all\"\nanswer = {answer}\nsource = \"invented\"\n"
    )
}

/// Servers that cut everybody off.
#[rustfmt::skip]
fn everybody() -> Vec<Row> {
    let reset = || format!("{RUDE}{RESETS}");
    vec![
        row("reset for everybody", HTTPS, reset(), "tls_handshakes connection_reset", "down server.down"),
        row("reset for everybody, plain", HTTP, reset(), "requests connection_reset", "down server.down"),
        row("closed for everybody", HTTPS, CLOSES, "tls_handshakes eof_error", "down server.down"),
        row("closed for everybody, plain", HTTP, CLOSES, "requests eof_error", "down server.down"),
    ]
}

#[rustfmt::skip]
fn pages() -> Vec<Row> {
    vec![
        row("nothing wrong", HTTPS, "", "requests 200", "ok -").at(DUAL),
        row("nothing wrong, plain", HTTP, "", "requests 200", "ok -").at(DUAL),
        row("big file", HTTPS, "", "requests 200", "ok -").at(HUGE),
        row("big file, plain", HTTP, "", "requests 200", "ok -").at(HUGE),
    ]
}

#[rustfmt::skip]
fn lines() -> Vec<Row> {
    vec![
        row("ipv6 unreachable", HTTPS, "", "requests 200", "ok -").at(DUAL).from("unreachable-ipv6-line"),
        row("ipv6 unreachable, nothing else", HTTPS, "", "tcp_connect network_unreachable", "insufficient vantage.ipv6_broken").at(V6).from("unreachable-ipv6-line"),
        row("ipv6 silent", HTTPS, "", "requests 200", "ok -").at(DUAL).from("silent-ipv6-line"),
        row("ipv6 silent, plain", HTTP, "", "requests 200", "ok -").at(DUAL).from("silent-ipv6-line"),
        // Silence may be the server's, and nothing else was asked over IPv6.
        row("ipv6 silent, nothing else", HTTPS, "", "tcp_connect generic_timeout_error", "insufficient vantage.ipv6_broken").at(V6).from("silent-ipv6-line").said("insufficient -"),
        row("login page", HTTP, "", "requests 302", "insufficient vantage.captive_portal").at(PAGE).from("guest"),
        // All that is seen of it is a refusal.
        row("login page, encrypted", HTTPS, "", "tcp_connect connection_refused", "insufficient -").at(PAGE).from("guest"),
        row("lossy line", HTTPS, "", "requests 200", "ok -").from("lossy"),
        row("lossy line, plain", HTTP, "", "requests 200", "ok -").from("lossy"),
        row("slow line", HTTPS, "", "requests generic_timeout_error", "insufficient -").at(LARGE).from("slow"),
        row("slow line, plain", HTTP, "", "requests generic_timeout_error", "insufficient -").at(LARGE).from("slow"),
        row("slow line, small page", HTTPS, "", "requests 200", "ok -").from("slow"),
        // The control gets no page in time either.
        row("server on a slow line", HTTPS, "link = { kbit_per_second = 100 }", "requests generic_timeout_error", "down server.down").at(LARGE),
    ]
}

const HUGE: &str = r#"
[[site]]
names = ["target.example"]
addresses = ["192.88.99.80"]
bytes = 4_194_304
"#;

const V6: &str = r#"
[[site]]
names = ["target.example"]
addresses = ["3fff:2::80"]
html = "<title>Everyday gardening letters</title><p>Words."
"#;

/// A server of a content delivery network, which the provider's customers are led to: it passes everything on.
const ANOTHER_NETWORK: &str = r#"
[[proxy]]
name = "edge"
addresses = ["192.31.196.80"]
resolvers = ["192.88.99.53"]
asn = 64505

[[record]]
name = "target.example"
resolvers = "isp"
answer = ["192.31.196.80"]
source = "invented"
"#;

/// A proxy before the site, for everybody, that finds no way on: it closes what it has accepted.
const CLOSES: &str = r#"
[[proxy]]
name = "front"
addresses = ["192.31.196.80"]
resolvers = ["192.31.196.53"]
asn = 64505

[[resolver]]
name = "front-resolver"
addresses = ["192.31.196.53"]
gateway = "unreachable-ipv6"
asn = 64505
source = "invented"
lies = { "target.example" = "nxdomain" }

[[record]]
name = "target.example"
resolvers = "all"
answer = ["192.31.196.80"]
source = "invented"
"#;

/// A host that says something to whoever has asked (the harness runs it by its name).
const RUDE: &str = r#"
[[gateway]]
name = "hosting"
addresses = ["192.31.196.1"]
asn = 64505

[[client]]
name = "rude-server"
addresses = ["192.31.196.80"]
gateway = "hosting"
asn = 64505

[[record]]
name = "target.example"
resolvers = "all"
answer = ["192.31.196.80"]
source = "invented"
"#;

/// Whatever it says is replaced by a reset: its load balancer hangs up. The far end of a gateway's hop is the server in
/// the words of a device, whoever it is.
const RESETS: &str = r#"
[[middlebox]]
gateway = "hosting"
placement = "in-path"
source = "invented"
[middlebox.payload]
text = ""
action = "reset"
reset = { towards = "server" }
"#;
