//! The prober inside the lab.

use std::sync::Arc;

use serde_json::Value;
use wirewitness_lab::Scenario;
use wirewitness_lab::server::authority::Authority;
use wirewitness_probe::{Helpers, Session, Vantage, web};

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
