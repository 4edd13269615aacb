//! Where measurements come from besides plain files: zips and buckets; and archives in buckets.

use std::process::Command;

use wirewitness_store::schema::SOURCE;

use crate::bucket_server::BucketServer;
use crate::program::{run_in, run_with_input};
use crate::test_ingest::{Place, append, count, gzip, lines};
use crate::zips::zip;

#[test]
fn a_zip_is_read_member_by_member_and_once() {
    let place = Place::new();
    let inner_tar = {
        let mut tar = tar::Builder::new(Vec::new());
        append(&mut tar, "deep.jsonl", lines(5..7).as_bytes());
        tar.into_inner().unwrap()
    };
    let texts = [lines(0..3), lines(0..2)];
    let members = [
        ("2025/", &b""[..]),
        ("2025/a.jsonl", texts[0].as_bytes()),
        ("2025/b.jsonl.gz", &gzip(lines(3..5).as_bytes())),
        ("c.tar", &inner_tar),
        ("d.jsonl", texts[1].as_bytes()),
        ("e.jsonl", b"garbage\n"),
    ];
    let path = place.put("all.zip", zip(&members));
    let outcome = place.ingest(&path);
    let counts = ["files", "added", "known", "refused"].map(|name| count(&outcome, name));
    assert_eq!((outcome.code, counts), (0, [1, 7, 2, 1]), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("all.zip: e.jsonl: line 1: "), "{}", outcome.stderr);
    let kept = place.quarantine();
    assert!(kept[0].1.contains("\"file\":\"all.zip: e.jsonl\""), "{kept:?}");
    // The row of the file is that of all its bytes.
    let hash =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &std::fs::read(&path).unwrap());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(kept[0].0, format!("{hash}.jsonl"));
    let again = place.ingest(&path);
    assert_eq!((count(&again, "added"), count(&again, "known")), (0, 9));
    assert_eq!((count(&again, "commit"), place.rows(&SOURCE)), (count(&outcome, "commit"), 1));
}

#[test]
fn what_a_zip_must_not_do_is_refused_and_the_rest_is_read() {
    let place = Place::new();
    let members = [
        ("good/1.jsonl", lines(0..2)),
        ("../../evil.jsonl", lines(2..3)),
        ("/etc/evil.jsonl", lines(3..4)),
        ("C:\\evil.jsonl", lines(4..5)),
        ("secret.jsonl", lines(5..6)),
        ("odd.jsonl", lines(6..7)),
        ("changed.jsonl", lines(7..8)),
        ("nested.zip", String::from_utf8_lossy(&zip(&[])).into_owned()),
        ("good/2.jsonl", lines(8..10)),
    ];
    let borrowed: Vec<_> = members.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let mut bytes = zip(&borrowed);
    let entry = |name: &str| {
        let found = memchr::memmem::rfind(&bytes, name.as_bytes()).unwrap();
        found - 46
    };
    let [secret, odd, changed] = ["secret.jsonl", "odd.jsonl", "changed.jsonl"].map(entry);
    bytes[secret + 8] |= 1;
    bytes[odd + 10] = 93;
    bytes[changed + 16] ^= 1;
    let path = place.put("all.zip", bytes);
    let outcome = place.ingest(&path);
    // What was read before the checksum was found to be wrong stays: as with a file that is cut.
    assert_eq!(
        (count(&outcome, "added"), count(&outcome, "refused")),
        (5, 7),
        "{}",
        outcome.stderr
    );
    for told in [
        "../../evil.jsonl: byte ",
        "a path with `..`",
        "an absolute path",
        "secret.jsonl: byte ",
        "encrypted: unpack it with its password first",
        "packed with method 93, which is not read",
        "its CRC-32 is not the one in the directory",
        "nested.zip: a zip is read from a file on disk only",
    ] {
        assert!(outcome.stderr.contains(told), "{told:?} not in {}", outcome.stderr);
    }
}

