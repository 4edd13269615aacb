//! `wirewitness exposure` as a person runs it: text, lines, page, two captures, and what it refuses.

use std::path::PathBuf;

use crate::life::{self, Life};
use crate::program::{root, run, run_with_input};

fn written(folder: &tempfile::TempDir, name: &str, life: &Life) -> String {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, life.file()).unwrap();
    path.display().to_string()
}

#[test]
fn a_day_in_words_and_in_lines() {
    let folder = tempfile::tempdir().unwrap();
    let day = written(&folder, "day.pcapng", &life::whole_day());
    let words = run(&["exposure", &day]);
    assert_eq!(words.code, 0, "{}", words.stderr);
    for said in [
        "Content or passwords of this device can be read.",
        "It does not show that anyone reads it",
        "Interception cannot be detected",
        "the phone number",
        "GREASE",
        "[not in any capture]",
        "What would close it: Turn on encrypted DNS",
    ] {
        assert!(words.stdout.contains(said), "{said}");
    }
    for hidden in ["shop.example", "secretpass", "Alices-phone"].iter().chain(&life::CORRESPONDENTS)
    {
        assert!(!words.stdout.contains(hidden), "{hidden}");
    }
    let lines = run(&["exposure", "--json", "--show-values", &day]).lines();
    let of = |kind: &str| lines.iter().filter(|it| it["type"] == kind).count();
    assert_eq!((of("exposure"), of("exposure_hour"), of("summary")), (22, 3, 1));
    assert_eq!(lines[2]["severity"], "critical");
    assert_eq!(lines[20]["state"], "not_in_captures");
    assert_eq!(lines.last().unwrap()["values"], "shown");
    let piped = run_with_input(&["exposure", "--json", "-"], &life::whole_day().file());
    assert_eq!((piped.code, piped.lines().len()), (0, lines.len()));
}

#[test]
fn two_captures_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let before = written(&folder, "before.pcapng", &life::whole_day());
    let after = written(&folder, "after.pcapng", &life::behind_vpn());
    let lines = run(&["exposure", &before, "--after", &after, "--json"]).lines();
    let change =
        lines.iter().find(|it| it["id"] == "http.address" && it["type"] == "exposure_change");
    assert_eq!(change.map(|it| it["verdict"].clone()), Some("gone".into()));
    let tunnel = lines.iter().find(|it| it["type"] == "exposure_tunnel").unwrap();
    assert_eq!((tunnel["dns_beside"].clone(), tunnel["ipv6_beside"].clone()), (1.into(), 1.into()));
}

#[test]
fn captures_of_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let home = written(&folder, "home.pcapng", &life::household(3));
    let many = written(&folder, "many.pcapng", &life::household(5));
    let refused = run(&["exposure", &home]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(
        refused.stderr.contains("3 devices") && refused.stderr.contains("--these-devices-are-mine")
    );
    assert_eq!(run(&["exposure", &home, "--these-devices-are-mine"]).code, 0);
    let refused = run(&["exposure", &many, "--these-devices-are-mine"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("more than four"));
}

#[test]
fn the_page_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let day = written(&folder, "day.pcapng", &life::whole_day());
    let path = folder.path().join("page.html");
    let done = run(&["exposure", &day, "--html", &path.display().to_string()]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(std::fs::read_to_string(path).unwrap().starts_with("<!doctype html>"));
}

#[test]
fn the_documents_name_options_that_exist() {
    let help = run(&["exposure", "--help"]).stdout;
    for name in [
        "docs/exposure.md",
        "docs/howto/what-can-my-operator-read.md",
        "docs/howto/capture-your-own-device.md",
    ] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        for line in text.lines().filter(|it| it.contains("wirewitness exposure")) {
            for option in line.split([' ', '`']).filter(|it| it.starts_with("--")) {
                assert!(
                    help.contains(option.trim_end_matches([',', '.', ')'])),
                    "{name}: {option}"
                );
            }
        }
    }
}
