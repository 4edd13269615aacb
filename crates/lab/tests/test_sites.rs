//! What sites, resolvers, proxies and vantages of a scenario do, as a client sees it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirewitness_lab::{Running, Scenario};
use wirewitness_net::{LookupFailure, Net};

use crate::test_quic::{body, fetch};
use crate::world::{Client, ips};

const BASE: &str = r#"
name = "sites"
about = "x"
[[gateway]]
name = "isp"
addresses = ["10.0.0.1", "2001:db8:1::1"]
[[gateway]]
name = "abroad"
addresses = ["10.1.0.1"]
[[client]]
name = "home"
addresses = ["10.0.0.2", "2001:db8:1::2"]
gateway = "isp"
resolvers = ["10.0.0.53"]
[[client]]
name = "away"
addresses = ["10.1.0.2"]
gateway = "abroad"
resolvers = ["192.0.2.53"]
[[resolver]]
name = "isp-dns"
addresses = ["10.0.0.53"]
gateway = "isp"
[[resolver]]
name = "public-dns"
addresses = ["192.0.2.53"]
"#;

fn world<R, F: Future<Output = R>>(more: &str, program: impl FnOnce(World) -> F) -> R {
    let text = format!("{BASE}{more}");
    let scenario = Scenario::parse("sites", &text).unwrap_or_else(|error| panic!("{error}"));
    scenario.run(None, |running| program(World(running))).unwrap()
}

struct World(Running);

impl World {
    fn client(&self, name: &str) -> Client {
        Client { net: self.0.client(name).unwrap(), lab: self.0.lab.clone() }
    }

    /// The whole answer to a plain request, its status line and header in lower case.
    async fn ask(&self, client: &str, name: &str, path: &str) -> String {
        let net = self.client(client).net;
        let Ok(lookup) = net.lookup(name).await else { return "no address".to_owned() };
        let remote = SocketAddr::new(lookup.addresses[0], 80);
        let Ok(mut stream) = net.connect(remote).await else { return "no connection".to_owned() };
        let request = format!("GET {path} HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) => format!("{}\r\n\r\n{body}", head.to_ascii_lowercase()),
            None => answer,
        }
    }
}

#[test]
fn pages_by_path_host_and_client() {
    let site = r#"
[[site]]
names = ["www.example", "other.example"]
addresses = ["192.0.2.80"]
html = "<title>whole</title>"
bytes = 1000
headers = { "Strict-Transport-Security" = "max-age=9", "content-type" = "text/plain" }
[[site.page]]
path = "/redirect/1"
redirect = "/redirect/0"
[[site.page]]
path = "/broken"
only_for = ["home"]
status = 301
redirect = "http://"
[[site.page]]
host = "other.example"
path = "/deep/*"
status = 404
html = "not here"
[[site.page]]
scheme = "https"
html = "only over TLS"
[[site]]
names = ["barred.example"]
addresses = ["192.0.2.81"]
geoblock_for = ["home"]
"#;
    world(site, |world| async move {
        let whole = world.ask("home", "www.example", "/").await;
        assert!(whole.starts_with("http/1.1 200") && whole.contains("max-age=9"), "{whole}");
        assert!(whole.contains("text/plain") && !whole.contains("text/html"));
        let (_, body) = whole.split_once("\r\n\r\n").unwrap();
        assert_eq!((body.len(), body.trim_end()), (1000, "<title>whole</title>"));
        let hop = world.ask("home", "www.example", "/redirect/1").await;
        assert!(hop.starts_with("http/1.1 302") && hop.contains("location: /redirect/0\r\n"));
        let broken = world.ask("home", "www.example", "/broken").await;
        assert!(broken.starts_with("http/1.1 301") && broken.contains("location: http://\r\n"));
        assert!(world.ask("away", "www.example", "/broken").await.starts_with("http/1.1 200"));
        assert!(world.ask("home", "other.example", "/deep/1").await.ends_with("not here"));
        assert!(world.ask("home", "www.example", "/deep/1").await.starts_with("http/1.1 200"));
        let secure = world.client("home").https("www.example").await;
        assert_eq!(secure, Ok((200, "only over TLS".to_owned())));
        assert!(world.ask("home", "barred.example", "/").await.starts_with("http/1.1 403"));
        assert!(world.ask("away", "barred.example", "/").await.starts_with("http/1.1 200"));
    });
}

