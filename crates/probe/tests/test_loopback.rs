//! The prober over the kernel's sockets, against real servers on this machine, and what the judge says of it.

use std::net::IpAddr;

use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;
use wirewitness_probe::{FollowUp, web};

use crate::quarter::{Quarter, ToAddress, generous, verdict};
use crate::servers::{self, page, params, redirect, tls};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_over_every_http() {
    let quarter = Quarter::new(generous()).await;
    let h1: &[&str] = &["http/1.1"];
    quarter.https("one.test", "45.77.1.1", (h1, page("One", &[]))).await;
    quarter.https("two.test", "45.77.1.2", (&["h2", "http/1.1"], page("Two", &[]))).await;
    let clear = servers::web(None, page("Clear", &[])).await;
    quarter.site("clear.test", "45.77.1.3", &[(80, clear)]);
    quarter.https("to.test", "45.77.1.4", (h1, page("There", &[]))).await;
    let from = servers::web(None, redirect("https://to.test/x")).await;
    quarter.site("from.test", "45.77.1.5", &[(80, from)]);
    quarter.https("long.test", "45.77.1.6", (h1, page("Long", &[]))).await;
    quarter.https("www.long.test", "45.77.1.7", (h1, page("Long", &[]))).await;
    let many = (1..=40).map(|last| IpAddr::from([45, 77, 9, last])).collect();
    quarter.names.write().unwrap().insert("long.many.test".to_owned(), many);

    for (url, alpn) in [
        ("https://one.test/", json!("http/1.1")),
        ("https://two.test/", json!("h2")),
        ("http://clear.test/", Value::Null),
        ("http://from.test/", json!("http/1.1")),
        ("https://www.long.test/", json!("http/1.1")),
    ] {
        let measurement = quarter.measure(url).await;
        let keys = &measurement["test_keys"];
        let last = &keys["requests"][0];
        assert_eq!(last["failure"], Value::Null, "{url}: {last}");
        assert_eq!((&last["response"]["code"], &last["alpn"]), (&json!(200), &alpn), "{url}");
        assert!(last["response"]["body"].as_str().unwrap().contains("Nothing of note"), "{url}");
        assert_eq!(keys["control_failure"], Value::Null, "{url}");
        assert_eq!(keys["control"]["http_request"]["status_code"], 200, "{url}");
        assert_eq!(verdict(&measurement), "ok -", "{url}: {measurement}");
        let engines = keys["queries"].as_array().unwrap();
        for engine in ["getaddrinfo", "udp", "doh"] {
            let mut of_it = engines.iter().filter(|it| it["engine"] == engine);
            assert!(of_it.any(|it| it["failure"].is_null()), "{url}: {engine}");
        }
    }
    let measurement = quarter.measure("http://from.test/").await;
    let requests = measurement["test_keys"]["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["request"]["url"], "https://to.test/x");
    // An answer that does not fit its datagram is fetched over TCP.
    let measurement = quarter.measure("https://long.many.test/").await;
    let queries = measurement["test_keys"]["queries"].as_array().unwrap();
    let whole = queries.iter().find(|it| it["engine"] == "udp" && it["query_type"] == "A");
    assert_eq!(whole.unwrap()["answers"].as_array().unwrap().len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http3_is_fetched_where_it_is_offered() {
    let quarter = Quarter::new(generous()).await;
    for (name, address, port) in
        [("three.test", "45.77.2.1", 443), ("odd.test", "45.77.2.2", 8_443)]
    {
        let offer = ("alt-svc", format!("h3-29=\":9\", h3=\":{port}\"; ma=86400"));
        quarter.https(name, address, (&["h2"], page("Three", &[offer]))).await;
        let quic = quarter.authority.tls(&[name], &["h3"]);
        let real = servers::h3(quic, page("Three", &[])).await;
        quarter.town.udp((address, port).to_address(), real);

        let measurement = quarter.measure(&format!("https://{name}/")).await;
        let keys = &measurement["test_keys"];
        let shaken = &keys["quic_handshakes"][0];
        assert_eq!(shaken["failure"], Value::Null, "{name}: {shaken}");
        assert_eq!(shaken["address"], json!(format!("{address}:{port}")));
        assert_eq!(shaken["peer_certificates"].as_array().unwrap().len(), 1);
        let page = &keys["x_h3_requests"][0];
        assert_eq!((&page["failure"], &page["response"]["code"]), (&Value::Null, &json!(200)));
        assert!(page["response"]["body"].as_str().unwrap().contains("Nothing of note"));
        assert_eq!(verdict(&measurement), "ok -", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_everybody_is_down() {
    let limits = wirewitness_probe::helper::Limits {
        // A silent server need not be waited for twice as long as the probe waits.
        step: std::time::Duration::from_secs(5),
        ..generous()
    };
    let quarter = Quarter::new(limits).await;
    quarter.site("closed.test", "45.77.3.1", &[]);
    let reset = servers::raw(|mut stream| async move {
        stream.set_zero_linger().unwrap();
        stream.read_u8().await
    });
    let reset = reset.await;
    quarter.site("reset.test", "45.77.3.2", &[(443, reset)]);
    // All of the `ClientHello` is read: what is unread when a socket closes resets it.
    let close = servers::raw(|mut stream| async move { stream.read(&mut [0; 8192]).await }).await;
    quarter.site("close.test", "45.77.3.3", &[(443, close)]);
    let silent = servers::raw(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    });
    quarter.site("silent.test", "45.77.3.4", &[(443, silent.await)]);

    let cases = [
        ("https://closed.test/", "tcp_connect", "connection_refused"),
        ("https://reset.test/", "tls_handshakes", "connection_reset"),
        ("https://close.test/", "tls_handshakes", "eof_error"),
        ("https://silent.test/", "tls_handshakes", "generic_timeout_error"),
    ];
    let measured = cases.iter().map(|(url, ..)| Box::pin(quarter.measure(url)));
    let measured = futures_util::future::join_all(measured).await;
    for ((url, key, failure), measurement) in cases.into_iter().zip(&measured) {
        let step = &measurement["test_keys"][key][0];
        let word = step.get("failure").unwrap_or(&step["status"]["failure"]);
        assert_eq!(word, failure, "{url}: {step}");
        assert_eq!(measurement["test_keys"]["requests"], json!([]), "{url}");
        assert!(verdict(measurement).starts_with("down "), "{url}: {}", verdict(measurement));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_certificate_is_kept_with_its_chain() {
    let quarter = Quarter::new(generous()).await;
    let key = KeyPair::generate().unwrap();
    let own = params(&["self.test"]).self_signed(&key).unwrap();
    let alpn = &["h2", "http/1.1"];
    let mut expired = params(&["expired.test"]);
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    expired.not_before = rcgen::date_time_ymd(2019, 1, 1);
    let cases = [
        ("self.test", tls(vec![own.der().clone()], &key, alpn), "ssl_unknown_authority"),
        ("expired.test", quarter.authority.tls_of(&expired, alpn), "ssl_invalid_certificate"),
        ("other.test", quarter.authority.tls(&["else.test"], alpn), "ssl_invalid_hostname"),
    ];
    for (number, (name, config, failure)) in cases.into_iter().enumerate() {
        let server = servers::web(Some(config), page("Never", &[])).await;
        quarter.site(name, &format!("45.77.4.{}", number + 1), &[(443, server)]);
        let measurement = quarter.measure(&format!("https://{name}/")).await;
        let shaken = &measurement["test_keys"]["tls_handshakes"][0];
        assert_eq!(shaken["failure"], failure, "{name}");
        assert_eq!(shaken["peer_certificates"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(measurement["test_keys"]["requests"], json!([]), "{name}");
        assert_eq!(verdict(&measurement), "down server.bad_certificate", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_this_line_meets_is_blocked() {
    let quarter = Quarter::new(generous()).await;
    let h1: &[&str] = &["http/1.1"];
    quarter.https("hidden.test", "45.77.5.1", (h1, page("Hidden", &[]))).await;
    quarter.told.write().unwrap().remove("hidden.test");
    quarter.https("named.test", "45.77.5.2", (h1, page("Named", &[]))).await;

    // On this line, whatever stands at the address resets who asks for the name, and serves who asks for another.
    let config = quarter.authority.tls(&["named.test"], h1);
    let jealous = servers::raw(move |stream| {
        let config = config.clone();
        async move {
            stream.set_zero_linger().ok()?;
            let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.ok()?;
            if start.client_hello().server_name() == Some("named.test") {
                return None;
            }
            let stream = start.into_stream(config).await.ok()?;
            servers::converse(stream, servers::Protocol::Http1, page("Named", &[])).await;
            Some(())
        }
    });
    let own = [(("45.77.5.2", 443).to_address(), jealous.await)];
    quarter.names.write().unwrap().insert("www.example.org".to_owned(), Vec::new());
    quarter
        .told
        .write()
        .unwrap()
        .insert("www.example.org".to_owned(), vec![IpAddr::from([45, 77, 5, 9])]);
    let session = quarter.session(&own, FollowUp::Failures);
    println!(
        "SIZE {} {}",
        std::mem::size_of_val(&web::measure(&session, "x")),
        std::mem::size_of_val(&quarter.measure("x"))
    );
    let (hidden, named) = tokio::join!(
        web::measure(&session, "https://hidden.test/"),
        web::measure(&session, "https://named.test/"),
    );
    let (hidden, named) = (hidden.unwrap(), named.unwrap());
    assert_eq!(hidden["test_keys"]["queries"][0]["failure"], "dns_nxdomain_error");
    assert_eq!(verdict(&hidden), "blocked dns.nxdomain");
    assert_eq!(named["test_keys"]["control_failure"], Value::Null);
    let follow_ups = named["test_keys"]["x_follow_ups"].as_array().unwrap();
    let of_name = |changed: &str| {
        let of_it = follow_ups.iter().filter(|it| it["changed"] == changed);
        of_it.map(|it| it["failure"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of_name("name"), vec![json!("ssl_invalid_hostname"); 3], "{follow_ups:?}");
    assert_eq!(verdict(&named), "blocked tls.reset.sni", "{named}");
}
