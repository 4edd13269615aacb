//! `wirewitness seal` and `wirewitness verify`: the real program, real files, killed at any instant.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{Outcome, example_line, run};

/// A folder with a key, a log, and measurements to seal.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        let line = example_line("tls.reset.sni.json");
        std::fs::write(desk.path("m.jsonl"), format!("{line}\n{line}\n")).unwrap();
        std::fs::write(desk.path("page.html"), "<p>what was found</p>").unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The arguments of `seal` to this bundle.
    fn sealing(&self, bundle: &str) -> Vec<String> {
        let mut arguments = vec!["seal".to_owned(), self.text("m.jsonl"), self.text("page.html")];
        for (flag, name) in [("--output", bundle), ("--key", "keys/key"), ("--log", "log")] {
            arguments.extend([flag.to_owned(), self.text(name)]);
        }
        arguments
    }

    fn seal(&self, bundle: &str, more: &[&str]) -> Outcome {
        let arguments = self.sealing(bundle);
        let all: Vec<&str> =
            arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        run(&all)
    }

    fn sealed(&self, bundle: &str) -> String {
        let outcome = self.seal(bundle, &[]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        self.text(bundle)
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_bundle_is_sealed_and_says_what_it_proves() {
    let desk = Desk::new();
    let bundle = desk.sealed("b.tar");
    let outcome = run(&["verify", &bundle]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    for words in [
        "holds",
        "Proven:",
        "Not proven:",
        "Who holds that key",
        "entry 1 of 1",
        "own clock",
        "measurements/m.jsonl",
    ] {
        assert!(outcome.stdout.contains(words), "{words}\n{}", outcome.stdout);
    }
    let key = run(&["seal", "key", "--key", &desk.text("keys/key")]).stdout;
    let key = key.lines().next().unwrap();
    let named = run(&["verify", "--json", "--key", key, &bundle]);
    assert_eq!(named.lines()[0]["key_known"], true, "{}", named.stderr);
    let files = named.lines()[0]["files"].clone();
    let sum = Command::new("sha256sum").arg(desk.path("m.jsonl")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert!(sum.starts_with(files[0]["sha256"].as_str().unwrap()), "{sum} {files}");
    let other = run(&[
        "verify",
        "--key",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        &bundle,
    ]);
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("not by a key that you named"), "{}", other.stderr);
    // Anybody can unpack it.
    let unpacked = desk.path("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let tar =
        Command::new("tar").arg("-xf").arg(&bundle).arg("-C").arg(&unpacked).status().unwrap();
    assert!(tar.success());
    let inside = std::fs::read(unpacked.join("wirewitness-bundle/measurements/m.jsonl")).unwrap();
    assert_eq!(inside, std::fs::read(desk.path("m.jsonl")).unwrap());
}

#[cfg(unix)]
#[test]
fn the_key_is_its_owners_and_one_that_others_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.sealed("b.tar");
    let mode =
        |name: &str| std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("keys/key"), mode("keys"), mode("log"), mode("b.tar")),
        (0o600, 0o700, 0o700, 0o600)
    );
    std::fs::set_permissions(desk.path("keys/key"), PermissionsExt::from_mode(0o644)).unwrap();
    let outcome = desk.seal("c.tar", &[]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("others may read this key"), "{}", outcome.stderr);
}

#[test]
fn a_key_behind_a_passphrase() {
    let desk = Desk::new();
    std::fs::write(desk.path("pass"), "correct horse\n").unwrap();
    std::fs::write(desk.path("wrong"), "incorrect\n").unwrap();
    let right = ["--passphrase-file", &desk.text("pass")];
    assert_eq!(desk.seal("b.tar", &right).code, 0);
    let key = std::fs::read(desk.path("keys/key")).unwrap();
    assert!(key.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert_eq!(desk.seal("c.tar", &right).code, 0);
    for (more, words) in [
        (&["--passphrase-file", &desk.text("wrong")][..], "another one"),
        (&[], "behind a passphrase"),
    ] {
        let outcome = desk.seal("d.tar", more);
        assert_eq!(outcome.code, 1);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert!(!desk.path("d.tar").exists());
    }
}

#[test]
fn evidence_is_not_overwritten() {
    let desk = Desk::new();
    desk.sealed("b.tar");
    let before = std::fs::read(desk.path("b.tar")).unwrap();
    let again = desk.seal("b.tar", &[]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    assert_eq!(std::fs::read(desk.path("b.tar")).unwrap(), before);
}

#[test]
fn a_changed_byte_fails_loudly_and_names_the_file() {
    let desk = Desk::new();
    let bundle = desk.sealed("b.tar");
    let mut bytes = std::fs::read(&bundle).unwrap();
    let at = bytes.windows(6).rposition(|it| it == b"found<").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let outcome = run(&["verify", &bundle]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.stderr.contains("b.tar: DOES NOT HOLD"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("report/page.html (from byte "), "{}", outcome.stderr);
    let json = run(&["verify", "--json", &bundle]);
    assert_eq!((json.code, json.lines()[0]["holds"].clone()), (1, false.into()));
}

#[test]
fn fields_are_left_out_and_the_seal_holds() {
    let desk = Desk::new();
    let bundle = desk.sealed("b.tar");
    let less = desk.text("less.tar");
    let outcome = run(&[
        "seal",
        "redact",
        &bundle,
        "--leave-out",
        "probe_asn",
        // The same value stands here, too: leaving out is by field, not by value.
        "--leave-out",
        "resolver_asn",
        "--leave-out-file",
        "report/page.html",
        "--output",
        &less,
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let bytes = std::fs::read(&less).unwrap();
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|it| it == needle);
    assert!(!has(b"AS64500") && !has(b"what was found"));
    let seen = run(&["verify", &less]);
    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert!(seen.stdout.contains("LEFT OUT: probe_asn (2 times)"), "{}", seen.stdout);
    let none = run(&[
        "seal",
        "redact",
        &bundle,
        "--leave-out",
        "probe_ipp",
        "--output",
        &desk.text("none.tar"),
    ]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("there is no probe_ipp"), "{}", none.stderr);
    assert!(!desk.path("none.tar").exists());
}

#[test]
fn a_log_that_was_cut_rewritten_or_forked_is_told() {
    let desk = Desk::new();
    let first = desk.sealed("1.tar");
    copy_folder(&desk.path("log"), &desk.path("after-1"));
    let second = desk.sealed("2.tar");
    let log = desk.text("log");
    let whole = run(&["verify", "--json", "--log", &log, &first, &second]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert_eq!(whole.lines()[0]["log"]["continued"], true);

    // Cut: as it was before.
    let cut = run(&["verify", "--log", &desk.text("after-1"), &second]);
    assert_eq!(cut.code, 1);
    assert!(cut.stderr.contains("the log was cut"), "{}", cut.stderr);

    // Forked: from the copy another second entry is made, with the same key.
    let mut arguments = desk.sealing("fork.tar");
    let place = arguments.len() - 1;
    arguments[place] = desk.text("after-1");
    let forked = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(forked.code, 0, "{}", forked.stderr);
    let both = run(&["verify", &second, &desk.text("fork.tar")]);
    assert_eq!(both.code, 1);
    assert!(both.stderr.contains("the log was forked"), "{}", both.stderr);

    // Rewritten: the fork's log is not the one that the second bundle names.
    let rewritten = run(&["verify", "--log", &desk.text("after-1"), &second]);
    assert_eq!(rewritten.code, 1);
    assert!(rewritten.stderr.contains("the log was rewritten"), "{}", rewritten.stderr);

    // A bit of any of its files.
    let mut files = Vec::new();
    let mut folders = vec![desk.path("log")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    // The last tiles and the checkpoint are in use; the smaller tiles of before and the lock are not.
    let used = |it: &&PathBuf| it.ends_with("000.p/2") || it.ends_with("checkpoint");
    let used: Vec<_> = files.iter().filter(used).collect();
    assert_eq!(used.len(), 3, "{files:?}");
    for path in used {
        let good = std::fs::read(path).unwrap();
        for at in (0..good.len()).step_by(7) {
            let mut changed = good.clone();
            changed[at] ^= 4;
            std::fs::write(path, changed).unwrap();
            let outcome = run(&["verify", "--log", &log, &second]);
            assert_eq!(outcome.code, 1, "{} byte {at}", path.display());
        }
        std::fs::write(path, good).unwrap();
    }
    // A log without its checkpoint is damaged, and not begun anew.
    std::fs::remove_file(desk.path("log/checkpoint")).unwrap();
    assert_eq!(desk.seal("3.tar", &[]).code, 1);
}

#[test]
fn proofs_of_growth_stand_for_the_log() {
    let desk = Desk::new();
    let first = desk.sealed("1.tar");
    copy_folder(&desk.path("log"), &desk.path("after-1"));
    let second = desk.sealed("2.tar");
    desk.sealed("3.tar");
    let growth = |since: &str, log: &str, name: &str| {
        let (key, output) = (desk.text("keys/key"), desk.text(name));
        let arguments =
            ["seal", "growth", "--since", since, "--log", log, "--key", &key, "--output", &output];
        let outcome = run(&arguments);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        output
    };
    let log = desk.text("log");
    let proof = growth("1", &log, "1-3");
    let holds = run(&["verify", "--json", "--growth", &proof, &first, &second]);
    assert_eq!(holds.code, 0, "{}", holds.stderr);
    assert_eq!(holds.lines()[0]["log"]["grown_to"], 3);
    // No proof begins where the second one was sealed.
    assert_eq!(holds.lines()[1]["log"]["grown_to"], serde_json::Value::Null);
    let words = run(&["verify", "--growth", &proof, &first]);
    assert!(words.stdout.contains("lead from there to 3 entries"), "{}", words.stdout);

    // Another second entry, by the same key: what leads there does not lead to what the others have seen.
    let fork = desk.text("after-1");
    let mut arguments = desk.sealing("fork.tar");
    let place = arguments.len() - 1;
    arguments[place] = fork.clone();
    assert_eq!(run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).code, 0);
    let to_fork = growth("1", &fork, "1-fork");
    let forked = run(&["verify", "--growth", &to_fork, &second, &first]);
    assert_eq!(forked.code, 1);
    assert!(forked.stderr.contains("the log was forked"), "{}", forked.stderr);
    let from_fork = run(&["verify", "--growth", &growth("2", &log, "2-3"), &desk.text("fork.tar")]);
    assert_eq!(from_fork.code, 1);
    assert!(from_fork.stderr.contains("does not continue the one of 2"), "{}", from_fork.stderr);

    // Longer than the log is.
    let (key, output) = (desk.text("keys/key"), desk.text("none"));
    let none =
        run(&["seal", "growth", "--since", "4", "--log", &log, "--key", &key, "-o", &output]);
    assert_eq!(none.code, 2, "{}", none.stderr);
    assert!(none.stderr.contains("3 entries"), "{}", none.stderr);
}

#[test]
fn an_encrypted_bundle_shows_nothing_and_opens_for_its_reader() {
    // The keys of the specification (c2sp.org/age).
    let desk = Desk::new();
    let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    let identity =
        "# a key\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n";
    std::fs::write(desk.path("identity"), identity).unwrap();
    assert_eq!(desk.seal("b.age", &["--encrypt-to", recipient]).code, 0);
    let bytes = std::fs::read(desk.path("b.age")).unwrap();
    assert!(!bytes.windows(8).any(|it| it == b"manifest"));
    let bundle = desk.text("b.age");
    let opened = run(&["verify", "--identity", &desk.text("identity"), &bundle]);
    assert_eq!(opened.code, 0, "{}", opened.stderr);
    let closed = run(&["verify", &bundle]);
    assert_eq!(closed.code, 1);
    assert!(closed.stderr.contains("it is encrypted"), "{}", closed.stderr);
    assert_eq!(desk.seal("c.age", &["--encrypt-to", "age1nonsense"]).code, 2);
}

/// Kills it after a while; whether it was done before.
fn killed_after(arguments: &[String], micros: u64) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_micros(micros));
    let was_done = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    was_done
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how long a run takes here")]
fn killed_at_any_instant_key_and_log_stay_usable() {
    let desk = Desk::new();
    // How long a whole run takes here sets where it is cut.
    let begun = std::time::Instant::now();
    desk.sealed("first.tar");
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let key = std::fs::read(desk.path("keys/key")).unwrap();
    let (mut state, mut cut, mut kept) =
        (0x2545_f491_4f6c_dd1d_u64, 0, vec![desk.text("first.tar")]);
    for round in 0..60 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let name = format!("{round}.tar");
        // Every fourth round begins with nothing: the key and the log are being made then.
        let fresh = (round % 4 == 3).then(Desk::new);
        let at = fresh.as_ref().unwrap_or(&desk);
        let was_done = killed_after(&at.sealing(&name), (state >> 33) % (whole * 5 / 4).max(1));
        cut += u32::from(!was_done);
        if at.path(&name).exists() {
            let checked = run(&["verify", "--log", &at.text("log"), &at.text(&name)]);
            assert_eq!(checked.code, 0, "a bundle is whole or absent: {}", checked.stderr);
            if fresh.is_none() {
                kept.push(at.text(&name));
            }
        }
        let after = at.sealed(&format!("after-{round}.tar"));
        let checked = run(&["verify", "--log", &at.text("log"), &after]);
        assert_eq!(checked.code, 0, "{}", checked.stderr);
    }
    assert!(cut >= 20, "{cut} of 60 were killed before their end");
    assert_eq!(std::fs::read(desk.path("keys/key")).unwrap(), key);
    let log = desk.text("log");
    let mut arguments = vec!["verify", "--log", &log];
    arguments.extend(kept.iter().map(String::as_str));
    let all = run(&arguments);
    assert_eq!(all.code, 0, "{}", all.stderr);
}

#[test]
fn wrong_usage_is_told() {
    let desk = Desk::new();
    assert_eq!(run(&["seal"]).code, 2);
    assert_eq!(run(&["verify"]).code, 2);
    let missing = run(&["verify", &desk.text("none.tar")]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("none.tar: cannot be read"), "{}", missing.stderr);
    std::fs::write(desk.path("x"), "no bundle").unwrap();
    let none = run(&["verify", &desk.text("x")]);
    assert!(
        none.stderr.contains("byte 0: it is cut: 512 bytes should come, 9 do"),
        "{}",
        none.stderr
    );
    let bad_key = run(&["verify", "--key", "nonsense", &desk.text("x")]);
    assert_eq!(bad_key.code, 2);
}