#[test]
fn names_and_addresses() {
    let sites = r#"
[[site]]
names = ["www.cdn.example"]
alias = "edge.cdn.example"
addresses = ["192.0.2.80"]
addresses_for = { public-dns = ["198.51.100.80"] }
[[site]]
names = ["empty.example"]
addresses = []
[[site]]
names = ["https.example"]
addresses = ["192.0.2.81"]
http_ports = []
[[site]]
names = ["odd.example", "expired.example"]
addresses = ["192.0.2.82"]
http_ports = [80, 8080]
https_ports = [8443]
certificates = { "expired.example" = "expired" }
[[record]]
name = "www.moved.example"
resolvers = "isp"
alias = "empty.example"
source = "invented"
"#;
    world(sites, |world| async move {
        let (home, away) = (world.client("home"), world.client("away"));
        let near = home.net.lookup("www.cdn.example").await.unwrap();
        assert_eq!(near.addresses, ips(&["192.0.2.80"]));
        assert_eq!(near.canonical_name.as_deref(), Some("edge.cdn.example"));
        let far = away.net.lookup("www.cdn.example").await.unwrap();
        assert_eq!(far.addresses, ips(&["198.51.100.80"]));
        for client in [&home, &away] {
            assert_eq!(client.https("www.cdn.example").await.unwrap().0, 200);
        }
        assert_eq!(home.net.lookup("empty.example").await, Err(LookupFailure::NoAnswer));
        assert_eq!(home.net.lookup("www.moved.example").await, Err(LookupFailure::NoAnswer));
        assert_eq!(away.net.lookup("www.moved.example").await, Err(LookupFailure::NxDomain));
        assert!(home.https("https.example").await.is_ok());
        assert_eq!(world.ask("home", "https.example", "/").await, "no connection");
        assert!(home.https("odd.example").await.unwrap_err().contains("refused"));
        let odd = SocketAddr::new([192, 0, 2, 82].into(), 8443);
        assert!(home.connect(odd).await.is_ok());
    });
}

#[test]
fn a_name_with_a_certificate_of_its_own() {
    let site = r#"
[[site]]
names = ["fine.example", "expired.example"]
addresses = ["192.0.2.82"]
certificates = { "expired.example" = "expired" }
"#;
    world(site, |world| async move {
        let home = world.client("home");
        assert!(home.https("fine.example").await.is_ok());
        assert!(home.https("expired.example").await.unwrap_err().contains("expired"));
    });
}

#[test]
fn android_has_one_word() {
    let text = BASE.replacen("gateway = \"isp\"", "gateway = \"isp\"\nsystem = \"android\"", 1);
    let scenario = Scenario::parse("android", &text).unwrap();
    let run = scenario.run(None, |running| async move {
        let world = World(running);
        let home = world.client("home").net.lookup("no.example").await;
        let away = world.client("away").net.lookup("no.example").await;
        assert_eq!(home, Err(LookupFailure::AndroidNoData));
        assert_eq!(away, Err(LookupFailure::NxDomain));
    });
    run.unwrap();
}

const PLAIN_SITE: &str = r#"
[[site]]
names = ["www.example"]
addresses = ["192.0.2.80", "2001:db8:2::80"]
html = "true page"
"#;

#[test]
fn ipv6_that_goes_nowhere() {
    for (word, failure) in [
        ("works", None),
        ("silent", Some("tcp: timed out")),
        ("unreachable", Some("tcp: network unreachable")),
    ] {
        let gateway = format!("ipv6 = \"{word}\"\n[[gateway]]\nname = \"abroad\"");
        let text = BASE.replacen("[[gateway]]\nname = \"abroad\"", &gateway, 1) + PLAIN_SITE;
        let scenario = Scenario::parse("ipv6", &text).unwrap();
        let run = scenario.run(None, |running| async move {
            let home = World(running).client("home");
            let six = SocketAddr::new(ips(&["2001:db8:2::80"])[0], 443);
            assert_eq!(home.connect(six).await.err().as_deref(), failure, "{word}");
            assert!(home.https("www.example").await.is_ok(), "IPv4 works");
        });
        run.unwrap();
    }
}

#[test]
fn a_captive_portal_is_all_there_is() {
    let portal = "captive_portal = { addresses = [\"10.0.0.80\"], html = \"log in\" }\n";
    let gateway = format!("{portal}[[gateway]]\nname = \"abroad\"");
    let text = BASE.replacen("[[gateway]]\nname = \"abroad\"", &gateway, 1) + PLAIN_SITE;
    let scenario = Scenario::parse("portal", &text).unwrap();
    let run = scenario.run(None, |running| async move {
        let world = World(running);
        assert!(world.ask("home", "www.example", "/").await.ends_with("log in"));
        assert!(world.ask("home", "any.name", "/").await.ends_with("log in"));
        let home = world.client("home");
        // Whoever knows the address gets the page too, and nothing over TLS.
        let direct = home.http("192.0.2.80").await;
        assert_eq!(direct, Ok((200, "log in".to_owned())));
        let tls = SocketAddr::new([192, 0, 2, 80].into(), 443);
        assert!(home.connect(tls).await.is_err_and(|it| it.contains("refused")));
        assert!(world.ask("away", "www.example", "/").await.ends_with("true page"));
    });
    run.unwrap();
}

#[test]
fn a_proxy_passes_http_and_tls_on() {
    let proxy = r#"
[[proxy]]
name = "isp-proxy"
addresses = ["10.0.0.90"]
gateway = "isp"
resolvers = ["192.0.2.53"]
[[record]]
name = "www.example"
resolvers = "isp"
answer = ["10.0.0.90"]
source = "invented"
"#;
    world(&format!("{PLAIN_SITE}{proxy}"), |world| async move {
        let home = world.client("home");
        let lookup = home.net.lookup("www.example").await.unwrap();
        assert_eq!(lookup.addresses, ips(&["10.0.0.90"]));
        assert!(world.ask("home", "www.example", "/").await.ends_with("true page"));
        assert_eq!(home.https("www.example").await, Ok((200, "true page".to_owned())));
        let address = ips(&["10.0.0.90"])[0];
        assert!(home.https_from("no.example", address, "h2").await.is_err());
    });
}

