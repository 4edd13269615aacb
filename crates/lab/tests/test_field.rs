//! Scenarios with truths, measured and judged: every verdict is what is true, which the judge cannot know.

use crate::field::{self, Manner, measure, scenario, verdict};

/// Every client and every target that something is true about for it.
fn targets(scenario: &wirewitness_lab::Scenario) -> Vec<(String, String)> {
    let of = |client: &str| {
        let known =
            scenario.targets().into_iter().filter(|url| scenario.truth(client, url).is_some());
        known.map(|url| (client.to_owned(), url.to_owned())).collect::<Vec<_>>()
    };
    scenario.clients().flat_map(of).collect()
}

#[test]
fn pakistan_is_seen_as_it_is() {
    let scenario = scenario("pakistan-2025", "");
    let targets = targets(&scenario);
    let measurements = measure(&scenario, &targets, Manner::default());
    let mut wrong = Vec::new();
    for ((client, url), measurement) in targets.iter().zip(&measurements) {
        let truth = scenario.truth(client, url).unwrap();
        let expected = field::words(truth.status.word(), truth.mechanism.map(|it| it.word()));
        let ours = verdict(measurement);
        if ours != expected {
            wrong.push(format!("{client} {url}: {ours} instead of {expected} ({})", truth.why));
            if std::env::var_os("WW_SHOW").is_some() {
                let name: String =
                    url.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
                let path = std::env::temp_dir().join(format!("pk-{client}-{name}.json"));
                std::fs::write(path, serde_json::to_string_pretty(measurement).unwrap()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), targets.len(), wrong.join("\n"));
}
