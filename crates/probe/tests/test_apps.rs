//! Applications whose endpoints mean harm: the measurement ends in time, is bounded, and claims no success.

use std::sync::Arc;
use std::time::Duration;

use wirewitness_net::Clock;
use wirewitness_probe::FollowUp;
use wirewitness_probe::apps::{self, Apps};
use wirewitness_probe::kernel::KernelNet;

use crate::quarter::{Quarter, generous, verdict};
use crate::test_hostile;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_endpoints_leave_an_application_bounded() {
    let quarter = Arc::new(Quarter::new(generous()).await);
    // On threads of their own, as in the test of pages.
    let mut elsewhere = tokio::runtime::Builder::new_multi_thread();
    let elsewhere = elsewhere.worker_threads(2).enable_all().build().unwrap();
    let theirs = Arc::clone(&quarter);
    let cases = elsewhere.spawn(async move { test_hostile::all(&theirs).await }).await.unwrap();
    let hosts: Vec<String> =
        cases.iter().take(HOSTS).map(|case| format!("\"{}\"", case.name)).collect();
    assert_eq!(hosts.len(), HOSTS);
    let text = format!(
        "name = \"hostile\"\ntitle = \"Hostile\"\ncategory = \"COMT\"\n[[function]]\nname = \"all\"\nneeds = \"all\"\n\
         [[endpoint]]\nfunction = \"all\"\nhosts = [{}]\nports = [443]\nask = \"https-get\"\nsource = \"invented\"\n\
         date = \"2026-11-23\"\n",
        hosts.join(", ")
    );
    let mut known = Apps::shipped().unwrap();
    known.add("hostile.toml", &text).unwrap();
    let session = quarter.session(&[], FollowUp::Never);
    let clock = KernelNet::new();
    let began = clock.now().elapsed;
    let measurement = apps::measure(&session, known.find("hostile").unwrap()).await.unwrap();
    let took = clock.now().elapsed - began;
    elsewhere.shutdown_background();
    let written = measurement.to_string().len();
    println!("{took:.1?}, {written} bytes written");
    assert!(took < apps::PATIENCE + apps::ELSEWHERE + Duration::from_secs(5), "{took:?}");
    assert!(written < MOST_WRITTEN, "{written} bytes");
    assert!(!measurement["test_keys"]["tcp_connect"].as_array().unwrap().is_empty());
    // Whatever is written down, it can be judged, and what is only broken is not blocked.
    let said = verdict(&measurement);
    assert!(!said.starts_with("ok"), "{said}");
}

/// Hostile hosts of one application.
const HOSTS: usize = 16;
const MOST_WRITTEN: usize = 4 << 20;
