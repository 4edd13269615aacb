//! `wirewitness ingest`: whatever the files hold, every good record is in once, the rest is told, and memory is bounded.

use std::io::{Read as _, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use wirewitness_store::schema::{MEASUREMENT, OBSERVATION, SOURCE, Table};

use crate::program::{Outcome, example, root, run, run_with_input};

/// A good record; each number another one.
pub(crate) fn record(number: usize) -> String {
    let mut record: Value = serde_json::from_str(&example("tls.reset.sni.json")).unwrap();
    record["measurement_uid"] = format!("made-up-{number}").into();
    record.to_string()
}

pub(crate) fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| record(number) + "\n").collect()
}

/// A folder for sources and one for the archive.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn sources(&self) -> String {
        self.0.path().join("in").to_str().unwrap().to_owned()
    }

    pub(crate) fn archive(&self) -> String {
        self.0.path().join("archive").to_str().unwrap().to_owned()
    }

    pub(crate) fn ingest(&self, source: &str) -> Outcome {
        run(&["ingest", "--json", "--archive", &self.archive(), source])
    }

    pub(crate) fn rows(&self, table: &'static Table) -> u64 {
        let url = wirewitness_store::archive::locate(&self.archive()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let archive = runtime.block_on(wirewitness_store::Archive::open(&url)).unwrap();
        let files = archive.table(table).unwrap().files().unwrap();
        files.iter().map(|file| file.rows).sum()
    }

    /// Names and contents of what is in quarantine.
    pub(crate) fn quarantine(&self) -> Vec<(String, String)> {
        let folder = Path::new(&self.archive()).join("quarantine");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut files: Vec<_> = entries
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn count(outcome: &Outcome, name: &str) -> u64 {
    outcome.lines()[0][name].as_u64().expect(name)
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn good_records_among_bad_ones_and_the_same_again() {
    let place = Place::new();
    let bad = "{\"test_name\":}\ngarbage\n{\"a\":\"cut\n{}\n\u{0}\n";
    place.put("day.jsonl", format!("{}{bad}{}", lines(0..5), lines(5..10)));
    let first = place.ingest(&place.sources());
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(count(&first, "added"), 10, "{}", first.stderr);
    assert_eq!(count(&first, "refused"), 5, "{}", first.stderr);
    for told in ["day.jsonl: line 6: ", "day.jsonl: line 7: ", "no time that can be read"] {
        assert!(first.stderr.contains(told), "{told:?} not in {}", first.stderr);
    }
    let kept = place.quarantine();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].1.lines().count(), 5);
    let line: Value = serde_json::from_str(kept[0].1.lines().next().unwrap()).unwrap();
    assert_eq!((line["line"].as_u64(), line["file"].as_str()), (Some(6), Some("day.jsonl")));

    let again = place.ingest(&place.sources());
    assert_eq!(count(&again, "added"), 0);
    assert_eq!(count(&again, "known"), 10);
    assert_eq!(count(&again, "commit"), count(&first, "commit"), "nothing new, no commit");
    assert_eq!(place.quarantine(), kept, "the same file, kept once");
    assert_eq!((place.rows(&MEASUREMENT), place.rows(&SOURCE)), (10, 1));
}

#[test]
fn packed_in_every_way_also_in_each_other() {
    let place = Place::new();
    place.put("plain.jsonl", lines(0..3));
    place.put("a.gz", [gzip(lines(3..5).as_bytes()), gzip(lines(5..6).as_bytes())].concat());
    place.put("b.zst", zstd::encode_all(lines(6..9).as_bytes(), 3).unwrap());
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    xz.write_all(lines(9..12).as_bytes()).unwrap();
    place.put("c.xz", xz.finish().unwrap());
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(lines(12..15).as_bytes()).unwrap();
    place.put("d.lz4", lz4.finish().unwrap());
    let mut inner = tar::Builder::new(Vec::new());
    append(&mut inner, "deep/x.jsonl", lines(15..17).as_bytes());
    let mut outer = tar::Builder::new(Vec::new());
    append(&mut outer, "inner.tar.gz", &gzip(&inner.into_inner().unwrap()));
    append(
        &mut outer,
        &format!("{}/y.jsonl.gz", "long".repeat(60)),
        &gzip(lines(17..20).as_bytes()),
    );
    place.put("e.tgz", gzip(&outer.into_inner().unwrap()));
    place.put("pretty.json", example("dns.nxdomain.json"));
    let outcome = place.ingest(&place.sources());
    assert_eq!(count(&outcome, "refused"), 0, "{}", outcome.stderr);
    assert_eq!((count(&outcome, "added"), count(&outcome, "files")), (21, 7));
    let pattern = format!("{}/*.lz4", place.sources());
    assert_eq!(count(&place.ingest(&pattern), "known"), 3);
}

pub(crate) fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, name, bytes).unwrap();
}

