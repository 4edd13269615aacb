//! QUIC and HTTP/3: whole fetches, their harmless failures, and blocking by the name in the Initial.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use tokio::time::timeout;
use wirewitness_lab::frame::Frame;
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::quic_sni::{Dropped, QuicShape, QuicSni};
use wirewitness_lab::middlebox::watch::Reassembly;
use wirewitness_lab::middlebox::{Direction, Fate, Hop};
use wirewitness_lab::server::authority::{Authority, CertificateKind};
use wirewitness_lab::server::h3::serve_h3;
use wirewitness_lab::server::web::{Certificates, Reply, time_provider};
use wirewitness_lab::{HostId, LinkSpec};
use wirewitness_lab::{Middlebox, Placement};
use wirewitness_net::quic::{AnySource, client_config, client_endpoint, server_endpoint};
use wirewitness_net::{Clock, Datagrams, Failure, Net};
use wirewitness_probe::quic::{Connection, Dial, QuicFailure, Request, Response, get, handshake};
use wirewitness_wire::app::quic::{ClientFlight, Version, packets};

use crate::world::{BIG, BIG_LEN, BLOCKED, Client, FINE, GONE, PATIENCE, SITE, SITE6, World, at};

/// A page over HTTP/3, or the step and what happened in it; none of that within [`PATIENCE`].
pub(crate) type Fetched = Result<Response, Option<QuicFailure>>;

pub(crate) fn serve(client: &Client, site: HostId, kind: CertificateKind) {
    let names: Vec<String> = [BLOCKED, FINE, BIG].map(str::to_owned).into();
    let certificate = Authority::new().unwrap().certify(&names, kind).unwrap();
    let mut certificates = Certificates::default();
    certificates.add(&names, &certificate);
    let handler =
        Arc::new(|asked: &wirewitness_lab::server::web::Asked| match asked.host.as_str() {
            BIG => Reply::page(vec![b'x'; BIG_LEN]),
            host => Reply::page(format!("<title>{host}</title>")),
        });
    serve_h3(&client.lab.net(site), 443, certificates, handler).unwrap();
}

pub(crate) fn tls(client: &Client, alpn: &str) -> Arc<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_details(provider, time_provider(&client.net))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(Authority::new().unwrap().roots().unwrap())
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(config)
}

pub(crate) async fn open(
    client: &Client,
    name: &str,
    remote: SocketAddr,
    alpn: &str,
) -> Result<Connection, Option<QuicFailure>> {
    let dial = Dial { remote, server_name: name, tls: tls(client, alpn), seed: [7; 32] };
    match timeout(PATIENCE, handshake(&client.net, &dial)).await {
        Err(_) => Err(None),
        Ok(opened) => opened.map_err(Some),
    }
}

fn request(name: &str) -> Request {
    Request {
        authority: name.to_owned(),
        path: "/".to_owned(),
        headers: vec![("accept".to_owned(), "text/html".to_owned())],
        max_body_bytes: 1 << 20,
        max_head_bytes: 16 * 1024,
    }
}

pub(crate) async fn fetch(client: &Client, name: &str, remote: SocketAddr) -> Fetched {
    let mut connection = open(client, name, remote, "h3").await?;
    match timeout(PATIENCE, get(&mut connection, &request(name))).await {
        Err(_) => Err(None),
        Ok(answered) => answered.map_err(Some),
    }
}

pub(crate) fn body(fetched: Fetched) -> Result<String, Option<QuicFailure>> {
    fetched.map(|response| {
        assert_eq!(response.status, 200);
        String::from_utf8(response.body).unwrap()
    })
}

#[test]
fn http3_gives_the_page_over_both_families() {
    let world = World::new(1);
    let site = world.site;
    world.run(|client| async move {
        serve(&client, site, CertificateKind::Good);
        for address in [SITE, SITE6] {
            let page = body(fetch(&client, FINE, at(address, 443)).await);
            assert_eq!(page, Ok("<title>fine.example</title>".to_owned()));
        }
    });
}

