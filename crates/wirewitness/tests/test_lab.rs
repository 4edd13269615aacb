//! `wirewitness lab` and `probe --lab`: whole runs of the real program inside simulated networks.

use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Outcome, root, run};

/// Two clients, three sites, one box that resets on a name.
fn small() -> String {
    root().join("crates/wirewitness/tests/small.toml").display().to_string()
}

fn probe(arguments: &[&str]) -> Outcome {
    run(&[&["probe", "--lab", &small()], arguments].concat())
}

fn folder() -> (tempfile::TempDir, impl Fn(&str) -> (PathBuf, String)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, move |name| (path.join(name), path.join(name).display().to_string()))
}

#[test]
fn a_run_tells_verdicts_and_whether_they_are_true() {
    let outcome = probe(&[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let expected = "\
TARGET                  CLIENT VERDICT      MECHANISM               BY       SURE   TRUTH
https://fine.example/   free   ok           -                       -        high   ok
https://news.example/   free   ok           -                       -        high   ok
https://fine.example/   walled ok           -                       -        high   ok
https://news.example/   walled blocked      tls.reset.sni           path     high   ok
https://broken.example/ walled down         server.down             endpoint medium ok
";
    assert_eq!(outcome.stdout, expected);
    let expected = "
5 measured: 3 ok, 1 down, 1 blocked
       1 server.down
       1 tls.reset.sni
5 of 5 verdicts equal the scenario's truth
";
    assert_eq!(outcome.stderr, expected);
    // `lab run` is the same.
    let again = run(&["lab", "run", &small()]);
    assert_eq!((again.stdout, again.stderr), (outcome.stdout, outcome.stderr));
}

#[test]
fn what_is_not_true_is_told() {
    let (_folder, path) = folder();
    let text = std::fs::read_to_string(small()).unwrap();
    let text =
        text.replacen("status = \"ok\"", "status = \"blocked\"\nmechanism = \"tcp.reset\"", 1);
    let (file, name) = path("lying.toml");
    std::fs::write(file, text).unwrap();
    let outcome = run(&["lab", "run", &name]);
    assert_eq!(outcome.code, 0);
    let wrong: Vec<_> =
        outcome.stdout.lines().filter(|line| line.ends_with("WRONG: blocked tcp.reset")).collect();
    assert_eq!(wrong.len(), 2, "{}", outcome.stdout);
    assert!(outcome.stderr.ends_with("\n3 of 5 verdicts equal the scenario's truth\n"));
}

#[test]
fn a_run_is_a_function_of_scenario_and_seed() {
    let (_folder, path) = folder();
    let twice = [path("1.jsonl").1, path("2.jsonl").1].map(|file| {
        let arguments = ["--concurrency", "4", "--seed", "3", "--json", "--output", &file];
        let outcome = probe(&arguments);
        // Certificates are made anew each time; what happens when is not.
        let times = |line: &str| -> Vec<Value> {
            let measurement: Value = serde_json::from_str(line).unwrap();
            let keys = &measurement["test_keys"];
            vec![
                measurement["input"].clone(),
                measurement["test_start_time"].clone(),
                measurement["test_runtime"].clone(),
                keys["tcp_connect"].clone(),
                keys["queries"].clone(),
                keys["control"].clone(),
            ]
        };
        let text = std::fs::read_to_string(&file).unwrap();
        (outcome.stdout, text.lines().flat_map(times).collect::<Vec<_>>())
    });
    assert_eq!(twice[0], twice[1]);
    assert_eq!(twice[0].0.lines().count(), 5);
}

#[test]
fn a_line_of_json_has_the_documented_fields() {
    let outcome = probe(&["--json", "--client", "walled", "https://news.example/"]);
    assert_eq!(outcome.stderr, "");
    let line = &outcome.lines()[0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(line),
        ["client", "input", "line", "ooni", "round", "test_name", "truth", "verdict"]
    );
    assert_eq!(line["client"], "walled");
    assert_eq!((&line["round"], &line["line"]), (&Value::from(1), &Value::Null));
    assert_eq!(line["verdict"]["rule"]["id"], "web.tls.reset");
    let truth = serde_json::json!(
        {"status": "blocked", "mechanism": "tls.reset.sni", "equal": true}
    );
    assert_eq!(line["truth"], truth);
    let document = std::fs::read_to_string(root().join("docs/json.md")).unwrap();
    for key in keys(line).iter().chain(&keys(&line["truth"])) {
        assert!(document.contains(&format!("`{key}`")), "{key} is not in docs/json.md");
    }
}

#[test]
fn the_judge_says_the_same_of_the_file() {
    let (_folder, path) = folder();
    let (file, name) = path("out.jsonl");
    let probed = probe(&["--json", "--output", &name]).lines();
    let judged = run(&["judge", "--json", &name]).lines();
    assert_eq!(probed.len(), judged.len());
    for (mut probed, judged) in probed.into_iter().zip(judged) {
        for key in ["test_name", "input", "ooni", "verdict", "line"] {
            assert_eq!(probed[key].take(), judged[key], "{key}");
        }
    }
    // The truth stays out of the file: nobody who judges can have looked.
    assert!(!std::fs::read_to_string(file).unwrap().contains("truth"));
    let again = probe(&["--output", &name]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("has measurements already"), "{}", again.stderr);
}

#[test]
fn explanations_rounds_and_exit_codes() {
    let arguments = ["--explain", "--client", "walled", "https://news.example/"];
    let explained = probe(&arguments).stdout;
    for words in
        ["seen:", "instead of:", "by: path", "rule web.tls.reset@", "not written to a file"]
    {
        assert!(explained.contains(words), "{words:?} not in {explained}");
    }
    let rounds = ["--client", "free", "--times", "3", "--every", "3600", "--json"];
    let lines = probe(&rounds).lines();
    let rounds: Vec<_> = lines.iter().map(|line| line["round"].as_u64().unwrap()).collect();
    assert_eq!(rounds, [1, 1, 2, 2, 3, 3]);
    assert_eq!(probe(&["--fail-on", "blocked"]).code, 3);
    assert_eq!(probe(&["--fail-on", "blocked", "--client", "free"]).code, 0);
}

#[test]
fn wrong_usage_is_told_with_what_to_do() {
    let (_folder, path) = folder();
    let capture = path("x.pcapng").1;
    for (arguments, words) in [
        (&["--client", "nobody"][..], "its clients: free, walled"),
        (&["--capture", &capture], "name it with --client"),
        (&["--rate", "5"], "cannot be used with"),
        (&["--helper", "https://helper.example/"], "cannot be used with"),
        (&["--concurrency", "0"], "expected 1 to 1000"),
    ] {
        let outcome = probe(arguments);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
    }
    let outcome = run(&["lab", "run", "atlantis"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("pakistan-2025"), "{}", outcome.stderr);
    let (file, name) = path("broken.toml");
    std::fs::write(file, "name = \"broken\"\nabout = \"\"\ncolour = 1\n").unwrap();
    let outcome = run(&["lab", "run", &name]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("broken.toml:3: colour"), "{}", outcome.stderr);
    let outcome = probe(&["gopher://fine.example/"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("no http or https URL"), "{}", outcome.stderr);
}

#[test]
fn a_list_may_be_measured_in_a_lab() {
    let (_folder, path) = folder();
    let (file, name) = path("list.csv");
    let list = "url,category_code\nhttps://fine.example/,NEWS\nhttps://news.example/,ANON\n";
    std::fs::write(file, list).unwrap();
    let outcome = probe(&["--list", &name, "--client", "free", "--json"]);
    let inputs: Vec<_> = outcome.lines().iter().map(|line| line["input"].clone()).collect();
    assert_eq!(inputs, ["https://fine.example/"]);
    assert!(outcome.stderr.contains("list.csv:3: category ANON is of high risk"));
}

#[test]
fn a_capture_holds_the_packets_of_one_line() {
    let (_folder, path) = folder();
    let (file, name) = path("walled.pcapng");
    let url = "https://news.example/";
    let arguments = ["--client", "walled", "--url", url, "--out", &name];
    let outcome = run(&[&["lab", "capture", &small()][..], &arguments].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let bytes = std::fs::read(file).unwrap();
    // pcapng, section header block and its byte order.
    assert_eq!(bytes[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    assert_eq!(bytes[8..12], 0x1a2b_3c4d_u32.to_le_bytes());
    // The name in the clear, as whoever stands on the line sees it.
    assert!(bytes.windows(12).any(|it| it == b"news.example"));
    assert!(outcome.stderr.contains("packets of the line of walled"), "{}", outcome.stderr);
}

#[test]
fn the_list_of_scenarios() {
    let outcome = run(&["lab", "list"]);
    assert_eq!(outcome.code, 0);
    for name in ["open\n", "pakistan-2025\n", "textbook\n"] {
        assert!(outcome.stdout.contains(name), "{}", outcome.stdout);
    }
    let lines = run(&["lab", "list", "--json"]).lines();
    let pakistan = lines.iter().find(|line| line["name"] == "pakistan-2025").unwrap();
    assert_eq!(pakistan["clients"], 3);
    assert!(pakistan["truths"].as_u64().unwrap() >= 50);
}

/// A country, with as many harmless failures as blocked sites. A wrong "blocked" hurts as much as a missed one.
#[test]
fn pakistan_2025_is_told_as_it_is() {
    let outcome = run(&["probe", "--lab", "pakistan-2025"]);
    let wrong: Vec<_> = outcome.stdout.lines().filter(|line| line.contains(" WRONG: ")).collect();
    assert_eq!(wrong, Vec::<&str>::new());
    let rows = outcome.stdout.lines().count() - 1;
    assert!(rows >= 180, "{rows}");
    let words = format!("\n{rows} of {rows} verdicts equal the scenario's truth\n");
    assert!(outcome.stderr.ends_with(&words), "{}", outcome.stderr);
    // What the first page of the project shows of it is what it says.
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let shown = readme
        .lines()
        .skip_while(|line| !line.starts_with("TARGET "))
        .take_while(|line| *line != "...");
    let shown: Vec<_> = shown.collect();
    assert!(shown.len() > 5, "{shown:?}");
    for line in shown {
        assert!(outcome.stdout.lines().any(|row| row == line), "{line}");
    }
}

/// As the kernel sees it: a whole run makes not one network call. Where there is no `strace`, or it may not trace,
/// nothing is said.
#[test]
#[cfg(target_os = "linux")]
fn a_run_opens_no_socket() {
    let (_folder, path) = folder();
    let (file, log) = path("strace.log");
    let status = std::process::Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=network", "-o", &log])
        .args([env!("CARGO_BIN_EXE_wirewitness"), "probe", "--lab", &small()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no strace that may trace");
        return;
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "");
}

#[test]
fn a_population_is_written_with_its_truth() {
    let (_folder, path) = folder();
    let (place, out) = path("country");
    let size = ["--days", "12", "--networks", "6", "--targets", "300"];
    let made = run(&[&["lab", "population", "--seed", "5", "--out", &out], &size[..]].concat());
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(
        made.stdout
            .contains(" measurements of 12 days, 6 networks and 300 targets of XA, seed 5: ")
    );
    assert!(made.stdout.ends_with("points.csv\n") || made.stdout.ends_with("truth.json\n"));
    let points = std::fs::read_to_string(place.join("points.csv")).unwrap();
    let truth = std::fs::read_to_string(place.join("truth.json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let mut lines = points.lines();
    let head = lines.next().unwrap();
    assert_eq!(
        head,
        "measured_at,arrived_at,country,asn,target,vantage,resolver_asn,status,mechanism"
    );
    let networks: Vec<String> =
        truth["networks"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(networks.len(), 6);
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!((fields.len(), fields[2]), (9, "XA"), "{line}");
        assert!(fields[0].ends_with('Z') && networks.iter().any(|it| it == fields[3]), "{line}");
    }
    // The same seed by --json: the same files, and the same counts. Another one's are others.
    let written = |seed: &str, name: &str| {
        let (place, out) = path(name);
        let outcome =
            run(&[&["lab", "population", "--json", "--seed", seed, "--out", &out], &size[..]]
                .concat());
        (outcome.lines().remove(0), std::fs::read_to_string(place.join("points.csv")).unwrap())
    };
    let (counts, again) = written("5", "again");
    assert!(again == points);
    let (other, others) = written("6", "other");
    assert!(others != points && other["rows"] != counts["rows"]);
    assert_eq!(counts["rows"], Value::from(points.lines().count() - 1));
    let sum: u64 = ["ok", "down", "blocked", "insufficient"]
        .iter()
        .map(|key| counts[key].as_u64().unwrap())
        .sum();
    assert_eq!(counts["rows"], Value::from(sum));
    let document = std::fs::read_to_string(root().join("docs/population.md")).unwrap();
    for key in counts.as_object().unwrap().keys() {
        assert!(document.contains(&format!("`{key}`")), "{key} is not in docs/population.md");
    }
    for key in truth.as_object().unwrap().keys() {
        assert!(document.contains(&format!("`{key}`")), "{key} is not in docs/population.md");
    }
    // Nobody's data are written over.
    let refused = run(&["lab", "population", "--out", &out]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("points.csv: cannot be written"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(place.join("points.csv")).unwrap(), points);
}

/// A sample of it is packets: real probes measure it, and the judge says of each what was planted.
#[test]
fn a_sample_of_a_population_is_measured_packet_by_packet() {
    let (_folder, path) = folder();
    let (place, out) = path("country");
    let size = ["--days", "12", "--networks", "6", "--targets", "300"];
    let made =
        run(&[&["lab", "population", "--small", "--json", "--out", &out], &size[..]].concat());
    assert_eq!(made.code, 0, "{}", made.stderr);
    let lines = made.lines();
    let measured = lines.len() - 1;
    assert!(measured >= 60, "{measured}");
    let blocked = |line: &&Value| line["truth"]["status"] == "blocked";
    assert!(lines.iter().skip(1).filter(blocked).count() > 5);
    for line in &lines[1..] {
        assert_eq!(line["truth"]["equal"], true, "{line}");
    }
    let written = std::fs::read_to_string(place.join("measurements.jsonl")).unwrap();
    assert_eq!(written.lines().count(), measured);
    let again = run(&["lab", "run", &place.join("scenario.toml").display().to_string()]);
    let words = format!("{measured} of {measured} verdicts equal the scenario's truth\n");
    assert!(again.stderr.ends_with(&words), "{}", again.stderr);
}

#[test]
fn a_population_that_cannot_be_is_refused_with_the_key() {
    let (_folder, path) = folder();
    let (_, out) = path("country");
    let outcome = run(&["lab", "population", "--days", "3", "--out", &out]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.starts_with("error: days: expected at least 10"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: docs/population.md"), "{}", outcome.stderr);
    let (file, name) = path("country.toml");
    std::fs::write(file, "[planted]\nshutdown = 3\n").unwrap();
    let outcome = run(&["lab", "population", "--settings", &name, "--out", &out]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("country.toml: planted.shutdown: expected "),
        "{}",
        outcome.stderr
    );
    assert!(!path("country").0.exists());
}

#[test]
fn a_battery_of_the_lab_is_scored_as_any_other() {
    let (_folder, path) = folder();
    let file = path("battery.json").1;
    let arguments = ["lab", "run", "attribution-tsg", "--tests", "dns", "--battery", &file];
    let outcome = run(&arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("virtual seconds; stored in"), "{}", outcome.stderr);
    let scored = run(&["attribute", "--json", &file]);
    let report: Value = serde_json::from_str(&scored.stdout).unwrap();
    let response = report["families"].as_array().unwrap();
    let response = response.iter().find(|it| it["family"] == "dns_response").unwrap();
    let mut first: Vec<&str> =
        (0..2).map(|at| response["ranked"][at]["id"].as_str().unwrap()).collect();
    first.sort_unstable();
    assert_eq!(first, ["CN_INJ2", "TSG"], "they have equal cells");
    // A file that is there is not written over.
    assert_ne!(run(&arguments).code, 0);
}