/// A member whose name the crate that writes tars would not write.
fn append_as_is(tar: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, bytes: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    tar.append(&header, bytes).unwrap();
}

#[test]
fn a_tar_that_wants_out_of_its_folder_is_read_without_that() {
    use tar::EntryType::{Block, Fifo, Regular, Symlink};
    let place = Place::new();
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "good/1.jsonl", lines(0..2).as_bytes());
    append_as_is(&mut tar, "../../evil.jsonl", Regular, lines(2..3).as_bytes());
    append_as_is(&mut tar, "/etc/evil.jsonl", Regular, lines(3..4).as_bytes());
    append_as_is(&mut tar, "link", Symlink, b"");
    append_as_is(&mut tar, "disk", Block, b"");
    append_as_is(&mut tar, "pipe", Fifo, b"");
    append(&mut tar, "good/2.jsonl", lines(4..6).as_bytes());
    let path = place.put("all.tar", tar.into_inner().unwrap());
    let before = all_files(place.0.path());
    let outcome = place.ingest(&path);
    assert_eq!(
        (count(&outcome, "added"), count(&outcome, "refused")),
        (4, 5),
        "{}",
        outcome.stderr
    );
    for told in ["a path with `..`", "an absolute path", "a link", "a device"] {
        assert!(outcome.stderr.contains(told), "{told:?} not in {}", outcome.stderr);
    }
    let outside: Vec<_> = all_files(place.0.path())
        .into_iter()
        .filter(|path| !path.starts_with(place.archive()) && !before.contains(path))
        .collect();
    assert_eq!(outside, Vec::<std::path::PathBuf>::new(), "nothing is unpacked to disk");
}

fn all_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn a_cut_file_gives_what_it_held_and_its_row() {
    let place = Place::new();
    let whole = gzip(lines(0..300).as_bytes());
    place.put("cut.jsonl.gz", &whole[..whole.len() / 2]);
    let outcome = place.ingest(&place.sources());
    assert!(count(&outcome, "added") > 50, "{}", outcome.stderr);
    let told = "cut.jsonl.gz: line ";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(": cannot be read on: "), "{}", outcome.stderr);
    assert_eq!(place.rows(&SOURCE), 1);
    let again = place.ingest(&place.sources());
    assert_eq!((count(&again, "added"), count(&again, "commit")), (0, count(&outcome, "commit")));
}

#[test]
fn flipped_bytes_never_end_the_run() {
    let place = Place::new();
    let text = lines(0..40);
    let mut packings = vec![("gz", gzip(text.as_bytes()))];
    packings.push(("zst", zstd::encode_all(text.as_bytes(), 3).unwrap()));
    packings.push(("jsonl", text.clone().into_bytes()));
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, "a.jsonl", text.as_bytes());
    packings.push(("tar", tar.into_inner().unwrap()));
    for (name, bytes) in &packings {
        for at in 0..12 {
            let mut flipped = bytes.clone();
            let place_of = at * bytes.len() / 12;
            flipped[place_of] ^= 1 << (at % 8);
            place.put(&format!("{at}.{name}"), flipped);
        }
    }
    place.put("z.jsonl", lines(0..40));
    let outcome = place.ingest(&place.sources());
    assert!(outcome.code == 0, "{}", outcome.stderr);
    assert_eq!(count(&outcome, "files"), 49);
    // The good file is read last, and all of it is in.
    let good = place.ingest(&format!("{}/z.jsonl", place.sources()));
    assert_eq!((count(&good, "known"), count(&good, "added")), (40, 0));
}

#[test]
fn names_cannot_steer_a_terminal() {
    let place = Place::new();
    let name = "\u{202e}gnp.\u{1b}[31mred\u{7}.jsonl";
    place.put(name, format!("garbage\n{}", lines(0..1)));
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, &format!("x/{name}"), b"garbage\n");
    place.put("t.tar", tar.into_inner().unwrap());
    let outcome = place.ingest(&place.sources());
    assert_eq!(
        (count(&outcome, "added"), count(&outcome, "refused")),
        (1, 2),
        "{}",
        outcome.stderr
    );
    for sign in ['\u{202e}', '\u{1b}', '\u{7}'] {
        assert!(!outcome.stderr.contains(sign), "{:?}", outcome.stderr);
    }
    assert!(outcome.stderr.contains("\\u{202e}gnp.\\u{1b}[31mred"), "{}", outcome.stderr);
}