#[test]
fn a_machine_in_the_middle_forges_and_passes_on() {
    for (certificate, blocked) in [
        ("self-signed", Err("tls: invalid peer certificate: UnknownIssuer".to_owned())),
        ("unknown-authority", Err("tls: invalid peer certificate: UnknownIssuer".to_owned())),
        // Nobody notices: it speaks with the true server in the client's place.
        ("good", Ok((200, "true page".to_owned()))),
    ] {
        let more = format!(
            r#"
[[site]]
names = ["other.example"]
addresses = ["192.0.2.81", "2001:db8:2::81"]
html = "other page"
[[middlebox]]
gateway = "isp"
placement = "in-path"
source = "invented"
[middlebox.mitm]
names = ["www.example"]
certificate = "{certificate}"
interceptor = ["203.0.113.9"]
"#
        );
        world(&format!("{PLAIN_SITE}{more}"), |world| async move {
            let home = world.client("home");
            assert_eq!(home.https("www.example").await, blocked, "{certificate}");
            // A name that it has no interest in is diverted, and passes untouched.
            assert_eq!(home.https("other.example").await, Ok((200, "other page".to_owned())));
            assert_eq!(home.http("www.example").await, Ok((200, "true page".to_owned())));
            let six = ips(&["2001:db8:2::80"])[0];
            assert!(home.https_from("www.example", six, "http/1.1").await.is_ok(), "IPv4 only");
            let away = world.client("away");
            assert_eq!(away.https("www.example").await, Ok((200, "true page".to_owned())));
        });
    }
}

#[test]
fn a_text_in_a_packet_decides() {
    for (action, outcome) in [
        ("action = \"reset\"", Err("http: connection reset".to_owned())),
        ("action = \"drop\"", Err("http: timed out".to_owned())),
        ("action = \"close\"", Err("http: connection closed before message completed".to_owned())),
        ("action = \"blockpage\"\nhtml = \"no\"", Ok((403, "no".to_owned()))),
    ] {
        let more = format!(
            r#"
[[site]]
names = ["other.example"]
addresses = ["192.0.2.81"]
html = "other page"
[[middlebox]]
gateway = "isp"
placement = "in-path"
source = "netem"
[middlebox.payload]
text = "www.example"
addresses = ["192.0.2.80"]
ports = [80]
{action}
"#
        );
        world(&format!("{PLAIN_SITE}{more}"), |world| async move {
            let home = world.client("home");
            assert_eq!(home.http("www.example").await, outcome, "{action}");
            assert_eq!(home.https("www.example").await, Ok((200, "true page".to_owned())));
            assert!(home.http("other.example").await.is_ok());
            // The text, said to another server, is nothing to it.
            let elsewhere = home.https_from("other.example", ips(&["192.0.2.81"])[0], "h2").await;
            assert!(elsewhere.is_ok());
        });
    }
}

#[test]
fn http3_and_its_block() {
    let more = r#"
[[site]]
names = ["www.example", "other.example"]
addresses = ["192.0.2.80"]
html = "true page"
h3 = true
[[middlebox]]
gateway = "isp"
placement = "in-path"
source = "invented"
quic_sni = { names = ["www.example"], versions = ["v1"] }
"#;
    world(more, |world| async move {
        let answer = world.ask("home", "www.example", "/").await;
        assert!(answer.contains("alt-svc: h3=\":443\"\r\n"), "{answer}");
        let remote = SocketAddr::new([192, 0, 2, 80].into(), 443);
        let (home, away) = (world.client("home"), world.client("away"));
        let page = Ok("true page".to_owned());
        // The helper checks a certificate for the lab's name, by that name.
        assert_eq!(body(fetch(&home, "other.example", remote).await), page);
        assert_eq!(body(fetch(&away, "www.example", remote).await), page);
        assert_eq!(fetch(&home, "www.example", remote).await, Err(None), "silence");
        assert!(home.https("www.example").await.is_ok(), "TCP is untouched");
    });
}

#[test]
fn encrypted_resolvers_of_a_scenario() {
    let resolver = r#"
[[resolver]]
name = "encrypted-dns"
addresses = ["192.0.2.54"]
names = ["dns.example"]
udp = false
dot = true
doh = true
"#;
    world(resolver, |world| async move {
        let home = world.client("home");
        // A path without an answer: there is a server with the right certificate.
        assert_eq!(home.https("dns.example").await, Ok((404, String::new())));
        assert!(home.connect(SocketAddr::new([192, 0, 2, 54].into(), 853)).await.is_ok());
        assert!(home.connect(SocketAddr::new([192, 0, 2, 54].into(), 53)).await.is_err());
    });
}
