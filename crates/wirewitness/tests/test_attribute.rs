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
