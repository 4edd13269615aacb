//! Archives with something in them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use url::Url;
use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::address::NoTable;
use wirewitness_store::archive::{Writer, locate};
use wirewitness_store::ingest::{FileEnd, Ingest, Judging, Piece, Refused, Settings, Summary};

/// The real inputs, or none where they are not there.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: no real inputs at ../shared/data/{folder}");
    None
}

/// Measurements of our own, one text each, by name of file.
pub(crate) fn examples() -> Vec<(String, String)> {
    texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/measurements"))
}

/// Files of one JSON object each, or of one a line, by name.
pub(crate) fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json" || e == "jsonl"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// The address of a folder.
pub(crate) fn at(folder: &Path) -> Url {
    locate(folder.to_str().unwrap()).unwrap()
}

/// With the fingerprints that ship, and no table of networks.
pub(crate) fn judging() -> Arc<Judging> {
    let (fingerprints, errors) = Fingerprints::compile(Fingerprints::shipped_rows());
    assert!(errors.is_empty());
    Arc::new(Judging::new((fingerprints, &[]), (Box::new(NoTable), &[])))
}

/// Ingests files of one record each.
pub(crate) fn ingest(
    root: &Url,
    files: &[(String, String)],
    settings: Settings,
) -> (Summary, Vec<Refused>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let writer = runtime.block_on(Writer::open(root)).unwrap();
    let refused = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&refused);
    let on_refused = Box::new(move |one: &Refused| told.lock().unwrap().push(one.clone()));
    let mut ingest = Ingest::start(writer, judging(), settings, on_refused);
    for (name, text) in files {
        let end = FileEnd {
            sha256: format!("{:064x}", name.len()) + name,
            bytes: text.len() as u64,
            format: "ooni",
            captured: None,
        };
        let piece = Piece {
            file: name.as_str().into(),
            text: text.clone(),
            ends: vec![(text.len(), 1)],
            end: Some(end),
            ..Piece::default()
        };
        ingest.push(piece).unwrap();
    }
    let (_, summary) = ingest.finish().unwrap();
    let refused = std::mem::take(&mut *refused.lock().unwrap());
    (summary, refused)
}
