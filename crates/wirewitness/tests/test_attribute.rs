//! `wirewitness attribute` on the invented batteries and on damaged ones.

use crate::program::{root, run, run_with_input};

fn example(name: &str) -> String {
    root().join("examples/attribution").join(name).display().to_string()
}

#[test]
fn resets_with_a_key_are_of_a_lineage_and_silence_is_of_nobody() {
    let outcome = run(&["attribute", "--json", &example("resets.json"), &example("silence.json")]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome.lines();
    assert_eq!(lines[0]["verdict"], "same device class as TSG");
    let grounds = lines[0]["tsg_lineage"].as_array().unwrap();
    assert!(grounds.iter().any(|it| it.as_str().unwrap().starts_with("resets: k = 13")));
    let silence = &lines[1];
    assert_eq!(silence["verdict"], "blocking confirmed; vendor not attributable from packets");
    assert_eq!(silence["families"][0]["verdict"], "inconclusive: saturated");
    assert_eq!(silence["families"][0]["informative"], 0);
    assert_eq!(silence["location"]["inside_cgnat"], "withheld");
}

#[test]
fn a_person_reads_what_was_seen_against_what_was_predicted() {
    let outcome = run(&["attribute", &example("resets.json")]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let text = &outcome.stdout;
    for words in [
        "VERDICT  same device class as TSG",
        "TSG code lineage, by",
        "tls_parser rst: consistent with TSG",
        "message_len:half",
        "What would tell the remaining candidates apart",
        "What else can explain it",
        "no part of any number above",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let row = text.lines().find(|it| it.contains("sni_name_len:double")).unwrap();
    assert!(row.contains("bypass") && row.contains("censored !"), "{row}");
}

#[test]
fn no_output_betrays_an_address() {
    let path = example("resets.json");
    let battery: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for arguments in [&["attribute", &path][..], &["attribute", "--json", &path]] {
        let text = run(arguments).stdout;
        for address in ["192.0.2.", "198.51.100."] {
            assert!(!text.contains(address), "{address}");
        }
        for packet in battery["resets"][0]["events"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it.as_array().unwrap())
        {
            for field in ["ipid", "window"] {
                let number = packet[field].to_string();
                let is_number = |it: &str| it == number;
                let mut words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '.');
                assert!(!words.any(is_number), "{field} {number}");
            }
        }
    }
}

#[test]
fn a_battery_that_cannot_be_is_named_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, "{\"format\": \"wirewitness battery 1\",\n \"evnet\": 1}").unwrap();
    let bad = bad.display().to_string();
    let outcome = run(&["attribute", "--json", &bad, &example("silence.json")]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("bad.json: line 2 column 8: unknown field"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.lines().len(), 1);
    assert_eq!(run(&["attribute", "/no/such/battery"]).code, 1);
    assert_eq!(run(&["attribute"]).code, 2);
    let piped = run_with_input(&["attribute", "-", "--json"], b"\xff\x00nonsense");
    assert_eq!(piped.code, 1);
    assert!(piped.stderr.contains("standard input: line 1"), "{}", piped.stderr);
}

#[test]
fn other_profiles_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = root().join("scenarios/devices/kazakhstan.toml");
    std::fs::copy(shipped, folder.path().join("one.toml")).unwrap();
    let path = folder.path().display().to_string();
    let arguments = ["attribute", "--json", "--profiles", &path, &example("silence.json")];
    let outcome = run(&arguments);
    assert_eq!(outcome.lines()[0]["catalogue"]["devices"], 1);
    std::fs::write(folder.path().join("two.toml"), "id = \"X\"\n[dsn]\n").unwrap();
    let outcome = run(&arguments);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("two.toml: dsn: unknown key"), "{}", outcome.stderr);
}

