//! How long a measurement may take, in virtual time.

use wirewitness_lab::Scenario;
use wirewitness_probe::{FollowUp, Helpers, Session, Vantage, web};

#[test]
fn redirects_that_each_take_nine_seconds_are_not_followed_to_the_end() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let text = std::fs::read_to_string(folder.join("open.toml")).unwrap();
    let site = "[[site]]\nnames = [\"slow-loop.example\"]\naddresses = [\"192.88.99.201\"]\n\
                redirect = \"https://slow-loop.example/\"\ndelay_ms = 9_000\n";
    let scenario = Scenario::parse("open.toml", &format!("{text}\n{site}")).unwrap();
    let run = scenario.run(None, |running| async move {
        let net = running.client("home").unwrap();
        let (roots, whom) = (running.roots(), Helpers::default());
        let session = Session::new(net, roots, Vantage::default(), whom).unwrap();
        let session = session.with_follow_up(FollowUp::Never);
        web::measure(&session, "https://slow-loop.example/").await.unwrap()
    });
    let measured = run.unwrap();
    let last = &measured["test_keys"]["requests"][0];
    let failure = "unknown_failure: stopped after redirects that took too long";
    assert_eq!(last["failure"], failure);
    assert_eq!(last["response"]["code"], 302);
    // Nine seconds each: the ninth page comes after 81 s.
    assert_eq!(measured["test_keys"]["requests"].as_array().unwrap().len(), 9);
    assert!(measured["test_runtime"].as_f64().unwrap() < 90.0);
}
