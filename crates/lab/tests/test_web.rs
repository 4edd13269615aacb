//! Whole fetches without a censor, and their harmless failures.

use std::time::Duration;

use wirewitness_lab::LinkSpec;
use wirewitness_lab::server::authority::CertificateKind;
use wirewitness_net::{LookupFailure, Net};

use crate::world::{BIG, BIG_LEN, BLOCKED, FINE, SITE, SITE6, World, ips};

#[test]
fn https_gives_the_page_over_both_families_and_versions() {
    World::new(1).run(|client| async move {
        let page = Ok((200, "<title>fine.example</title>".to_owned()));
        assert_eq!(client.https(FINE).await, page);
        assert_eq!(client.http(FINE).await, page);
        for address in ips(&[SITE, SITE6]) {
            for alpn in ["http/1.1", "h2"] {
                assert_eq!(client.https_from(FINE, address, alpn).await, page);
            }
        }
    });
}

#[test]
fn a_name_is_looked_up_or_not_there() {
    World::new(1).run(|client| async move {
        let lookup = client.net.lookup(BLOCKED).await.unwrap();
        assert_eq!(lookup.addresses, ips(&[SITE, SITE6]));
        assert_eq!(client.net.lookup("no.example").await, Err(LookupFailure::NxDomain));
        let literal = client.net.lookup("2001:db8::1").await.unwrap();
        assert_eq!(literal.addresses, ips(&["2001:db8::1"]));
    });
}

#[test]
fn bad_certificates_fail_as_what_they_are() {
    for (kind, word) in [
        (CertificateKind::Good, None),
        (CertificateKind::Expired, Some("expired")),
        (CertificateKind::WrongName, Some("not valid for name")),
        (CertificateKind::UnknownAuthority, Some("UnknownIssuer")),
        (CertificateKind::SelfSigned, Some("UnknownIssuer")),
    ] {
        let fetched =
            World::new(1).run_with(kind, |client| async move { client.https(FINE).await });
        match word {
            None => assert_eq!(fetched.unwrap().0, 200),
            Some(word) => {
                let failure = fetched.unwrap_err();
                assert!(failure.contains(word), "{kind:?}: {failure}");
            }
        }
    }
}

#[test]
fn a_lossy_access_link_is_slow_and_works() {
    let lossy = LinkSpec {
        delay: Duration::from_millis(75),
        loss_per_million: 20_000,
        ..LinkSpec::default()
    };
    let works = (0..10).filter(|seed| {
        let fetched =
            World::with_access(*seed, lossy).run(|client| async move { client.https(BIG).await });
        fetched.is_ok_and(|(status, body)| (status, body.len()) == (200, BIG_LEN))
    });
    // A lost question waits five seconds, as everywhere; nothing fails for good.
    assert_eq!(works.count(), 10);
}

#[test]
fn two_runs_of_a_seed_send_the_same_packets() {
    let lossy = LinkSpec { loss_per_million: 20_000, ..LinkSpec::default() };
    let run = |seed| {
        let world = World::with_access(seed, lossy);
        let access = world.access;
        world.run(|client| async move {
            client.lab.tap(access);
            let (a, b) = tokio::join!(client.https(BIG), client.https(FINE));
            assert!(a.is_ok() && b.is_ok());
            let records = client.lab.records(access);
            records.iter().map(ToString::to_string).collect::<Vec<_>>()
        })
    };
    let first = run(3);
    assert!(first.len() > 100);
    assert_eq!(first, run(3));
    assert_ne!(first, run(4));
}
