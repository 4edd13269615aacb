//! The example measurements that are shipped: what is on disk is what the generator makes, and the judge says of each
//! what its name says.
//!
//! `WW_BLESS=1 cargo test -p wirewitness-analysis examples` writes them anew.

mod situations;

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::{Context, judge};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::verdict::{Status, Verdict};

use crate::world::World;

/// One example.
struct Example {
    /// Name of the file, without `.json`: a mechanism, `ok`, `ok.` and a mechanism, or `insufficient.` and why.
    name: &'static str,
    world: World,
    /// What happened, and why the verdict follows. One or two sentences.
    explanation: &'static str,
}

const MADE_BY: &str = "wirewitness examples: invented, no real measurement";

impl Example {
    fn text(&self) -> String {
        let mut measurement = self.world.clone().measure();
        measurement["annotations"] = json!({"explanation": self.explanation, "made_by": MADE_BY});
        serde_json::to_string_pretty(&measurement).unwrap() + "\n"
    }
}

/// Every file of the folder `examples`, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let examples = situations::all();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut files: Vec<_> = examples
        .iter()
        .map(|e| (folder.join("measurements").join(format!("{}.json", e.name)), e.text()))
        .collect();
    files.push((folder.join("README.md"), table(&examples)));
    files
}

/// The README: one row for each example.
fn table(examples: &[Example]) -> String {
    let mut text = String::from(HEADER);
    for example in examples {
        let json = example.text();
        let verdict = verdict(&json);
        let mechanism = verdict.mechanism.map(|mechanism| format!(" `{mechanism}`"));
        let locus = verdict.locus.map(|locus| format!(", {locus}"));
        let _ = writeln!(
            text,
            "| [{name}](measurements/{name}.json) | {} | {}{}{}; {} confidence, `{}` |",
            example.explanation,
            verdict.status,
            mechanism.unwrap_or_default(),
            locus.unwrap_or_default(),
            verdict.confidence.word(),
            verdict.rule.id,
            name = example.name,
        );
    }
    text
}

const HEADER: &str = "\
# Example measurements

The files in `measurements/` are invented: no probe wrote them, no network did this, and their names (`.example`),
networks (AS64496 to AS64511) and country (`XA`) belong to nobody. Each is what web connectivity 0.5 would have
written in the situation that its `annotations.explanation` describes. They are for trying the judge
(`wirewitness judge examples/measurements`), and for seeing what evidence for each mechanism looks like.

This table is generated together with the files, by the tests of `crates/analysis`; a test compares both.

| file | what happened | what the judge says |
|--|--|--|
";

fn verdict(text: &str) -> Verdict {
    let measurement = Measurement::from_json(text).unwrap();
    judge(&measurement, &Context::new(&Fingerprints::shipped())).verdict
}

#[allow(clippy::disallowed_methods, reason = "a test that is asked to write its expectation anew")]
fn is_blessing() -> bool {
    std::env::var_os("WW_BLESS").is_some_and(|value| value == "1")
}

#[test]
fn examples_on_disk_are_those_of_the_generator() {
    for (path, text) in files() {
        if is_blessing() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(on_disk == text, "{} is out of date: run with WW_BLESS=1", path.display());
    }
}

#[test]
fn no_other_examples_are_on_disk() {
    let expected: Vec<_> = files().into_iter().map(|(path, _)| path).collect();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/measurements");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(expected.contains(&path), "{} is made by nothing", path.display());
    }
}

#[test]
fn examples_are_judged_as_their_names_say() {
    for example in situations::all() {
        let text = example.text();
        let verdict = verdict(&text);
        let (status, mechanism) = named(example.name);
        let ours = verdict.mechanism.map(|mechanism| mechanism.word());
        assert_eq!((verdict.status, ours), (status, mechanism), "{}", example.name);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["annotations"]["made_by"], MADE_BY);
    }
}

/// Status and mechanism by the name of a file.
fn named(name: &str) -> (Status, Option<&str>) {
    match name.split_once('.') {
        None => (Status::Ok, None),
        Some(("ok", mechanism)) => (Status::Ok, Some(mechanism)),
        Some(("insufficient", _)) => (Status::Insufficient, None),
        Some(("server", _)) => (Status::Down, Some(name)),
        Some(("vantage", _)) => (Status::Insufficient, Some(name)),
        Some(_) => (Status::Blocked, Some(name)),
    }
}
