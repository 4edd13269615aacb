//! Sentences about what is absent, each held by a look at the source.

use std::path::{Path, PathBuf};

use crate::program::root;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Files of modules that are declared for tests only.
fn only_for_tests(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for (declared, next) in text.lines().zip(text.lines().skip(1)) {
            let name = next.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
            if let ("#[cfg(test)]", Some(name)) = (declared, name) {
                found.push(file.parent().unwrap().join(format!("{name}.rs")));
            }
        }
    }
    found
}

/// Lines of a crate's source (its tests left out) that hold one of these words.
fn found(crate_name: &str, words: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    let files = sources(&root().join("crates").join(crate_name).join("src"));
    let only_for_tests = only_for_tests(&files);
    for file in files.iter().filter(|file| !only_for_tests.contains(file)) {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && words.iter().any(|word| line.contains(word)) {
                lines.push(format!("{}:{}: {line}", file.display(), number + 1));
            }
        }
    }
    lines
}

#[test]
fn model_wire_analysis_report_and_evidence_read_no_clock_file_environment_or_randomness() {
    let words = [
        "std::fs",
        "fs::File",
        "File::open",
        "File::create",
        "std::env",
        "env::var",
        "Instant::",
        "SystemTime",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process",
        "rand::",
        "thread_rng",
        "std::io::stdin",
        "tokio",
    ];
    assert_eq!(found("model", &words), Vec::<String>::new());
    assert_eq!(found("wire", &words), Vec::<String>::new());
    assert_eq!(found("analysis", &words), Vec::<String>::new());
    assert_eq!(found("report", &words), Vec::<String>::new());
    assert_eq!(found("evidence", &words), Vec::<String>::new());
}

#[test]
fn only_the_program_prints() {
    let words = ["println!", "print!(", "eprint", "std::io::stdout", "std::io::stderr"];
    let names = [
        "model",
        "wire",
        "analysis",
        "net",
        "probe",
        "lab",
        "report",
        "store",
        "evidence",
        "dashboard",
    ];
    for name in names {
        assert_eq!(found(name, &words), Vec::<String>::new());
    }
}

#[test]
fn the_judge_never_reads_the_probes_own_web_verdict() {
    let quoted = [
        "\"blocking\"",
        "\"accessible\"",
        "\"x_blocking_flags\"",
        "\"dns_consistency\"",
        "\"body_length_match\"",
    ];
    let lines = found("analysis", &quoted);
    let reads: Vec<_> = lines
        .iter()
        // Writing the keys, and the name of an old test, are no reading of them.
        .filter(|line| !line.contains("serialize_field") && !line.contains("=> dns_consistency::"))
        .collect();
    assert_eq!(reads, Vec::<&String>::new());
}

#[test]
fn one_file_reads_the_environment() {
    let is_elsewhere = |line: &&String| !line.contains("wirewitness/src/environment.rs");
    let lines = found("wirewitness", &["env::var", "env::args", "env::temp"]);
    assert_eq!(lines.iter().filter(is_elsewhere).collect::<Vec<_>>(), Vec::<&String>::new());
    for name in ["probe", "lab", "net", "store", "dashboard"] {
        assert_eq!(found(name, &["std::env", "env::var"]), Vec::<String>::new());
    }
}

#[test]
fn the_probe_never_judges() {
    let manifest = std::fs::read_to_string(root().join("crates/probe/Cargo.toml")).unwrap();
    // Its tests have their measurements judged; what it is made of knows nothing of that.
    let made_of = manifest.split("[dev-dependencies]").next().unwrap();
    assert!(!made_of.contains("analysis"), "what measures must not know what judges");
    let words = ["Verdict", "verdict::", "Mechanism", "Judgement", "judge("];
    assert_eq!(found("probe", &words), Vec::<String>::new());
}

