//! Scans made from afar, in the same tables.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use wirewitness_analysis::judge::planet::companions::Companions;
use wirewitness_analysis::judge::planet::{Scene, judge};
use wirewitness_model::planet::source::Source;
use wirewitness_model::planet::{Row, read_lines};
use wirewitness_store::Archive;
use wirewitness_store::archive::Writer;
use wirewitness_store::ingest::{Afar, FileEnd, Ingest, Piece, Settings};
use wirewitness_store::schema::{OBSERVATION, VERDICT};

use crate::filled::{at, judging, shared};

/// The files of a folder, their folder's name before theirs.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let scan = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (format!("{scan}/{name}"), std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_scan_is_in_and_its_verdicts_are_the_judges() {
    let Some(planet) = shared("censoredplanet") else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = at(folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let writer = runtime.block_on(Writer::open(&root)).unwrap();
    let judging = judging();
    let context = judging.context();
    let mut ingest =
        Ingest::start(writer, Arc::clone(&judging), Settings::default(), Box::new(|_| {}));
    let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut timeless = 0;
    let mut steps = 0_u64;
    let mut folders: Vec<_> =
        std::fs::read_dir(&planet).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    for scan in folders {
        let files = files(&scan);
        let mut companions = Companions::new(context.fingerprints);
        for (path, bytes) in &files {
            read_lines(bytes, &Source::of(path), |_, row| {
                row.iter().for_each(|row| companions.feed(row))
            });
        }
        for (path, bytes) in &files {
            let source = Source::of(path);
            let scene = Scene { source: &source, companions: &companions, context: &context };
            let mut afar = Vec::new();
            read_lines(bytes, &source, |number, row| {
                let Some(remote) = row.ok().and_then(|row: Row<'_>| judge(&row, &scene)) else {
                    return;
                };
                match remote.started_us {
                    Some(_) => {
                        let key = (remote.test.to_owned(), remote.verdict.status.word().to_owned());
                        *expected.entry(key).or_default() += 1;
                        steps += remote.steps.len() as u64;
                    }
                    None => timeless += 1,
                }
                afar.push(Afar::new(&format!("{path} {number}"), number, remote));
            });
            let end = FileEnd {
                sha256: path.clone(),
                bytes: bytes.len() as u64,
                format: "scan",
                captured: None,
            };
            let piece =
                Piece { file: path.as_str().into(), afar, end: Some(end), ..Piece::default() };
            ingest.push(piece).unwrap();
        }
    }
    let (_, summary) = ingest.finish().unwrap();
    assert_eq!(summary.added, expected.values().sum::<u64>());
    assert_eq!(summary.refused, timeless);
    assert!(expected.len() > 8, "{expected:?}");

    let archive = runtime.block_on(Archive::open(&root)).unwrap();
    let mut got: BTreeMap<(String, String), u64> = BTreeMap::new();
    let verdicts = archive.table(&VERDICT).unwrap();
    for file in verdicts.files().unwrap() {
        for batch in runtime.block_on(verdicts.read(&file)).unwrap() {
            use arrow::array::AsArray as _;
            let column =
                |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
            let (test, status) = (column("test_name"), column("status"));
            for row in 0..batch.num_rows() {
                let key = (test.value(row).to_owned(), status.value(row).to_owned());
                *got.entry(key).or_default() += 1;
            }
        }
    }
    assert_eq!(got, expected);
    let observations = archive.table(&OBSERVATION).unwrap().files().unwrap();
    assert_eq!(observations.iter().map(|file| file.rows).sum::<u64>(), steps);
}