#[test]
fn what_is_not_read_says_so() {
    let place = Place::new();
    place.put("a.7z", b"7z\xbc\xaf\x27\x1c");
    place.put("b.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0");
    place.put("c.txt", b"");
    let outcome = place.ingest(&place.sources());
    assert_eq!(outcome.code, 1, "nothing could be used");
    assert!(outcome.stderr.contains("a.7z: line 1: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("b.pcap: holds no packet"), "{}", outcome.stderr);
    let missing = place.ingest("/nowhere/at/all.jsonl");
    assert_eq!((missing.code, count(&missing, "unreadable")), (1, 1));
}

#[test]
fn findings_of_a_capture_are_rows_once_however_it_is_packed() {
    let place = Place::new();
    let recorded = place.put("line.pcapng", b"");
    let lab = ["lab", "capture", "pakistan-2025", "--client", "fixed", "--no-follow-up", "--out"];
    let outcome = run(&[&lab[..], &[&recorded]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let first = place.ingest(&recorded);
    assert_eq!((first.code, count(&first, "refused")), (0, 0), "{}", first.stderr);
    let added = count(&first, "added");
    assert!(added > 0);

    let bytes = std::fs::read(&recorded).unwrap();
    std::fs::remove_file(&recorded).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, "member.pcapng", &bytes[..]).unwrap();
    place.put("again.pcapng.gz", gzip(&bytes));
    place.put("again.tar", tar.into_inner().unwrap());
    let again = place.ingest(&place.sources());
    assert_eq!(
        (count(&again, "added"), count(&again, "known")),
        (0, 2 * added),
        "{}",
        again.stderr
    );
    assert_eq!(place.rows(&MEASUREMENT), added);
    assert!(place.rows(&OBSERVATION) >= added);

    // As many as `inspect` grades, each by its best finding.
    place.put("plain.pcapng", &bytes);
    let inspected = run(&["inspect", "--json", &format!("{}/plain.pcapng", place.sources())]);
    let mut graded = std::collections::BTreeSet::new();
    for line in inspected.lines() {
        let is_sure = line["grade"] == "injected" || line["grade"] == "likely";
        if line["type"] == "injection" && is_sure {
            graded.insert(line["connection"].to_string());
        }
    }
    assert!(!graded.is_empty());
    let asked = |sql: &str| {
        let archive = place.archive();
        run(&["query", "--archive", &archive, "--format", "json", sql])
    };
    let blocked =
        "select count(*) as n from verdict where rule = 'capture.injection' and origin = 'capture'";
    assert_eq!(asked(blocked).lines()[0]["n"], graded.len() as u64);
    let forged = asked("select count(*) as n from verdict where mechanism = 'dns.injection.other'");
    assert!(forged.lines()[0]["n"].as_u64().unwrap() > 0);

    // How much there was in all, as `inspect` counts it: the same in each packing, so that one capture can be counted once.
    let summary = inspected.lines().into_iter().find(|line| line["type"] == "summary").unwrap();
    let counted = asked(
        "select capture, packets, tcp_connections as tcp, quic_connections as quic, dns_questions as dns, count(*) as files \
         from source group by 1, 2, 3, 4, 5",
    );
    let counted = counted.lines();
    assert_eq!((counted.len(), counted[0]["files"].as_u64()), (1, Some(3)), "{counted:?}");
    let counters = &summary["counters"];
    for (column, expected) in [
        ("packets", &summary["packets"]),
        ("tcp", &counters["tcp_flows"]),
        ("quic", &counters["quic_flows"]),
        ("dns", &counters["dns_questions"]),
    ] {
        assert!(expected.is_u64(), "{summary}");
        assert_eq!(&counted[0][column], expected, "{column}");
    }
    // The question of the page, as it is written there.
    let page = std::fs::read_to_string(root().join("docs/ingest.md")).unwrap();
    let sql = page.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let share = asked(sql);
    assert_eq!(share.code, 0, "{}", share.stderr);
    let line = &share.lines()[0];
    let forged = forged.lines()[0]["n"].as_u64().unwrap();
    assert_eq!(line["forged"].as_u64(), Some(forged), "{line}");
    assert_eq!(line["questions"], counters["dns_questions"]);
    let expected = forged as f64 / counters["dns_questions"].as_f64().unwrap();
    assert!((line["share"].as_f64().unwrap() - expected).abs() < 1e-9, "{line}");

    let checked = run(&["archive", "check", "--archive", &place.archive()]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let rebuilt = run(&["archive", "rebuild", "--archive", &place.archive()]);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.stderr);
    assert_eq!(asked("select count(*) as n from verdict").lines()[0]["n"], added);
    assert_eq!(
        asked("select count(*) as n from event").lines()[0]["n"],
        0,
        "no rates of findings alone"
    );
}

#[test]
fn a_capture_that_cannot_be_read_on_is_not_taken_and_damage_is_told() {
    let place = Place::new();
    let recorded = place.put("line.pcapng", b"");
    let lab = ["lab", "capture", "pakistan-2025", "--client", "fixed", "--no-follow-up", "--out"];
    assert_eq!(run(&[&lab[..], &[&recorded]].concat()).code, 0);
    let bytes = std::fs::read(&recorded).unwrap();
    std::fs::remove_file(&recorded).unwrap();
    let packed = gzip(&bytes);
    place.put("cut.gz", &packed[..packed.len() / 2]);
    let outcome = place.ingest(&place.sources());
    assert_eq!(count(&outcome, "added"), 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("nothing of it is taken"), "{}", outcome.stderr);
    // One whose recording ended in a packet is read as far as it goes.
    let ended = place.put("ended.pcapng", &bytes[..bytes.len() - 7]);
    let outcome = place.ingest(&ended);
    assert!(count(&outcome, "added") > 0, "{}", outcome.stderr);
    assert_eq!(count(&outcome, "refused"), 1, "{}", outcome.stderr);
}

#[test]
fn many_refused_are_counted_and_kept() {
    let place = Place::new();
    let input = "{\"x\":1}\n".repeat(30_000) + &lines(0..1);
    let arguments = ["ingest", "--json", "--archive", &place.archive(), "-"];
    let outcome = run_with_input(&arguments, input.as_bytes());
    assert_eq!((count(&outcome, "added"), count(&outcome, "refused")), (1, 30_000));
    assert!(outcome.stderr.contains("standard input: 29980 more refused"), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 21);
    let kept = place.quarantine();
    assert_eq!(kept[0].1.lines().count(), 30_000);
}

/// What came of a run whose input is written as it goes, and the most memory that it took, kB.
fn run_fed(place: &Place, source: &str, feed: impl FnOnce(&mut dyn Write)) -> (Outcome, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(["ingest", "--json", "--archive", &place.archive(), source])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watching = std::thread::spawn(move || {
        let mut most = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let Some(line) = text.lines().find(|line| line.starts_with("VmHWM")) else { break };
            most = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap().max(most);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        most
    });
    let mut stdin = std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
    feed(&mut stdin);
    drop(stdin);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code().unwrap_or(-1);
    (Outcome { code, stdout, stderr }, watching.join().unwrap())
}

/// Memory that no input may exceed, kB.
const MEMORY_MAX: u64 = 1_000_000;

fn one_long_line(megabytes: usize) {
    let place = Place::new();
    let (outcome, memory) = run_fed(&place, "-", |out| {
        writeln!(out, "{}", record(0)).unwrap();
        out.write_all(b"{\"x\":\"").unwrap();
        let piece = vec![b'y'; 1_000_000];
        (0..megabytes).for_each(|_| out.write_all(&piece).unwrap());
        writeln!(out, "\"}}\n{}", record(1)).unwrap();
    });
    assert_eq!(
        (count(&outcome, "added"), count(&outcome, "refused")),
        (2, 1),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("line 2: byte "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("record too long"), "{}", outcome.stderr);
    assert!(memory < MEMORY_MAX, "{memory} kB");
}

#[test]
fn a_line_of_three_hundred_megabytes() {
    one_long_line(300);
}

#[test]
#[ignore = "minutes: run it by name"]
fn a_line_of_ten_gigabytes() {
    one_long_line(10_000);
}

#[test]
fn a_file_that_unpacks_to_ten_gigabytes() {
    let place = Place::new();
    let member = gzip(&vec![0; 64 << 20]);
    place.put("bomb.gz", member.repeat(160));
    // The same twice packed: each step for itself is in proportion, both together are not.
    place.put("bomb2.gz", gzip(&member.repeat(160)));
    place.put("good.jsonl", lines(0..2));
    let (outcome, memory) = run_fed(&place, &place.sources(), |_| {});
    assert_eq!(count(&outcome, "added"), 2, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("more than 400 times as much is not read"),
        "{}",
        outcome.stderr
    );
    assert!(memory < MEMORY_MAX, "{memory} kB");
}

#[test]
fn a_record_of_nothing_but_brackets() {
    let place = Place::new();
    let list = "{},".repeat(12_000_000);
    let head =
        "\"test_name\":\"web_connectivity\",\"measurement_start_time\":\"2025-11-11 10:00:00\"";
    let fat = format!("{{{head},\"test_keys\":{{\"requests\":[{list}{{}}]}}}}\n");
    place.put("fat.jsonl", format!("{fat}{}", record(0)));
    let (outcome, memory) = run_fed(&place, &place.sources(), |_| {});
    assert_eq!(
        (count(&outcome, "added"), count(&outcome, "refused")),
        (1, 1),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("objects and lists"), "{}", outcome.stderr);
    assert!(memory < MEMORY_MAX, "{memory} kB");
}

#[allow(clippy::disallowed_methods, reason = "how fast it is, for people")]
fn tiny_files(number: usize) {
    let place = Place::new();
    for at in 0..number {
        let text = format!(
            "{{\"test_name\":\"web_connectivity\",\"probe_cc\":\"XA\",\"probe_asn\":\"AS64500\",\"input\":\"https://{at}.example/\",\
             \"measurement_start_time\":\"2025-11-{:02} 10:00:00\",\"test_keys\":{{}}}}",
            1 + at % 28
        );
        place.put(&format!("{}/{at}.json", at / 1000), text);
    }
    let begun = std::time::Instant::now();
    let (outcome, memory) = run_fed(&place, &place.sources(), |_| {});
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("{number} files in {seconds:.1} s, {:.0}/s, {memory} kB", number as f64 / seconds);
    assert_eq!(count(&outcome, "added"), number as u64, "{}", outcome.stderr);
    assert_eq!(place.rows(&SOURCE), number as u64);
    assert!(memory < MEMORY_MAX, "{memory} kB");
}

#[test]
fn ten_thousand_tiny_files() {
    tiny_files(10_000);
}

#[test]
#[ignore = "minutes: run it by name"]
fn a_hundred_thousand_tiny_files() {
    tiny_files(100_000);
}

#[test]
#[allow(clippy::disallowed_types, reason = "a server to fetch from")]
fn an_address_is_read_as_it_comes() {
    let place = Place::new();
    let body = gzip(lines(0..20).as_bytes());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let got = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..got]).into_owned();
            if request.starts_with("GET /end") {
                return;
            }
            let is_there = request.starts_with("GET /2025/day.jsonl.gz ");
            let (status, body) =
                if is_there { ("200 OK", &body[..]) } else { ("404 Not Found", &b""[..]) };
            let date = "Last-Modified: Sat, 01 Nov 2025 00:00:00 GMT\r\nETag: \"1\"";
            let head = format!(
                "HTTP/1.1 {status}\r\n{date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body).unwrap();
        }
    });
    let outcome = place.ingest(&format!("http://127.0.0.1:{port}/2025/day.jsonl.gz"));
    assert_eq!(count(&outcome, "added"), 20, "{}", outcome.stderr);
    let missing = place.ingest(&format!("http://127.0.0.1:{port}/none"));
    assert_eq!((missing.code, count(&missing, "unreadable")), (1, 1), "{}", missing.stderr);
    let mut last = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    last.write_all(b"GET /end HTTP/1.1\r\n\r\n").unwrap();
    served.join().unwrap();
}

#[test]
fn scans_made_from_afar() {
    let scans = root().join("../shared/data/censoredplanet");
    if !scans.is_dir() {
        eprintln!("SKIPPED: no real inputs at ../shared/data");
        return;
    }
    let place = Place::new();
    let quack = scans.join("Quack-echo_v2/echo_results_v2.json");
    let rows = std::fs::read_to_string(&quack).unwrap().lines().count() as u64;
    let outcome = place.ingest(quack.to_str().unwrap());
    assert_eq!(count(&outcome, "added") + count(&outcome, "known"), rows, "{}", outcome.stderr);
    assert!(place.rows(&OBSERVATION) >= rows);
    let satellite = scans.join("Satellitev2-2021-10-20");
    let outcome = place.ingest(satellite.to_str().unwrap());
    assert!(count(&outcome, "added") > 0, "{}", outcome.stderr);
    assert_eq!(count(&outcome, "refused"), 0, "{}", outcome.stderr);
}
