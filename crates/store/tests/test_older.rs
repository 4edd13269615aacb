//! Archives of another version of the schema: older ones are read and renewed, newer ones refused.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use wirewitness_store::archive::{Archive, Writer};
use wirewitness_store::events::{self, find_events};
use wirewitness_store::keep::{check, compact, rebuild};
use wirewitness_store::query::{Options, Session};
use wirewitness_store::schema::{TABLES, VERDICT, VERSION};

use crate::made::{address, commit, content, copy, files, ingest, judging, wait};

/// Columns that the older version does not have, by table.
const NEWER: [(&str, &[&str]); 4] = [
    ("measurement", &["measurement_uid", "network_type"]),
    ("observation", &["transaction", "detail"]),
    ("verdict", &["domain", "evidence", "ooni_accessible"]),
    // What version 1 truly did not have.
    ("source", &["capture", "packets", "tcp_connections", "quic_connections", "dns_questions"]),
];

/// The archive as a program would have left it whose tables lack these columns.
fn make_older(folder: &Path) {
    for (table, columns) in NEWER {
        let table = folder.join(table);
        let mut renamed = Vec::new();
        for file in files(&table) {
            if file.extension().is_some_and(|it| it == "parquet") {
                renamed.push(without(&file, columns));
            }
        }
        each_log(&table, |line| {
            let keeps = |field: &Value| !columns.contains(&field["name"].as_str().unwrap());
            if let Some(text) = line["metaData"]["schemaString"].as_str() {
                let mut schema: Value = serde_json::from_str(text).unwrap();
                schema["fields"].as_array_mut().unwrap().retain(keeps);
                line["metaData"]["schemaString"] = schema.to_string().into();
            }
            for action in ["add", "remove"] {
                let Some(path) = line[action]["path"].as_str().map(str::to_owned) else { continue };
                let (old, new, bytes) =
                    renamed.iter().find(|(old, ..)| path.contains(old.as_str())).unwrap();
                line[action]["path"] = path.replace(old.as_str(), new).into();
                line[action]["size"] = (*bytes).into();
            }
        });
    }
    set_version(folder, 1);
}

fn set_version(folder: &Path, version: u32) {
    for table in TABLES {
        each_log(&folder.join(table.name), |line| {
            if line["metaData"].is_object() {
                let version = version.to_string().into();
                line["metaData"]["configuration"]["wirewitness.schema"] = version;
            }
        });
    }
    // What was sealed has changed.
    let _ = std::fs::remove_dir_all(folder.join("source/_seals"));
}

fn each_log(table: &Path, change: impl Fn(&mut Value)) {
    for log in files(&table.join("_delta_log")) {
        let text = std::fs::read_to_string(&log).unwrap();
        let line = |line: &str| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            // Indexing a null makes an object of it: only what is there is changed.
            let before = value.clone();
            change(&mut value);
            for (name, _) in before.as_object().unwrap() {
                assert!(value.get(name).is_some());
            }
            value.as_object_mut().unwrap().retain(|name, _| before.get(name).is_some());
            value.to_string() + "\n"
        };
        std::fs::write(&log, text.lines().map(line).collect::<String>()).unwrap();
    }
}

/// Writes a file again without some columns; gives both names and its length.
fn without(file: &PathBuf, columns: &[&str]) -> (String, String, u64) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let fields = batches[0].schema();
    let kept: Vec<usize> = (0..fields.fields().len())
        .filter(|at| !columns.contains(&fields.field(*at).name().as_str()))
        .collect();
    let batches: Vec<RecordBatch> = batches.iter().map(|it| it.project(&kept).unwrap()).collect();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(file.with_file_name(format!("{hash}.parquet")), &bytes).unwrap();
    std::fs::remove_file(file).unwrap();
    let old = file.file_stem().unwrap().to_str().unwrap().to_owned();
    (old, hash, bytes.len() as u64)
}

/// Rows of an answer.
fn rows(folder: &Path, sql: &str) -> usize {
    let asked = async {
        let archive = Archive::open(&address(folder)).await.unwrap();
        Session::new(&archive, Options::default()).await.unwrap().rows(sql).await.unwrap()
    };
    wait(asked).iter().map(|batch| batch.num_rows()).sum()
}

