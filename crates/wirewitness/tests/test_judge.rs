//! `wirewitness judge` on the shipped examples and on real files.

use std::io::Write as _;

use serde_json::Value;

use crate::program::{example, example_line, root, run, run_with_input};

const OONI_KEYS: [&str; 14] = [
    "dns_experiment_failure",
    "dns_consistency",
    "control_failure",
    "http_experiment_failure",
    "body_length_match",
    "body_proportion",
    "status_code_match",
    "headers_match",
    "title_match",
    "accessible",
    "blocking",
    "x_dns_flags",
    "x_blocking_flags",
    "x_null_null_flags",
];

fn examples() -> String {
    root().join("examples/measurements").display().to_string()
}

#[test]
fn every_example_gets_the_mechanism_in_its_name() {
    let outcome = run(&["judge", "--json", &examples()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome.lines();
    assert!(lines.len() >= 30, "{} examples", lines.len());
    for line in lines {
        let name = line["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let expected = match name.strip_suffix(".json").unwrap() {
            "ok" | "insufficient.no_control" => None,
            name => Some(name.strip_prefix("ok.").unwrap_or(name)),
        };
        assert_eq!(line["verdict"]["mechanism"].as_str(), expected, "{name}");
    }
}

#[test]
fn a_line_of_json_has_the_documented_fields() {
    let outcome = run(&["judge", "--json", &format!("{}/tls.reset.sni.json", examples())]);
    let line = &outcome.lines()[0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(line), ["file", "input", "line", "ooni", "test_name", "verdict"]);
    let mut ooni = OONI_KEYS.map(str::to_owned);
    ooni.sort();
    assert_eq!(keys(&line["ooni"]), ooni);
    let verdict = &line["verdict"];
    for key in ["status", "mechanism", "locus", "rule", "confidence", "evidence", "cannot_tell"] {
        assert!(!verdict[key].is_null(), "{key}");
    }
    assert_eq!(verdict["rule"]["id"], "web.tls.reset");
    assert_eq!(verdict["rule"]["version"], 2);
    let document = std::fs::read_to_string(root().join("docs/json.md")).unwrap();
    for key in keys(line).iter().chain(&keys(verdict)).chain(&ooni) {
        assert!(document.contains(&format!("`{key}`")), "{key} is not in docs/json.md");
    }
}

#[test]
fn the_table_and_its_explanation() {
    let file = format!("{}/tls.reset.sni.json", examples());
    let table = run(&["judge", &file]);
    assert!(table.stdout.starts_with("VERDICT"), "{}", table.stdout);
    assert!(table.stdout.contains("blocked      tls.reset.sni"), "{}", table.stdout);
    assert!(table.stderr.contains("1 judged: 1 blocked"), "{}", table.stderr);
    let explained = run(&["judge", "--explain", &file]).stdout;
    for words in
        ["seen:", "instead of:", "cannot tell:", "rule web.tls.reset@2", "OONI's engine says"]
    {
        assert!(explained.contains(words), "{words:?} not in {explained}");
    }
}

#[test]
fn all_ways_in_give_the_same_answer() {
    let text = example("dns.nxdomain.json");
    let line = example_line("dns.nxdomain.json");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    let files = [
        write("a.json", text.as_bytes()),
        write("b.jsonl", format!("{line}\n").as_bytes()),
        write("c.json.gz", &gz.finish().unwrap()),
        write("d.jsonl.zst", &zstd::encode_all(line.as_bytes(), 3).unwrap()),
        write("e.json", format!("[{text}]").as_bytes()),
    ];
    let verdict = |value: &Value| value["verdict"].clone();
    let expected = verdict(&run(&["judge", "--json", &files[0]]).lines()[0]);
    assert_eq!(expected["mechanism"], "dns.nxdomain");
    for file in &files {
        assert_eq!(verdict(&run(&["judge", "--json", file]).lines()[0]), expected, "{file}");
    }
    let whole = run(&["judge", "--json", &folder.path().display().to_string()]).lines();
    assert_eq!(whole.len(), files.len());
    let piped = run_with_input(&["judge", "--json", "-"], text.as_bytes()).lines();
    assert_eq!(verdict(&piped[0]), expected);
}

#[test]
fn exit_codes() {
    let blocked = format!("{}/tls.reset.sni.json", examples());
    assert_eq!(run(&["judge", &blocked]).code, 0);
    assert_eq!(run(&["judge", "--fail-on", "blocked", &blocked]).code, 3);
    assert_eq!(run(&["judge", "--fail-on", "down", &blocked]).code, 0);
    assert_eq!(run(&["judge"]).code, 2);
    assert_eq!(run(&["judge", "--nonsense", &blocked]).code, 2);
    let missing = run(&["judge", &blocked, "no/such/file.json"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("no/such/file.json: cannot be read"), "{}", missing.stderr);
    assert!(
        missing.stdout.contains("tls.reset.sni"),
        "the other file is judged: {}",
        missing.stdout
    );
}

#[test]
fn a_fingerprint_from_a_list_names_itself() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    let body = "This request is blocked, by somebody who is not on the shipped list.";
    let head = "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes";
    std::fs::write(
        &list,
        format!("{head}\nxa.somebody,nat,,body,contains,somebody who is not,5,XA,own,,\nbad,row\n"),
    )
    .unwrap();
    let mut measurement: Value = serde_json::from_str(&example("http.blockpage.json")).unwrap();
    measurement["test_keys"]["requests"][0]["response"]["body"] = body.into();
    measurement["probe_cc"] = "XA".into();
    let file = folder.path().join("measurement.json");
    std::fs::write(&file, measurement.to_string()).unwrap();
    let file = file.display().to_string();
    let without = run(&["judge", "--json", &file]).lines();
    assert_ne!(without[0]["verdict"]["mechanism"], "http.blockpage");
    let with = run(&["judge", "--json", "--fingerprints", &list.display().to_string(), &file]);
    assert_eq!(with.lines()[0]["verdict"]["mechanism"], "http.blockpage");
    assert_eq!(with.lines()[0]["verdict"]["fingerprint"], "xa.somebody");
    assert!(with.stderr.contains("list.csv:3 (byte "), "{}", with.stderr);
}

#[test]
fn a_table_of_networks_must_be_one() {
    let file = format!("{}/tls.reset.sni.json", examples());
    let outcome = run(&["judge", "--asn", &file, &file]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("holds no range of a network (line "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint:"), "{}", outcome.stderr);
    let folder = tempfile::tempdir().unwrap();
    for (bytes, expected) in [
        (&b"\0\0\0"[..], "is neither an mmdb file nor text"),
        (b"....\xab\xcd\xefMaxMind.com....", "is no mmdb file"),
        (b"", "holds no range of a network"),
    ] {
        let path = folder.path().join("table").display().to_string();
        std::fs::write(&path, bytes).unwrap();
        let outcome = run(&["judge", "--asn", &path, &file]);
        assert_eq!(outcome.code, 1);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
}

#[test]
fn tables_of_networks_as_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let file = format!("{}/dns.injection.other.json", examples());
    let consistency = |tables: &[&str]| {
        let mut arguments = vec!["judge", "--json"];
        tables.iter().for_each(|table| arguments.extend(["--asn", table]));
        arguments.push(&file);
        let outcome = run(&arguments);
        let found = outcome.lines()[0]["ooni"]["dns_consistency"].as_str().unwrap().to_owned();
        (found, outcome.stderr)
    };
    // What the example's resolver and its control answered, both of one network.
    let alike = b"first,last,asn,name\n192.31.196.0,192.31.196.255,64496,One\nbroken\n192.175.48.0,192.175.48.255,64496,One\n";
    let apart = b"192.175.48.30,192.175.48.30,64510,\"Two, Ltd\"\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(alike).unwrap();
    let packed = put("named.mmdb", &gzip.finish().unwrap());
    let (alike, apart) = (put("alike", alike), put("apart", apart));
    assert_eq!(consistency(&[]).0, "inconsistent");
    let (found, told) = consistency(&[&alike]);
    assert_eq!(found, "consistent");
    assert!(told.contains("alike: line 3: it has one field; left out"), "{told}");
    assert_eq!(consistency(&[&packed]).0, "consistent", "packed, whatever its name");
    assert_eq!(consistency(&[&apart, &alike]).0, "inconsistent", "the first that knows answers");
    assert_eq!(consistency(&[&alike, &apart]).0, "consistent");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(["judge", "--json", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let line = example_line("tls.reset.sni.json");
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..200 {
        if writeln!(stdin, "{line}").is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// The rows of docs/real-measurements.md: file, then status, mechanism and rule.
fn table() -> Vec<(String, [String; 3])> {
    let text = std::fs::read_to_string(root().join("docs/real-measurements.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
        let name = cells.first()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((name.to_owned(), [3, 4, 5].map(|at| cells[at].trim_matches('`').to_owned())))
    });
    rows.collect()
}

#[test]
fn real_files_get_what_the_table_says() {
    let folder = root().join("../shared/data/ooni/real");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no real inputs at ../shared/data");
        return;
    }
    let outcome = run(&["judge", "--json", &folder.display().to_string()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let table = table();
    let mut seen = Vec::new();
    for line in outcome.lines() {
        let name = line["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let verdict = &line["verdict"];
        let ours = [
            verdict["status"].as_str().unwrap().to_owned(),
            verdict["mechanism"].as_str().unwrap_or("-").to_owned(),
            verdict["rule"]["id"].as_str().unwrap().to_owned(),
        ];
        let row = table.iter().find(|(file, _)| *file == name);
        assert_eq!(row.map(|(_, row)| row), Some(&ours), "{name}");
        seen.push(name);
    }
    let missing: Vec<_> = table.iter().filter(|(file, _)| !seen.contains(file)).collect();
    assert!(missing.is_empty(), "in the table and not judged: {missing:?}");
}