#[test]
fn the_judge_never_sees_a_scenarios_truth() {
    assert_eq!(found("analysis", &["Truth", "truths", "Scenario"]), Vec::<String>::new());
    // A measurement is taken without it, too.
    assert_eq!(found("probe", &["Truth", "truths", "Scenario"]), Vec::<String>::new());
}

#[test]
fn one_module_of_the_prober_opens_sockets_and_the_program_opens_none() {
    let words = ["tokio::net", "net::TcpStream", "net::TcpListener", "net::UdpSocket", "socket2"];
    let places = ["probe/src/kernel.rs", "probe/src/kernel/raw.rs", "probe/src/kernel/raw/"];
    let is_elsewhere = |line: &&String| !places.iter().any(|place| line.contains(place));
    let lines = found("probe", &words);
    assert_eq!(lines.iter().filter(is_elsewhere).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(found("wirewitness", &words), Vec::<String>::new());
}

#[test]
fn floors_use_only_the_floors_below() {
    let floors = [
        ("model", &[][..]),
        ("net", &[][..]),
        ("evidence", &["wirewitness-model"][..]),
        ("analysis", &["wirewitness-model", "wirewitness-wire"][..]),
        ("wire", &[][..]),
        ("report", &["wirewitness-model", "wirewitness-analysis", "wirewitness-evidence"][..]),
        ("probe", &["wirewitness-net", "wirewitness-model", "wirewitness-wire"][..]),
        ("lab", &["wirewitness-net", "wirewitness-model", "wirewitness-wire"][..]),
        ("store", &["wirewitness-model", "wirewitness-analysis"][..]),
        (
            "dashboard",
            &[
                "wirewitness-model",
                "wirewitness-analysis",
                "wirewitness-store",
                "wirewitness-evidence",
                "wirewitness-report",
            ][..],
        ),
    ];
    for (name, allowed) in floors {
        let manifest =
            std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let used: Vec<_> = manifest
            .lines()
            // What tests use is their own matter.
            .take_while(|line| *line != "[dev-dependencies]")
            .filter(|line| line.starts_with("wirewitness-"))
            .filter(|line| !allowed.iter().any(|floor| line.starts_with(floor)))
            .collect();
        assert_eq!(used, Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn one_crate_knows_the_archives_engine() {
    let words = ["arrow::", "parquet::", "datafusion", "ballista", "deltalake", "object_store"];
    for name in ["model", "wire", "analysis", "net", "probe", "lab", "report", "wirewitness"] {
        assert_eq!(found(name, &words), Vec::<String>::new());
    }
}

#[test]
fn nothing_ships_that_was_copied_from_the_inputs() {
    // The real inputs stand beside the repository and have licences of their own.
    let shared = root().join("../shared/data/fingerprints/fingerprints_http.csv");
    let Ok(theirs) = std::fs::read_to_string(shared) else {
        eprintln!("SKIPPED: no real inputs at ../shared/data");
        return;
    };
    let ours = root().join("crates/analysis/src/fingerprints/shipped.csv");
    let ours = std::fs::read_to_string(ours).unwrap();
    let rows: std::collections::BTreeSet<&str> = theirs.lines().skip(1).collect();
    let copied: Vec<_> = ours.lines().skip(1).filter(|line| rows.contains(line)).collect();
    assert_eq!(copied, Vec::<&str>::new());
}

#[test]
fn every_rule_of_the_other_tests_has_its_three_tests() {
    // Rules of captures are used where captures become rows.
    let folders = ["crates/analysis/src/judge", "crates/store/src/ingest"];
    let text: String = folders
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let rules = crate::program::run(&["rules"]).stdout;
    let ids = rules.lines().filter_map(|line| line.strip_prefix("## ")).filter(|id| {
        // The web's rules have a table of their own, which holds itself.
        !id.starts_with("web.") && *id != "unsupported.empty"
    });
    let mut missing = Vec::new();
    for id in ids {
        for kind in ["positive", "negative", "outage"] {
            let name = format!("fn {kind}_{}()", id.replace('.', "_"));
            if !text.contains(&name) {
                missing.push(name);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
