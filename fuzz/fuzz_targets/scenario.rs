//! Any text is a scenario or a mistake that is named: no panic. What is a scenario can be started: its servers, its
//! certificates and its pages stay within the bounds of the file, and the words of its truths go together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_lab::Scenario;
use wirewitness_model::verdict::Status;

fuzz_target!(|text: &str| {
    let scenario = match Scenario::parse("fuzz.toml", text) {
        Ok(scenario) => scenario,
        Err(error) => {
            let lines = text.lines().count() + 1;
            assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
            assert!(!error.expected.is_empty(), "{error:?}");
            return;
        }
    };
    assert!(scenario.clients().count() > 0);
    for truth in scenario.truths() {
        assert!(truth.status != Status::Blocked || truth.mechanism.is_some(), "{truth:?}");
        let client = truth.client.as_deref().unwrap_or("*");
        assert_eq!(scenario.truth(client, &truth.url).map(|it| &it.url), Some(&truth.url));
    }
    // A name that no certificate can carry is an error; everything else starts, and ends at once.
    let _ = scenario.run(Some(1), |running| async move { running.lab.packets() });
});