#[test]
fn a_zip_that_is_cut_packed_or_a_stream_says_what_to_do() {
    let place = Place::new();
    let bytes = zip(&[("a.jsonl", lines(0..2).as_bytes())]);
    for (name, bytes, told) in [
        ("cut.zip", &bytes[..bytes.len() - 5], "the directory at its end is not there"),
        ("head.zip", b"PK\x03\x04", "the directory at its end is not there"),
        ("packed.zip.gz", &gzip(&bytes), "a zip is read from a file on disk only"),
    ] {
        let outcome = place.ingest(&place.put(name, bytes));
        assert_eq!((outcome.code, count(&outcome, "refused")), (1, 1), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{told:?} not in {}", outcome.stderr);
    }
    let arguments = ["ingest", "--json", "--archive", &place.archive(), "-"];
    let outcome = run_with_input(&arguments, &bytes);
    assert_eq!(count(&outcome, "refused"), 1);
    assert!(outcome.stderr.contains("not from a stream"), "{}", outcome.stderr);
}

#[test]
fn a_zip_of_small_members_that_unpacks_to_gigabytes() {
    let place = Place::new();
    // Sixty-four members whose entries all point to the same data: more comes out than any one member has.
    let zeros = vec![b' '; 64 << 20];
    let one = zip(&[("first", b""), ("bomb", &zeros)]);
    let begin = memchr::memmem::rfind(&one, b"PK\x01\x02").unwrap();
    let end = one.len() - 22;
    let mut bytes = one[..end].to_vec();
    for _ in 0..62 {
        bytes.extend(&one[begin..end]);
    }
    let length = (bytes.len() - memchr::memmem::find(&one, b"PK\x01\x02").unwrap()) as u32;
    bytes.extend(&one[end..]);
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[64, 0, 64, 0]);
    bytes[end + 12..end + 16].copy_from_slice(&length.to_le_bytes());
    place.put("bomb.zip", bytes);
    // Six that have their data each: no more than the file has, and yet too much.
    let pairs = ["1", "2", "3", "4", "5", "6"].map(|name| [("empty", &b""[..]), (name, &zeros)]);
    place.put("large.zip", zip(&pairs.concat()));
    place.put("good.jsonl", lines(0..2));
    let outcome = place.ingest(&place.sources());
    assert_eq!(count(&outcome, "added"), 2, "{}", outcome.stderr);
    for told in [
        "bomb.zip: bomb: byte 35: the directory, whose members are together larger than the file, is damaged",
        "more than 400 times as much is not read",
    ] {
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    }
}

#[test]
fn zips_that_others_wrote() {
    let place = Place::new();
    let text = lines(0..200);
    place.put("big.jsonl", &text);
    let zipped = format!("{}/other.zip", place.archive());
    std::fs::create_dir_all(place.archive()).unwrap();
    // Written to a pipe, so that lengths stand behind the members; with the fields of 64 bits; and by another hand.
    let commands = [
        format!("cat big.jsonl | zip -q - - | cat > {zipped}"),
        format!("zip -q -fz {zipped} big.jsonl"),
        format!(
            "python3 -c \"import zipfile; z = zipfile.ZipFile('{zipped}', 'w', 8); \
             f = z.open('big.jsonl', 'w', force_zip64=True); f.write(open('big.jsonl', 'rb').read()); f.close(); z.close()\""
        ),
    ];
    for command in commands {
        let _ = std::fs::remove_file(&zipped);
        let made = Command::new("sh").args(["-c", &command]).current_dir(place.sources()).output();
        if !made.is_ok_and(|made| made.status.success()) {
            eprintln!("SKIPPED: no program to run {command:?}");
            continue;
        }
        let place = Place::new();
        let outcome = place.ingest(&zipped);
        assert_eq!(count(&outcome, "added"), 200, "{command}: {}", outcome.stderr);
        assert_eq!(count(&outcome, "refused"), 0, "{command}: {}", outcome.stderr);
    }
}