#[test]
fn two_requests_share_a_connection_and_the_certificate_is_there() {
    let world = World::new(1);
    let site = world.site;
    world.run(|client| async move {
        serve(&client, site, CertificateKind::Good);
        let mut connection = open(&client, FINE, at(SITE, 443), "h3").await.unwrap();
        assert_eq!(connection.protocol().as_deref(), Some(&b"h3"[..]));
        assert_eq!(connection.peer_certificates().len(), 1);
        for name in [FINE, BLOCKED] {
            let response = get(&mut connection, &request(name)).await.unwrap();
            assert_eq!(response.body, format!("<title>{name}</title>").as_bytes());
            assert!(response.headers.contains(&("content-type".to_owned(), b"text/html".to_vec())));
        }
        let short = Request { max_body_bytes: 1000, ..request(BIG) };
        let response = get(&mut connection, &short).await.unwrap();
        assert_eq!((response.body.len(), response.body_is_truncated), (1000, true));
        let whole = get(&mut connection, &request(BIG)).await.unwrap();
        assert_eq!((whole.body.len(), whole.body_is_truncated), (BIG_LEN, false));
    });
}

/// A server that says a head of a gibibyte follows, and sends it.
async fn flood(endpoint: quinn::Endpoint) -> Option<()> {
    let connection = endpoint.accept().await?.await.ok()?;
    let mut control = connection.open_uni().await.ok()?;
    control.write_all(&[0, 4, 0]).await.ok()?;
    let (mut answer, _question) = connection.accept_bi().await.ok()?;
    answer.write_all(&[1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await.ok()?;
    loop {
        answer.write_all(&[0; 1000]).await.ok()?;
    }
}

#[test]
fn an_endless_head_is_given_up() {
    let world = World::new(1);
    let site = world.site;
    world.run(|client| async move {
        tokio::spawn(flood(endpoint(&client, site)));
        let mut connection = open(&client, FINE, at(SITE, 443), "h3").await.unwrap();
        let small = Request { max_body_bytes: 0, ..request(FINE) };
        let got = timeout(PATIENCE, get(&mut connection, &small)).await;
        assert_eq!(got, Ok(Err(QuicFailure::TooLarge)));
        assert!(connection.received_bytes() < 1 << 20);
    });
}

#[test]
fn bad_certificates_fail_as_what_they_are() {
    for (kind, error) in [
        (CertificateKind::Expired, CertificateError::Expired),
        (CertificateKind::WrongName, CertificateError::NotValidForName),
        (CertificateKind::UnknownAuthority, CertificateError::UnknownIssuer),
        (CertificateKind::SelfSigned, CertificateError::UnknownIssuer),
    ] {
        let world = World::new(1);
        let site = world.site;
        let fetched = world.run(|client| async move {
            serve(&client, site, kind);
            fetch(&client, FINE, at(SITE, 443)).await
        });
        let error = QuicFailure::Tls(rustls::Error::InvalidCertificate(error));
        assert_eq!(fetched, Err(Some(error)), "{kind:?}");
    }
}

#[test]
fn what_is_not_there_fails_as_what_it_is() {
    let world = World::new(1);
    let site = world.site;
    world.run(|client| async move {
        serve(&client, site, CertificateKind::Good);
        // Nobody listens: ICMP says so.
        let refused = fetch(&client, FINE, at(SITE, 444)).await;
        assert_eq!(refused, Err(Some(QuicFailure::Network(Failure::Refused))));
        let nowhere = fetch(&client, FINE, at("203.0.113.1", 443)).await;
        assert_eq!(nowhere, Err(Some(QuicFailure::Network(Failure::NetworkUnreachable))));
        assert_eq!(fetch(&client, FINE, at(GONE, 443)).await, Err(None));
        // No common protocol: the server says so in an alert.
        let odd = open(&client, FINE, at(SITE, 443), "odd").await.err();
        let alert = rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol);
        assert_eq!(odd, Some(Some(QuicFailure::Tls(alert))));
        let unusable = open(&client, "no name", at(SITE, 443), "h3").await.err();
        assert!(matches!(unusable, Some(Some(QuicFailure::Unusable(_)))));
    });
}

fn records(seed: u64, access: LinkSpec) -> Vec<String> {
    let world = World::with_access(seed, access);
    let (access, site) = (world.access, world.site);
    world.run(|client| async move {
        serve(&client, site, CertificateKind::Good);
        client.lab.tap(access);
        let remote = at(SITE, 443);
        let (a, b) = tokio::join!(fetch(&client, BIG, remote), fetch(&client, FINE, remote));
        assert_eq!(a.map(|page| page.body.len()), Ok(BIG_LEN));
        assert_eq!(b.map(|page| page.status), Ok(200));
        // Until all is closed.
        client.net.sleep(Duration::from_secs(5)).await;
        client.lab.records(access).iter().map(ToString::to_string).collect()
    })
}

#[test]
fn two_runs_of_a_seed_send_the_same_packets() {
    let lossy = LinkSpec { loss_per_million: 20_000, ..LinkSpec::default() };
    for access in [LinkSpec::default(), lossy] {
        let first = records(3, access);
        assert!(first.len() > 100);
        for _ in 0..3 {
            assert_eq!(first, records(3, access));
        }
    }
    assert_ne!(records(3, lossy), records(4, lossy));
}

fn quic_sni(shape: QuicShape) -> QuicSni {
    QuicSni::new(Names::new([BLOCKED]), shape)
}

/// What becomes of the blocked name and of the other one.
fn both(world: World) -> [Result<String, Option<QuicFailure>>; 2] {
    let site = world.site;
    world.run(|client| async move {
        serve(&client, site, CertificateKind::Good);
        let blocked = body(fetch(&client, BLOCKED, at(SITE, 443)).await);
        [blocked, body(fetch(&client, FINE, at(SITE, 443)).await)]
    })
}

fn page(name: &str) -> Result<String, Option<QuicFailure>> {
    Ok(format!("<title>{name}</title>"))
}

#[test]
fn quic_by_name() {
    for drops in [Dropped::BothWays, Dropped::ClientAfterTrigger] {
        for reassembly in [Reassembly::Stream, Reassembly::Segment] {
            let shape = QuicShape { drops, reassembly, ..QuicShape::default() };
            let seen = both(World::new(1).with(Placement::InPath, quic_sni(shape)));
            assert_eq!(seen, [Err(None), page(FINE)], "{drops:?} {reassembly:?}");
        }
    }
    // Beside the path nothing can be held back, and nothing is injected.
    let seen = both(World::new(1).with(Placement::OnPath, quic_sni(QuicShape::default())));
    assert_eq!(seen, [page(BLOCKED), page(FINE)]);
}

#[test]
fn without_a_censor_and_with_a_plain_outage_both_names_fare_alike() {
    assert_eq!(both(World::new(1)), [page(BLOCKED), page(FINE)]);
    for (names, shape) in [
        (Names::default(), QuicShape::default()),
        (Names::new([BLOCKED]), QuicShape { ports: vec![8443], ..QuicShape::default() }),
        (Names::new([BLOCKED]), QuicShape { versions: vec![Version::V2], ..QuicShape::default() }),
    ] {
        let world = World::new(1).with(Placement::InPath, QuicSni::new(names, shape));
        assert_eq!(both(world), [page(BLOCKED), page(FINE)]);
    }
    World::new(1).site_down().run(|client| async move {
        for name in [BLOCKED, FINE] {
            assert_eq!(fetch(&client, name, at(SITE, 443)).await, Err(None));
        }
    });
}

/// Only the ports of the caught flow are blocked, and not for ever.
#[test]
fn a_caught_flow_is_held_and_let_go() {
    let shape = QuicShape { hold: Duration::from_secs(30), ..QuicShape::default() };
    let world = World::new(1).with(Placement::InPath, quic_sni(shape));
    let site = world.site;
    world.run(|client| async move {
        serve(&client, site, CertificateKind::Good);
        let port = client.net.bind_udp(at(SITE, 443)).await.unwrap();
        let seed = [1; 32];
        let (endpoint, _) = client_endpoint(port, seed).unwrap();
        let config = client_config(tls(&client, "h3"), seed).unwrap();
        let open = async |name: &str| {
            let connecting = endpoint.connect_with(config.clone(), at(SITE, 443), name).unwrap();
            matches!(timeout(PATIENCE, connecting).await, Ok(Ok(_)))
        };
        assert!(open(FINE).await);
        assert!(!open(BLOCKED).await);
        assert!(!open(FINE).await, "the same ports");
        assert!(fetch(&client, FINE, at(SITE, 443)).await.is_ok(), "other ports");
        client.net.sleep(Duration::from_secs(30)).await;
        assert!(open(FINE).await);
    });
}

/// The bytes of real quinn open, over one datagram and, with a long list of protocols, over two.
#[test]
fn the_hello_of_quinn_is_read_from_its_datagrams() {
    for (protocols, datagrams) in [(1, 1), (100, 2)] {
        let world = World::new(1);
        let site = world.site;
        world.run(|client| async move {
            let mut config = (*tls(&client, "h3")).clone();
            config.alpn_protocols.extend((1..protocols).map(|it| format!("protocol-{it}").into()));
            let dial = Dial {
                remote: at(SITE, 443),
                server_name: FINE,
                tls: Arc::new(config),
                seed: [2; 32],
            };
            let port = client.lab.net(site).bind(443).unwrap();
            let opening = timeout(Duration::from_secs(1), handshake(&client.net, &dial));
            let listening = async {
                let (mut flight, mut count) = (ClientFlight::default(), 0);
                while flight.client_hello().is_err() {
                    let (payload, ..) = port.receive().await.unwrap();
                    assert!(flight.take_in(&payload));
                    count += 1;
                }
                let hello = flight.client_hello().unwrap();
                assert_eq!(hello.server_name(), Some(FINE.as_bytes()));
                assert_eq!(hello.alpn().count(), protocols);
                assert_eq!(count, datagrams);
            };
            let (opened, ()) = tokio::join!(opening, listening);
            assert!(opened.is_err());
        });
    }
}

/// A hello over two datagrams hides from a device that reads them one by one.
#[test]
fn a_long_hello_hides_from_those_who_do_not_reassemble() {
    for (reassembly, seen) in [(Reassembly::Stream, true), (Reassembly::Segment, false)] {
        let shape = QuicShape { reassembly, ..QuicShape::default() };
        let world = World::new(1).with(Placement::InPath, quic_sni(shape));
        let site = world.site;
        world.run(|client| async move {
            serve(&client, site, CertificateKind::Good);
            let mut config = (*tls(&client, "h3")).clone();
            config.alpn_protocols.extend((1..100).map(|it| format!("protocol-{it}").into()));
            let (remote, tls) = (at(SITE, 443), Arc::new(config));
            let dial = Dial { remote, server_name: BLOCKED, tls, seed: [2; 32] };
            let opened = timeout(PATIENCE, handshake(&client.net, &dial)).await;
            assert_eq!(opened.is_err(), seen, "{reassembly:?}");
        });
    }
}

/// A server of quinn's on the site's port 443.
fn endpoint(client: &Client, site: HostId) -> quinn::Endpoint {
    let names = [FINE.to_owned()];
    let key = Authority::new().unwrap().certify(&names, CertificateKind::Good).unwrap();
    let mut certificates = Certificates::default();
    certificates.add(&names, &key);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h3".to_vec()];
    let port = AnySource(client.lab.net(site).bind(443).unwrap());
    server_endpoint(port, Arc::new(config), [9; 32]).unwrap()
}

#[test]
fn a_server_that_refuses_or_closes_says_with_what() {
    let world = World::new(1);
    let site = world.site;
    world.run(|client| async move {
        let server = endpoint(&client, site);
        tokio::spawn(async move {
            server.accept().await.unwrap().refuse();
            let connection = server.accept().await.unwrap().await.unwrap();
            connection.close(0x42_u32.into(), b"enough");
            // The third gives up the request only.
            let connection = server.accept().await.unwrap().await.unwrap();
            let (mut answer, question) = connection.accept_bi().await.unwrap();
            answer.reset(0x10b_u32.into()).unwrap();
            drop(question);
            std::future::pending::<()>().await;
        });
        let remote = at(SITE, 443);
        // RFC 9000 §20.1: CONNECTION_REFUSED.
        let refused = fetch(&client, FINE, remote).await.unwrap_err().unwrap();
        assert_eq!(refused, QuicFailure::Closed { code: 2, reason: String::new() });
        let closed = fetch(&client, FINE, remote).await.unwrap_err().unwrap();
        let (code, reason) = (0x42, "enough".to_owned());
        assert_eq!(closed, QuicFailure::ClosedByApplication { code, reason });
        // RFC 9114 §8.1: H3_REQUEST_REJECTED.
        let given_up = fetch(&client, FINE, remote).await.unwrap_err().unwrap();
        assert_eq!(given_up, QuicFailure::StreamReset { code: 0x10b });
    });
}

/// A server that knows another version only (RFC 9000 §17.2.1).
#[test]
fn no_common_version() {
    let world = World::new(1);
    let site = world.site;
    world.run(|client| async move {
        let port = client.lab.net(site).bind(443).unwrap();
        tokio::spawn(async move {
            let (payload, sender, _) = port.receive().await.unwrap();
            let asked = packets(&payload).next().unwrap().unwrap();
            let mut answer = vec![0x80, 0, 0, 0, 0];
            for id in [asked.source_id, asked.destination_id] {
                answer.push(id.len() as u8);
                answer.extend(id);
            }
            answer.extend(0x1a2a_3a4a_u32.to_be_bytes());
            port.send_to(&answer, sender).unwrap();
            // The port stays bound, so that no ICMP comes.
            std::future::pending::<()>().await;
        });
        let failure = open(&client, FINE, at(SITE, 443), "h3").await.err();
        assert_eq!(failure, Some(Some(QuicFailure::Version)));
    });
}

/// Loses what comes for the client over UDP within a time.
struct Lossy(std::ops::Range<Duration>);

impl Middlebox for Lossy {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let is_udp = frame.packet().is_some_and(|packet| packet.udp().is_some());
        let lost = is_udp && hop.direction() == Direction::Inbound && self.0.contains(&hop.now());
        if lost { Fate::Drop } else { Fate::Forward }
    }
}

/// A server that was started anew, with the same keys, knows nothing of the connection (RFC 9000 §10.3).
#[test]
fn a_server_that_forgot_resets() {
    let (closing, anew) = (Duration::from_secs(2), Duration::from_secs(12));
    let world = World::new(1).with(Placement::InPath, Lossy(closing..anew));
    let site = world.site;
    world.run(|client| async move {
        let server = endpoint(&client, site);
        let connecting = open(&client, FINE, at(SITE, 443), "h3");
        let (connected, accepted) =
            tokio::join!(connecting, async { server.accept().await.unwrap().await });
        let (mut connection, accepted) = (connected.unwrap(), accepted.unwrap());
        client.net.sleep(closing).await;
        drop((server, accepted));
        client.net.sleep(anew - closing).await;
        let _anew = endpoint(&client, site);
        let got = timeout(PATIENCE, get(&mut connection, &request(FINE))).await;
        assert_eq!(got, Ok(Err(QuicFailure::Reset)));
    });
}
