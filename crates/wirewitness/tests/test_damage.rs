//! Damaged input: an error that names file and byte, and the next record is judged all the same.

use std::io::Write as _;

use crate::program::{example_line, run, run_with_input};

fn good() -> String {
    example_line("tls.reset.sni.json")
}

/// Puts something between two good records; gives the complaints, having seen both judged.
fn between(damage: &[u8]) -> String {
    let good = good();
    let mut input = good.clone().into_bytes();
    input.push(b'\n');
    input.extend_from_slice(damage);
    input.push(b'\n');
    input.extend_from_slice(good.as_bytes());
    input.push(b'\n');
    let outcome = run_with_input(&["judge", "--json", "-"], &input);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome.lines();
    let sni = lines.iter().filter(|line| line["verdict"]["mechanism"] == "tls.reset.sni").count();
    assert!(sni >= 2, "{sni} of 2 good records: {}", outcome.stderr);
    outcome.stderr
}

fn assert_named(complaint: &str, offset: usize) {
    let expected = format!("standard input: byte {offset} (record at line 2): ");
    assert!(complaint.contains(&expected), "{expected:?} not in {complaint:?}");
}

#[test]
fn truncated_everywhere() {
    let good = good();
    // Every place would take minutes; a prime step meets every kind of place.
    for cut in (1..good.len()).step_by(97) {
        if !good.is_char_boundary(cut) {
            continue;
        }
        let complaint = between(&good.as_bytes()[..cut]);
        assert_named_within(&complaint, good.len() + 1, good.len() + 1 + cut);
    }
}

fn assert_named_within(complaint: &str, from: usize, to: usize) {
    let offset =
        complaint.split("byte ").nth(1).and_then(|rest| rest.split(' ').next()).expect(complaint);
    let offset: usize = offset.parse().expect(complaint);
    assert!(
        (from..=to).contains(&offset),
        "byte {offset} is not within {from}..={to}: {complaint}"
    );
}

#[test]
fn flipped_bits_are_told_or_judged_never_lost() {
    let good = good();
    for at in (0..good.len()).step_by(61) {
        for bit in [0_u8, 3, 5, 7] {
            let mut flipped = good.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            if flipped[at] == b'\n' {
                continue;
            }
            between(&flipped);
        }
    }
}

#[test]
fn not_utf8() {
    let offset = good().len() + 1;
    assert_named(&between(b"{\"a\":\"\xff\"}"), offset + 6);
}

#[test]
fn nested_without_end() {
    let offset = good().len() + 1;
    let deep = |key: &str, n: usize| format!("{{\"{key}\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let nested = |n| format!("{{\"test_keys\":{}}}", deep("x", n));
    for damage in [deep("input", 100_000), deep("unknown", 100_000), nested(100_000)] {
        let complaint = between(damage.as_bytes());
        assert!(complaint.contains("recursion limit exceeded"), "{complaint}");
        assert_named_within(&complaint, offset, offset + damage.len());
    }
}

#[test]
fn one_line_of_a_hundred_megabytes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let good = good();
    {
        let mut out = std::io::BufWriter::new(file.as_file());
        writeln!(out, "{good}").unwrap();
        out.write_all(b"{\"x\":\"").unwrap();
        let chunk = [b'y'; 1 << 16];
        for _ in 0..(100_000_000 / chunk.len()) {
            out.write_all(&chunk).unwrap();
        }
        writeln!(out, "\"}}\n{good}").unwrap();
    }
    let path = file.path().to_str().unwrap();
    let outcome = run(&["judge", "--json", path]);
    assert_eq!(outcome.lines().len(), 2);
    let expected = format!("{path}: byte {} (record at line 2): record too long", good.len() + 1);
    assert!(outcome.stderr.contains(&expected), "{}", outcome.stderr);
}

#[test]
fn what_is_no_measurement_at_all() {
    for input in [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
        b"null\n",
        b"12\n",
        b"\"text\"\n",
        b"<html></html>\n",
    ] {
        let outcome = run_with_input(&["judge", "--json", "-"], input);
        assert_eq!(outcome.code, 1, "nothing could be judged: {input:?}");
        assert!(outcome.stderr.contains("standard input: byte "), "{}", outcome.stderr);
    }
    let outcome = run_with_input(&["judge", "--json", "-"], b"{}\n");
    assert_eq!(outcome.lines()[0]["verdict"]["rule"]["id"], "unsupported.empty");
}

#[test]
fn a_cut_gzip_file_gives_what_it_held() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let line = good();
    // Enough lines that the cut falls between whole ones, whatever the compressor keeps back.
    for number in 0..2000 {
        writeln!(encoder, "{}", line.replace("AS64500", &format!("AS{}", 64_000 + number)))
            .unwrap();
    }
    let whole = encoder.finish().unwrap();
    let outcome = run_with_input(&["judge", "--json", "-"], &whole[..whole.len() / 2]);
    assert!(outcome.lines().len() > 100, "{} lines", outcome.lines().len());
    assert!(outcome.stderr.contains("cannot be read on"), "{}", outcome.stderr);
}

#[test]
fn damaged_yaml_does_not_take_the_next_entry_with_it() {
    let report = "---\nprobe_asn: AS64500\nprobe_cc: XA\ntest_name: http_requests\nsoftware_name: ooniprobe\n...\n\
                  ---\ninput: http://one.example/\nrequests: [\n...\n---\ninput: http://two.example/\nrequests: []\n...\n";
    let outcome = run_with_input(&["judge", "--json", "-"], report.as_bytes());
    let inputs: Vec<_> = outcome.lines().iter().map(|line| line["input"].clone()).collect();
    assert_eq!(inputs, ["http://two.example/"]);
    assert!(outcome.stderr.contains("standard input: byte "), "{}", outcome.stderr);
}
