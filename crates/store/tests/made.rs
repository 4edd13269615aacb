//! Archives made up for tests: a few hundred measurements of three countries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::address::NoTable;
use wirewitness_store::archive::{Archive, Writer, locate};
use wirewitness_store::ingest::{FileEnd, Ingest, Judging, Piece, Settings, Summary, Used};
use wirewitness_store::keep::{ContentHash, content_hash};

/// Runs what waits, to its end.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// The address of a folder.
pub(crate) fn address(folder: &Path) -> Url {
    locate(folder.to_str().unwrap()).unwrap()
}

/// A judge whose files are called so.
pub(crate) fn judging(name: &str) -> Arc<Judging> {
    let (fingerprints, _) = Fingerprints::compile(Fingerprints::shipped_rows());
    let used = [Used { name: name.to_owned(), sha256: "0".repeat(64) }];
    Arc::new(Judging::new((fingerprints, &used), (Box::new(NoTable), &[])))
}

/// Reads files of measurements into an archive. A commit for nearly every piece of ten.
pub(crate) fn ingest(folder: &Path, files: std::ops::Range<usize>) -> Summary {
    let writer = wait(Writer::open(&address(folder))).unwrap();
    ingest_with(writer, files).unwrap()
}

/// The same in few commits.
pub(crate) fn ingest_at_once(folder: &Path, files: std::ops::Range<usize>) -> Summary {
    let writer = wait(Writer::open(&address(folder))).unwrap();
    ingest_in((writer, Settings { threads: 2, ..Settings::default() }), files).unwrap()
}

/// The same, with a writer at hand.
pub(crate) fn ingest_with(
    writer: Writer,
    files: std::ops::Range<usize>,
) -> Result<Summary, wirewitness_store::StoreError> {
    ingest_in((writer, Settings { threads: 2, commit_bytes: 1 << 10 }), files)
}

fn ingest_in(
    (writer, settings): (Writer, Settings),
    files: std::ops::Range<usize>,
) -> Result<Summary, wirewitness_store::StoreError> {
    let mut ingest = Ingest::start(writer, judging("a"), settings, Box::new(|_| {}));
    for file in files {
        for piece in pieces(file) {
            if ingest.push(piece).is_err() {
                break;
            }
        }
    }
    Ok(ingest.finish()?.1)
}

/// The rows of an archive as one number.
pub(crate) fn content(folder: &Path) -> ContentHash {
    wait(async { content_hash(&Archive::open(&address(folder)).await?).await }).unwrap()
}

/// The number of its newest commit.
pub(crate) fn commit(folder: &Path) -> u64 {
    wait(Archive::open(&address(folder))).unwrap().commit()
}

/// All files in a folder, by path.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let place = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(&file, place).unwrap();
    }
}

fn pieces(file: usize) -> Vec<Piece> {
    let name: Arc<str> = format!("file-{file}.jsonl").into();
    let mut pieces: Vec<Piece> = (0..3)
        .map(|part| {
            let mut piece = Piece { file: name.clone(), ..Piece::default() };
            for line in part * 10..part * 10 + 10 {
                piece.text += &measurement(file * 30 + line);
                piece.ends.push((piece.text.len(), line as u64 + 1));
            }
            piece
        })
        .collect();
    let sha256 = format!("{file:064x}");
    pieces[2].end = Some(FileEnd { sha256, bytes: 1, format: "ooni", captured: None });
    pieces
}

/// A measurement of `web_connectivity`, a third of them reset after the ClientHello.
fn measurement(n: usize) -> String {
    let (country, day, site) = (["PK", "IR", "UG"][n % 3], 1 + n % 2, n % 7);
    let failure = if n.is_multiple_of(3) { r#""connection_reset""# } else { "null" };
    let response = if n.is_multiple_of(3) {
        r#""failure":"connection_reset","response":{}"#.to_owned()
    } else {
        format!(
            r#""failure":null,"response":{{"code":200,"body":"<title>Site {site}</title>","headers":{{"Server":"s"}}}}"#
        )
    };
    format!(
        r#"{{"test_name":"web_connectivity","test_version":"0.4.3","software_name":"ooniprobe","software_version":"3.20.{n}","probe_cc":"{country}","probe_asn":"AS{asn}","resolver_asn":"AS{asn}","probe_ip":"127.0.0.1","measurement_start_time":"2025-11-0{day} {hour:02}:00:0{second}","test_start_time":"2025-11-0{day} 00:00:00","report_id":"r{n}","input":"https://site-{site}.example/","annotations":{{"platform":"linux"}},"test_keys":{{"queries":[{{"engine":"getaddrinfo","failure":null,"hostname":"site-{site}.example","query_type":"A","answers":[{{"answer_type":"A","ipv4":"192.0.2.{site}"}}]}}],"tcp_connect":[{{"ip":"192.0.2.{site}","port":443,"status":{{"failure":null,"success":true}}}}],"tls_handshakes":[{{"address":"192.0.2.{site}:443","server_name":"site-{site}.example","failure":{failure}}}],"requests":[{{"request":{{"url":"https://site-{site}.example/"}},{response}}}],"control":{{"tcp_connect":{{"192.0.2.{site}:443":{{"status":true,"failure":null}}}},"http_request":{{"failure":null,"status_code":200,"body_length":25,"title":"Site {site}","headers":{{}}}},"dns":{{"failure":null,"addrs":["192.0.2.{site}"]}}}}}}}}"#,
        asn = 64_500 + n % 4,
        hour = n % 24,
        second = n % 10,
    ) + "\n"
}
