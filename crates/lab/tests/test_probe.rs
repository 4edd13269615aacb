//! The prober inside the lab.

use std::sync::Arc;

use serde_json::Value;
use wirewitness_lab::middlebox::forge::ResetShape;
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::middlebox::tls_sni::{SniAction, TlsSni};
use wirewitness_lab::middlebox::watch::Reassembly;
use wirewitness_lab::server::authority::{Authority, CertificateKind};
use wirewitness_lab::server::dns::{Entry, Zone};
use wirewitness_lab::server::doh::serve_doh;
use wirewitness_lab::server::web::Certificates;
use wirewitness_lab::{Placement, Scenario};
use wirewitness_probe::{FollowUp, Helpers, Session, Vantage, web};
use wirewitness_wire::app::dns::{Service, parameter};

use crate::world::{BLOCKED, FINE, RESOLVER, SITE, World, ips};

fn measure(url: &str) -> Value {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let text = std::fs::read_to_string(folder.join("open.toml")).unwrap();
    let scenario = Scenario::parse("open.toml", &text).unwrap();
    let run = scenario.run(None, |running| async move {
        let roots = Arc::new(Authority::new().unwrap().roots().unwrap());
        let resolvers = vec!["192.0.2.53:53".parse().unwrap()];
        let helpers = Helpers { resolvers, ..Helpers::default() };
        let net = running.client("home").unwrap();
        let session = Session::new(net, roots, Vantage::default(), helpers).unwrap();
        web::measure(&session, url).await.unwrap()
    });
    run.unwrap()
}

#[test]
fn every_step_of_a_page_is_written_down() {
    let measurement = measure("http://www.example.com/");
    let keys = &measurement["test_keys"];
    let request = &keys["requests"][0];
    assert_eq!(request["response"]["code"], 200);
    assert_eq!(request["tags"][0], "classic");
    assert!(request["response"]["body"].as_str().unwrap().contains("Example Domain"));
    let count = |key: &str| keys[key].as_array().unwrap().len();
    assert_eq!((count("queries"), count("tcp_connect"), count("tls_handshakes")), (3, 4, 2));
    assert_eq!(keys["control_failure"], "no_test_helper");
}

#[test]
fn failures_are_what_they_are() {
    for (url, key, failure) in [
        ("https://expired.example/", "tls_handshakes", "ssl_invalid_certificate"),
        ("https://wrong-name.example/", "tls_handshakes", "ssl_invalid_hostname"),
        ("https://unknown-authority.example/", "tls_handshakes", "ssl_unknown_authority"),
    ] {
        let measurement = measure(url);
        let handshake = &measurement["test_keys"][key][0];
        assert_eq!(handshake["failure"], failure, "{url}");
        // The chain is kept although it does not verify.
        assert_eq!(handshake["peer_certificates"].as_array().unwrap().len(), 1, "{url}");
    }
    for (url, failure) in [
        ("https://closed.example/", "connection_refused"),
        ("https://down.example/", "generic_timeout_error"),
    ] {
        let connect = &measure(url)["test_keys"]["tcp_connect"][0];
        assert_eq!(connect["status"]["failure"], failure, "{url}");
    }
    let last = &measure("https://loop.example/")["test_keys"]["requests"][0];
    assert_eq!(last["failure"], "unknown_failure: stopped after too many redirects");
    assert_eq!(last["tags"], serde_json::json!(["classic", "depth=10", "fetch_body=true"]));
}

/// An `ECHConfigList` (draft-ietf-tls-esni §4) with one X25519 configuration, whose key is the curve's base point: what is
/// sealed with it nobody opens.
fn ech_configs(public_name: &str) -> Vec<u8> {
    let mut key = vec![9];
    key.resize(32, 0);
    let mut contents = vec![7, 0x00, 0x20, 0, 32];
    contents.extend(key);
    // One suite: HKDF-SHA256 and AES-128-GCM. No limit on names. No extensions.
    contents.extend([0, 4, 0, 1, 0, 1, 0, public_name.len() as u8]);
    contents.extend(public_name.bytes());
    contents.extend([0, 0]);
    let mut config = vec![0xfe, 0x0d, 0, contents.len() as u8];
    config.extend(contents);
    [&[0, config.len() as u8], config.as_slice()].concat()
}

/// The servers of the lab do not know encrypted hellos, as most servers do not: they answer for the outer name. A device that
/// resets the inner name is not set off: the name was not in the clear.
#[test]
fn a_name_is_hidden_where_it_offers_that() {
    let action = SniAction::Reset(ResetShape::default());
    let censor = TlsSni::new(Names::new([BLOCKED]), Reassembly::Stream, action);
    let world = World::new(1).with(Placement::InPath, censor);
    let resolver = world.resolver;
    let measurement = world.run(|client| async move {
        let mut zone = Zone::default();
        zone.set(BLOCKED, Entry::Addresses(ips(&[SITE])));
        let service = Service { priority: 1, ..Service::default() };
        zone.set_service(BLOCKED, service.with(parameter::ECH, ech_configs(FINE)));
        let names = ["dns.example".to_owned()];
        let authority = Authority::new().unwrap();
        let mut certificates = Certificates::default();
        certificates.add(&names, &authority.certify(&names, CertificateKind::Good).unwrap());
        serve_doh(&client.lab.net(resolver), 443, zone, certificates).unwrap();
        let helpers = Helpers {
            doh: vec!["https://dns.example/dns-query".parse().unwrap()],
            known: [(names[0].clone(), ips(&[RESOLVER]))].into(),
            ..Helpers::default()
        };
        let roots = Arc::new(authority.roots().unwrap());
        let session = Session::new(client.net, roots, Vantage::default(), helpers).unwrap();
        let session = session.with_follow_up(FollowUp::Never);
        web::measure(&session, &format!("https://{BLOCKED}/")).await.unwrap()
    });
    let keys = &measurement["test_keys"];
    assert_eq!(keys["tls_handshakes"][0]["failure"], "connection_reset");
    assert_eq!(keys["x_ech"]["config_bytes"], ech_configs(FINE).len());
    let hidden = &keys["x_ech_handshakes"][0];
    assert_eq!(
        (&hidden["failure"], &hidden["echconfig"]),
        (&"ssl_ech_rejected".into(), &"rejected".into())
    );
    assert_eq!(hidden["server_name"], BLOCKED);
}