/// A far end, and the file of its token.
fn far_end(folder: &std::path::Path, address: &str) -> (crate::test_probe::HelperProcess, String) {
    let token = folder.join("battery-token").display().to_string();
    let ports = ["--battery-ports", "21600-21603", "--battery-udp-ports", "21653"];
    let helper = ["--public", "--battery", address, "--battery-token", &token];
    (crate::test_probe::HelperProcess::start(&[&helper[..], &ports].concat()), token)
}

#[test]
#[cfg(unix)]
fn a_live_battery_takes_consent_of_both_ends() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (helper, token) = far_end(folder.path(), "127.0.0.1");
    let mode = std::fs::metadata(&token).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "only its owner reads the token");
    let out = folder.path().join("out.json").display().to_string();
    let other = folder.path().join("other-token").display().to_string();
    std::fs::write(&other, "hunter2").unwrap();
    let base =
        ["attribute", "--live", helper.url.as_str(), "--name", "blocked.example", "--out", &out];
    for (more, code, words) in [
        (&["--token", token.as_str()][..], 2, "without consent"),
        (&["--token", other.as_str(), "--yes-i-consent"], 1, "no consent token"),
        (
            &["--token", token.as_str(), "--yes-i-consent", "--tests", "all"],
            2,
            "no test of the battery",
        ),
        (
            &["--token", token.as_str(), "--yes-i-consent", "--neutral", "blocked.example"],
            2,
            "both",
        ),
        (&["--yes-i-consent"], 2, "--token"),
        (&["--token", token.as_str(), "file.json"], 2, "cannot be used with"),
    ] {
        let outcome = run(&[&base[..], more].concat());
        assert_eq!(outcome.code, code, "{more:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
        assert!(!std::path::Path::new(&out).exists(), "{more:?}");
    }
    let elsewhere = ["attribute", "--live", "http://127.0.0.1:1/", "--name", "blocked.example"];
    let outcome =
        run(&[&elsewhere[..], &["--token", &token, "--out", &out, "--yes-i-consent"]].concat());
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("not at port"), "{}", outcome.stderr);
    let elsewhere = ["attribute", "--live", "http://127.0.0.2:1/", "--name", "blocked.example"];
    let outcome =
        run(&[&elsewhere[..], &["--token", &token, "--out", &out, "--yes-i-consent"]].concat());
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("not at 127.0.0.1"), "{}", outcome.stderr);
    drop(helper);
}

