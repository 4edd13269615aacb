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
    for hidden in ["shop.example", "secretpass", "Alices-phone"].iter().chain(&life::CORRESPONDENTS) {
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
    let change = lines.iter().find(|it| it["id"] == "http.address" && it["type"] == "exposure_change");
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
    assert!(refused.stderr.contains("3 devices") && refused.stderr.contains("--these-devices-are-mine"));
    assert_eq!(run(&["exposure", &home, "--these-devices-are-mine"]).code, 0);
    let refused = run(&["exposure", &many, "--these-devices-are-mine"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("more than four"));
}

/// What a check of accessibility looks at first, on the structure alone.
#[test]
fn the_page_is_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let day = written(&folder, "<b>day.pcapng", &life::whole_day());
    let path = folder.path().join("page.html");
    let page = path.display().to_string();
    let done = run(&["exposure", &day, "--html", &page]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    for absent in ["<script", " on", "http://", "https://", "<b>day", "<img", "style=\""] {
        let at = page.find(absent).filter(|at| absent != " on" || page[*at..].contains(" onclick"));
        assert_eq!(at.map(|at| &page[at..page.len().min(at + 60)]), None, "{absent}");
    }
    for present in ["<title>", "<header>", "<main>", "<footer>", "<nav aria-label=", "name=\"viewport\"", "<caption>"] {
        assert!(page.contains(present), "{present}");
    }
    assert_eq!(page.matches("<h1>").count(), 1);
    // No level is left out.
    let mut last = 0;
    for (at, _) in page.match_indices("<h") {
        if let Some(level @ 1..=6) = page[at + 2..].chars().next().and_then(|it| it.to_digit(10)) {
            assert!(level <= last + 1, "{}", &page[at..at + 60]);
            last = level;
        }
    }
    for (at, _) in page.match_indices("<th") {
        let tag = &page[at..at + 12];
        assert!(tag.starts_with("<thead") || tag.starts_with("<th scope="), "{tag}");
    }
    // Each link within the page leads somewhere, and ids are unique.
    for (at, _) in page.match_indices("href=\"#") {
        let id = page[at + 7..].split('"').next().unwrap();
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn the_documents_name_options_that_exist() {
    let help = run(&["exposure", "--help"]).stdout;
    for name in ["docs/exposure.md", "docs/howto/what-can-my-operator-read.md", "docs/howto/capture-your-own-device.md"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        for line in text.lines().filter(|it| it.contains("wirewitness exposure")) {
            for option in line.split([' ', '`']).filter(|it| it.starts_with("--")) {
                assert!(help.contains(option.trim_end_matches([',', '.', ')'])), "{name}: {option}");
            }
        }
    }
}