#[test]
fn a_folder_of_a_bucket_is_read_page_by_page() {
    let (place, server) = (Place::new(), BucketServer::start());
    for (at, name) in ["a.jsonl", "b c%#?.jsonl", "d/1.jsonl", "d/2.jsonl", "d/3.jsonl", "e.jsonl"]
        .iter()
        .enumerate()
    {
        server.put(&format!("data/2025/{name}"), lines(at * 2..at * 2 + 2));
    }
    server.put("data/2025/f.jsonl.gz", gzip(lines(12..14).as_bytes()));
    server.put("data/2025/g.zip", zip(&[]));
    server.put("data/2025/", "");
    server.put("data/2025/.hidden/x.jsonl", lines(20..21));
    server.put("data/2025-other.jsonl", lines(21..22));
    let ingest = |source: &str| {
        let archive = place.archive();
        run_in(&server.options(), &["ingest", "--json", "--archive", &archive, source])
    };
    let outcome = ingest("s3://data/2025/");
    let counts = ["files", "added", "refused", "unreadable"].map(|name| count(&outcome, name));
    assert_eq!((outcome.code, counts), (0, [8, 14, 1, 0]), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("g.zip: a zip is read from a file on disk"));
    let again = ingest("s3://data/2025/");
    assert_eq!((count(&again, "known"), count(&again, "commit")), (14, count(&outcome, "commit")));
    // One file, by its own address; and all of the bucket, its hidden folder not.
    assert_eq!(count(&ingest("s3://data/2025/b%20c%25%23%3F.jsonl"), "known"), 2);
    let all = ingest("s3://data");
    assert_eq!((count(&all, "files"), count(&all, "added")), (9, 1), "{}", all.stderr);
    let nothing = ingest("s3://data/2026/");
    assert_eq!((nothing.code, count(&nothing, "unreadable")), (1, 1));
    assert!(nothing.stderr.contains("no file in this folder"), "{}", nothing.stderr);
    assert!(server.asked().iter().all(|(_, is_signed)| !is_signed), "without keys");
}

#[test]
fn an_archive_in_a_bucket_is_kept_with_the_keys_of_the_environment() {
    let (place, server) = (Place::new(), BucketServer::start());
    let mut environment = server.options();
    for (name, value) in [("AWS_ACCESS_KEY_ID", "me"), ("AWS_SECRET_ACCESS_KEY", "secret")] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    let archive = "s3://data/country";
    let run =
        |arguments: &[&str]| run_in(&environment, &[arguments, &["--archive", archive]].concat());
    let nothing = run(&["query", "select 1"]);
    assert_eq!(nothing.code, 1);
    assert!(nothing.stderr.contains("there is no archive here"), "{}", nothing.stderr);

    let first = run(&["ingest", "--json", &place.put("a.jsonl", lines(0..3))]);
    assert_eq!((first.code, count(&first, "added")), (0, 3), "{}", first.stderr);
    // Sources in the same bucket: the archive's own files are none.
    server.put("data/in/b.jsonl", lines(2..6));
    let second = run(&["ingest", "--json", "s3://data/"]);
    let counts = ["files", "added", "known"].map(|name| count(&second, name));
    assert_eq!(counts, [1, 3, 1], "{}", second.stderr);

    let rows = |more: &[&str]| {
        let sql = "select count(*) as n from verdict";
        let outcome = run(&[&["query", "--format", "json", sql], more].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.lines()[0]["n"].as_u64().unwrap()
    };
    assert_eq!((rows(&[]), rows(&["--at", "1"])), (6, 3));
    let compacted = run(&["archive", "compact", "--json"]);
    assert_eq!((compacted.code, rows(&[])), (0, 6), "{}", compacted.stderr);
    let rebuilt = run(&["archive", "rebuild"]);
    assert_eq!((rebuilt.code, rows(&[])), (0, 6), "{}", rebuilt.stderr);

    // What is not done there is said, and not done by half.
    let before = server.below("data/country");
    for (arguments, code, told) in [
        (&["archive", "compact", "--vacuum"][..], 2, "--vacuum is for archives in folders"),
        (&["archive", "check"], 1, "is not a folder"),
        (&["query", "--cluster", "df://127.0.0.1:1", "select 1"], 1, "not in buckets"),
    ] {
        let outcome = run(arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{told:?} not in {}", outcome.stderr);
    }
    assert_eq!(server.below("data/country"), before);
    assert!(server.asked().iter().all(|(_, is_signed)| *is_signed), "with keys");
    assert!(!server.asked().iter().any(|(asked, _)| asked.contains("secret")));
}