#[test]
fn no_flag_lifts_a_cap_or_names_another_source() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token").display().to_string();
    let out = folder.path().join("out.json").display().to_string();
    std::fs::write(&token, "hunter2").unwrap();
    let base = ["attribute", "--live", "http://127.0.0.1:1/", "--token", &token, "--out", &out];
    let base = [&base[..], &["--name", "blocked.example", "--yes-i-consent"]].concat();
    for flag in [
        "--interval",
        "--rate",
        "--connections",
        "--bits",
        "--caps",
        "--source",
        "--bind",
        "--interface",
        "--force",
        "--no-consent",
        "--ignore-controls",
        "--ports",
    ] {
        let outcome = run(&[&base[..], &[flag, "1"]].concat());
        assert_eq!(outcome.code, 2, "{flag}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("unexpected argument"), "{flag}: {}", outcome.stderr);
    }
    for runs in ["0", "3", "100"] {
        let outcome = run(&[&base[..], &["--runs", runs]].concat());
        assert_eq!(outcome.code, 2, "{runs}: {}", outcome.stderr);
    }
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
#[cfg(unix)]
fn a_live_battery_says_what_it_costs_and_is_stored_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    // Ports of their own: tests run side by side.
    let token = folder.path().join("token").display().to_string();
    let ports = ["--battery-ports", "21700-21703", "--battery-udp-ports", ""];
    let helper = ["--public", "--battery", "127.0.0.1", "--battery-token", &token];
    let helper = crate::test_probe::HelperProcess::start(&[&helper[..], &ports].concat());
    let out = folder.path().join("out.json").display().to_string();
    let outcome = run(&[
        "attribute",
        "--json",
        "--live",
        &helper.url,
        "--token",
        &token,
        "--name",
        "blocked.example",
        "--out",
        &out,
        "--yes-i-consent",
        "--tests",
        "residual,dns,quic",
        "--seed",
        "5",
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    for words in [
        "at most one a second",
        "not run: dns: the far end takes no datagrams",
        "not run: residual",
    ] {
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
    }
    let stored = std::fs::read_to_string(&out).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(
        (&stored["run"]["seed"], &stored["run"]["ended"]),
        (&5.into(), &serde_json::Value::Null)
    );
    assert_eq!(outcome.lines()[0]["event"], "live battery, seed 5");
    let again = run(&[
        "attribute",
        "--live",
        &helper.url,
        "--token",
        &token,
        "--name",
        "blocked.example",
        "--out",
        &out,
        "--yes-i-consent",
    ]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("not written over"), "{}", again.stderr);
}

/// Where the page has a command and what it prints, the program prints that: all lines that the page has, in their order (`..` stands for
/// those that it leaves out).
#[test]
fn the_page_on_vendors_has_true_output_for_every_rung() {
    let page = std::fs::read_to_string(root().join("docs/howto/vendor.md")).unwrap();
    let mut said = String::new();
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let (command, printed) = block.split_once('\n').unwrap();
        let arguments = command.strip_prefix("$ wirewitness ").unwrap();
        let arguments: Vec<String> = arguments
            .split(' ')
            .map(|it| match it.starts_with("examples/") {
                true => root().join(it).display().to_string(),
                false => it.to_owned(),
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = run(&arguments);
        assert_eq!(outcome.code, 0, "{command}: {}", outcome.stderr);
        let mut lines = outcome.stdout.lines().map(str::trim_end);
        for line in printed.lines().map(str::trim_end).filter(|it| *it != "..") {
            assert!(
                lines.any(|it| it == line),
                "{command}\n{line:?} is not in\n{}",
                outcome.stdout
            );
        }
        said += printed;
    }
    for rung in [
        "same device class as TSG",
        "TSG code lineage, by",
        "consistent with GFW_II, TSG (not exclusive)",
        "blocking confirmed; vendor not attributable from packets",
        "contradicts TSG",
        "VERDICT  inconclusive",
        "no interference observed",
        "nothing forged seen: nothing to attribute",
    ] {
        assert!(said.contains(rung), "no example of {rung:?}");
    }
}

#[test]
fn a_capture_is_attributed_as_far_as_its_packets_go() {
    let capture = example("forged-resets.pcap");
    let outcome = run(&["attribute", "--json", &capture]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let line = &outcome.lines()[0];
    assert_eq!(line["verdict"], "consistent with GFW_II, TSG (not exclusive)");
    let families: Vec<&str> = line["families"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["family"].as_str().unwrap())
        .collect();
    assert_eq!(families, ["rst_static", "rst_prng"]);
    assert_eq!(line["location"]["injector_hops"], serde_json::json!([6, 6]));
    for address in ["192.0.2.", "198.51.100."] {
        assert!(!outcome.stdout.contains(address), "{address}");
    }
    // The same from standard input.
    let bytes = std::fs::read(&capture).unwrap();
    let piped = run_with_input(&["attribute", "--json", "-"], &bytes);
    assert_eq!(piped.lines()[0]["families"], line["families"], "{}", piped.stderr);
    // Eight packets are enough without addresses.
    let outcome = run(&["attribute", "--json", "--addresses-rewritten", &capture]);
    let notes = outcome.lines()[0]["families"][1]["notes"].to_string();
    assert!(notes.contains("void by address: addresses were rewritten"), "{notes}");
}

/// The address of the client in all packets replaced, and no checksum made anew.
#[test]
fn checksums_that_do_not_hold_betray_rewritten_addresses() {
    let mut bytes = std::fs::read(example("forged-resets.pcap")).unwrap();
    let (from, to) = ([192, 0, 2, 10], [93, 184, 216, 34]);
    for at in 24..bytes.len() - 4 {
        if bytes[at..at + 4] == from {
            bytes[at..at + 4].copy_from_slice(&to);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rewritten.pcap");
    std::fs::write(&path, &bytes).unwrap();
    let outcome = run(&["attribute", "--json", &path.display().to_string()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(
        outcome.stdout.contains("void by address: addresses were rewritten"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn every_number_of_the_profiles_has_a_source_and_a_date() {
    let outcome = run(&["attribute", "--sources", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome.lines();
    let text = |line: &serde_json::Value, field: &str| line[field].as_str().unwrap().to_owned();
    for line in &lines {
        for field in ["device", "cell", "is", "source", "title", "date"] {
            assert!(!text(line, field).is_empty(), "{field}: {line}");
        }
        let date = text(line, "date");
        assert!(date == "unknown" || date.starts_with("20"), "{line}");
    }
    // As many as the files have cells: lines with a value and a source in braces.
    let folder = std::fs::read_dir(root().join("scenarios/devices")).unwrap();
    let texts = folder.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap());
    let cells: usize =
        texts.map(|it| it.lines().filter(|it| it.contains("= { is = ")).count()).sum();
    assert_eq!(lines.len(), cells);
    let words = run(&["attribute", "--sources"]).stdout;
    for line in [
        "TSG: Geedge Tiangou Secure Gateway",
        "  tcp_injection.stable_k = k=13: P26 table 7, 2026",
        "  ip.fragment_boundary (reassembly off) = 0: P26 table 6, option ipv4_reassembly_enabled, 2026",
    ] {
        assert!(words.lines().any(|it| it == line), "{line}\n{words}");
    }
}

#[test]
fn a_cell_without_a_source_is_no_profile() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::fs::read_to_string(root().join("scenarios/devices/pk_drop.toml")).unwrap();
    let path = folder.path().join("mine.toml");
    let profiles = folder.path().display().to_string();
    for (wrong, right) in
        [("", ", source = \"P26\""), (", source = \"NOBODY\"", ", source = \"P26\"")]
    {
        std::fs::write(&path, shipped.replacen(right, wrong, 1)).unwrap();
        let outcome = run(&["attribute", "--sources", "--profiles", &profiles]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{wrong}");
        assert!(outcome.stderr.contains("mine.toml"), "{}", outcome.stderr);
    }
}

#[test]
#[cfg(not(feature = "archive"))]
fn the_field_program_says_that_it_has_no_archive() {
    let outcome = run(&["attribute", "--archive", "anywhere"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("it has no archive"), "{}", outcome.stderr);
}

/// Measurements in which something else answered: the archive tells them by network, and no more than that something was forged.
#[test]
#[cfg(feature = "archive")]
fn an_archive_is_attributed_network_by_network() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive").display().to_string();
    let measurements = root().join("examples/measurements").display().to_string();
    let ingested = run(&["ingest", &measurements, "--archive", &archive]);
    assert_eq!(ingested.code, 0, "{}", ingested.stderr);
    let outcome = run(&["attribute", "--json", "--archive", &archive]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome.lines();
    assert!(!lines.is_empty());
    for line in &lines {
        for family in line["families"].as_array().unwrap() {
            assert!(
                ["dns_response", "blockpage"].contains(&family["family"].as_str().unwrap()),
                "{family}"
            );
        }
        let verdict = line["verdict"].as_str().unwrap();
        assert!(!verdict.starts_with("same device class"), "{verdict}");
        assert!(line["about"].as_str().unwrap().contains("never can be"));
    }
    // Nothing is asked of an archive that is not there.
    assert_eq!(run(&["attribute", "--archive", "/no/such/archive"]).code, 1);
}
