//! `wirewitness probe --app`: in the lab, so that nothing leaves this machine.

use crate::program::run;

#[test]
fn applications_are_told_with_their_functions_and_their_cost() {
    let found = run(&["probe", "--lab", "apps", "--app", "telegram", "--app", "zoom"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    for line in ["  messages: ok -\n", "  web: ok -\n", "  meetings: ok -\n"] {
        assert!(found.stdout.contains(line), "{}", found.stdout);
    }
    let before = found.stderr.find("Telegram: 1 names looked up, 11 connections").unwrap();
    let after = found.stderr.find("Telegram: it took 1 names looked up, 11 connections").unwrap();
    assert!(before < after, "{}", found.stderr);
    assert!(found.stderr.contains("risk: ordinary"), "{}", found.stderr);
}

#[test]
fn each_function_has_a_verdict_in_json() {
    let found = run(&["probe", "--lab", "apps", "--app", "all", "--json"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let lines = found.lines();
    let names: Vec<_> = lines.iter().map(|it| it["test_name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["telegram", "whatsapp", "facebook_messenger", "signal"]);
    assert_eq!(names[4..], ["app_reachability"; 5]);
    for line in &lines {
        let functions = line["functions"].as_array().unwrap();
        assert!(!functions.is_empty());
        assert!(functions.iter().all(|it| it["verdict"]["status"] == "ok"), "{line}");
    }
}

#[test]
fn an_application_of_ones_own_is_measured_and_its_mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let text = "name = \"mine\"\ntitle = \"Mine\"\ncategory = \"COMT\"\n[[function]]\nname = \"all\"\nneeds = \"all\"\n\
                [[endpoint]]\nfunction = \"all\"\nhosts = [\"zoom.us\"]\nports = [443]\nask = \"tls\"\n\
                source = \"invented\"\ndate = \"2026-11-23\"\n";
    std::fs::write(&file, text).unwrap();
    let name = folder.path().display().to_string();
    let arguments = ["probe", "--lab", "apps", "--apps", &name, "--app", "mine"];
    let found = run(&arguments);
    assert_eq!(found.code, 0, "{}", found.stderr);
    assert!(found.stdout.contains("  all: ok -\n"), "{}", found.stdout);
    std::fs::write(&file, text.replace("\"tls\"", "\"dance\"")).unwrap();
    let found = run(&arguments);
    assert_ne!(found.code, 0);
    assert!(
        found.stderr.contains("mine.toml") && found.stderr.contains("line 11"),
        "{}",
        found.stderr
    );
    let found = run(&["probe", "--lab", "apps", "--app", "nobodys"]);
    assert_eq!(found.code, 2, "{}", found.stderr);
    assert!(found.stderr.contains("telegram, whatsapp"), "{}", found.stderr);
}
