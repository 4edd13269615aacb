//! The same helper on a host of the lab: what the person's line loses, it still sees.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::{Running, Scenario};
use wirewitness_net::Listen;
use wirewitness_probe::helper::{Access, Helper, Limits, Standing, serve};
use wirewitness_probe::{Helpers, Session, TestHelper, Trust, Vantage, web};

use crate::helper_world::Everything;

async fn measure(running: Running, url: &str) -> Value {
    let host = running.helpers().first().unwrap().clone();
    let trust = Trust::new(running.roots(), &host.net).unwrap();
    // The lab's addresses are those of documentation, which the rule refuses everywhere else.
    let standing = Standing {
        trust,
        rule: Arc::new(Everything),
        asns: Arc::new(|address: IpAddr| address.is_ipv4().then_some(64_500)),
    };
    let helper = Helper::new(host.net.clone(), standing, Access::Public, Limits::default());
    let everywhere = (IpAddr::from([0, 0, 0, 0]), 443).into();
    let listener = Listen::listen(&host.net, everywhere).await.unwrap();
    let tls = TlsAcceptor::from(host.tls.clone());
    tokio::spawn(serve::<HostNet>(listener, Some(tls), Arc::new(helper)));

    let name = &host.names[0];
    let test_helper = TestHelper { url: format!("https://{name}/").parse().unwrap(), token: None };
    let helpers = Helpers {
        test_helpers: vec![test_helper],
        known: [(name.clone(), host.addresses.clone())].into(),
        ..Helpers::default()
    };
    let client = running.client("fixed").unwrap();
    let session = Session::new(client, running.roots(), Vantage::default(), helpers).unwrap();
    web::measure(&session, url).await.unwrap()
}

#[test]
fn a_reset_on_the_name_is_seen_by_the_line_and_not_by_the_helper() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let file = "pakistan-2025.toml";
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let scenario = Scenario::parse(file, &text).unwrap();
    let url = "https://opposition.example/";
    let run = scenario.run(None, |running| async move { measure(running, url).await });
    let keys = run.unwrap()["test_keys"].take();

    assert_eq!(keys["tls_handshakes"][0]["failure"], "connection_reset");
    let control = &keys["control"];
    assert_eq!(keys["control_failure"], json!(null), "{control}");
    assert_eq!(control["http_request"]["status_code"], 200, "{control}");
    assert_eq!(control["dns"]["failure"], json!(null));
    let handshakes = control["tls_handshake"].as_object().unwrap();
    assert!(!handshakes.is_empty());
    for (endpoint, handshake) in handshakes {
        assert_eq!(handshake["status"], true, "{endpoint}: {control}");
    }
    // Found by both, documentation's address, and with the certificate of the name.
    let flags = |it: &Value| it["flags"].as_u64().unwrap();
    assert!(control["ip_info"].as_object().unwrap().values().any(|it| flags(it) == 15));
}