fn version(folder: &Path) -> u32 {
    let archive = wait(Archive::open(&address(folder))).unwrap();
    let versions: Vec<u32> =
        archive.tables().map(|table| table.schema_version().unwrap()).collect();
    assert!(versions.iter().all(|version| *version == versions[0]), "{versions:?}");
    versions[0]
}

/// An archive, and the same made older.
fn both(root: &Path) -> (PathBuf, PathBuf) {
    let (today, older) = (root.join("today"), root.join("older"));
    ingest(&today, 0..2);
    copy(&today, &older);
    make_older(&older);
    (today, older)
}

#[test]
fn an_older_archive_can_be_asked_and_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let (today, older) = both(root.path());
    assert_eq!((version(&older), rows(&older, "select * from verdict")), (1, 60));
    // The columns that it lacks are there, and null; filters on them and on others hold.
    for (sql, in_older, in_today) in [
        ("select * from measurement where network_type is null", 60, 60),
        ("select measurement_id from verdict where domain like 'site-%'", 0, 60),
        ("select domain, target from verdict where country = 'PK' and domain is null", 20, 0),
        ("select sha256 from source where packets is null", 2, 2),
        ("select evidence, document from verdict join measurement using (measurement_id)", 60, 60),
    ] {
        assert_eq!((rows(&older, sql), rows(&today, sql)), (in_older, in_today), "{sql}");
    }
    let find = |folder: &Path| {
        let folder = address(folder);
        wait(async {
            let archive = Archive::open(&folder).await.unwrap();
            find_events(&archive, &events::Settings::default()).await.unwrap().report
        })
    };
    assert_eq!(find(&older), find(&today));
    assert_eq!((version(&older), commit(&older)), (1, commit(&today)), "nothing was written");
}

#[test]
fn an_older_archive_is_renewed_by_whoever_writes() {
    let root = tempfile::tempdir().unwrap();
    let (today, older) = both(root.path());
    // The same files are known; others come beside the old ones.
    assert_eq!((ingest(&older, 0..2).added, version(&older)), (0, VERSION));
    assert_eq!((ingest(&today, 2..3).added, ingest(&older, 2..3).added), (30, 30));
    assert_eq!(rows(&older, "select * from verdict"), 90);
    let named = "select measurement_id from verdict where domain like 'site-%'";
    assert_eq!(rows(&older, named), 30, "of the new ones alone");

    let mut writer = wait(Writer::open(&address(&older))).unwrap();
    let compacted = wait(compact(&mut writer, 64 << 20)).unwrap();
    assert!(compacted.merged > compacted.made);
    assert_eq!((rows(&older, "select * from verdict"), rows(&older, named)), (90, 30));
    // Judged again, everything is as in the archive that never was older.
    let rebuilt = wait(rebuild(&mut writer, &judging("a"), 64 << 20)).unwrap();
    assert!(rebuilt.changed > 0);
    drop(writer);
    assert_eq!(content(&older), content(&today));
    let checked = wait(check(&address(&older))).unwrap();
    assert!(checked.is_whole(), "{:?}", checked.findings);
    let again = wait(async {
        let mut writer = Writer::open(&address(&older)).await.unwrap();
        rebuild(&mut writer, &judging("a"), 64 << 20).await.unwrap()
    });
    assert_eq!(again.changed, 0);
    // What was before the renewal can still be opened.
    let then = wait(Archive::open_at(&address(&older), Some(1))).unwrap();
    assert!(then.table(&VERDICT).unwrap().schema_version().unwrap() < VERSION);
}

#[test]
fn a_newer_archive_is_refused_with_both_versions() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("newer");
    ingest(&folder, 0..1);
    set_version(&folder, VERSION + 1);
    let before = files(&folder);
    let reading = wait(Archive::open(&address(&folder))).unwrap_err().to_string();
    let writing = wait(Writer::open(&address(&folder))).unwrap_err().to_string();
    for said in [reading, writing] {
        let versions = format!("(schema {}, this program knows up to {VERSION})", VERSION + 1);
        assert!(said.contains(&versions), "{said}");
    }
    assert_eq!(files(&folder), before, "nothing was written");
}
