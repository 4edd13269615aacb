//! An archive kept: compacted, checked, made again; locked, on a folder that cannot be written, on a disk that is full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use wirewitness_store::StoreError;
use wirewitness_store::archive::Writer;
use wirewitness_store::keep::{FindingKind, check, compact, rebuild, vacuum};

use crate::made::{address, commit, content, copy, files, ingest, ingest_with, judging, wait};

fn writer(folder: &Path) -> Writer {
    wait(Writer::open(&address(folder))).unwrap()
}

fn parquet_files(folder: &Path) -> usize {
    files(folder).iter().filter(|path| path.extension().is_some_and(|it| it == "parquet")).count()
}

#[test]
fn compacting_keeps_every_row_and_does_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..3);
    let (before, then) = (content(folder.path()), parquet_files(folder.path()));
    let done = wait(compact(&mut writer(folder.path()), 32 << 20)).unwrap();
    assert!(done.merged > done.made && done.made >= 12, "{done:?}");
    assert_eq!(content(folder.path()), before);
    let again = wait(compact(&mut writer(folder.path()), 32 << 20)).unwrap();
    assert_eq!((again.merged, again.commit), (0, done.commit));

    // A week is kept; with none, what was merged goes.
    let now = SystemTime::now();
    let writer = writer(folder.path());
    assert_eq!(vacuum(&writer, 7, now).unwrap().files, 0);
    let late = now + Duration::from_secs(8 * 86_400);
    assert_eq!(vacuum(&writer, 7, late).unwrap().files, done.merged);
    drop(writer);
    assert_eq!(parquet_files(folder.path()), then + done.made as usize - done.merged as usize);
    assert_eq!(content(folder.path()), before);
    let checked = wait(check(&address(folder.path()))).unwrap();
    assert_eq!(checked.findings, []);
    assert_eq!(checked.rows, before.rows);
    assert_eq!(ingest(folder.path(), 0..3).added, 0, "what is merged is known");
}

#[test]
fn a_judge_that_says_the_same_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..2);
    let (before, at) = (content(folder.path()), commit(folder.path()));
    let run =
        |name: &str| wait(rebuild(&mut writer(folder.path()), &judging(name), 1 << 20)).unwrap();
    let same = run("a");
    assert_eq!((same.measurements, same.changed, same.commit), (60, 0, at));
    let other = run("b");
    assert!(other.changed > 0 && other.commit > at, "{other:?}");
    assert_ne!(content(folder.path()), before);
    assert_eq!(run("b").commit, other.commit);
    wait(compact(&mut writer(folder.path()), 32 << 20)).unwrap();
    assert_eq!(run("b").changed, 0, "also of merged files");
    assert!(run("a").changed > 0);
    assert_eq!(content(folder.path()), before, "the first judge again, the first rows again");
    assert!(wait(check(&address(folder.path()))).unwrap().is_whole());
}

#[test]
fn a_changed_byte_in_any_file_is_seen_and_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..1);
    let place = address(folder.path());
    assert_eq!(wait(check(&place)).unwrap().findings, []);
    let mut checked = 0;
    for path in files(folder.path()) {
        let whole = std::fs::read(&path).unwrap();
        let name = path.strip_prefix(folder.path()).unwrap().display().to_string();
        if name == "writer.lock" {
            continue;
        }
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            let found = wait(check(&place)).unwrap();
            let is_named = |finding: &wirewitness_store::keep::Finding| {
                finding.file == name && finding.kind == FindingKind::Damaged
            };
            assert!(found.findings.iter().any(is_named), "{name} byte {at}: {found:?}");
            assert!(!found.is_whole());
            checked += 1;
        }
        std::fs::remove_file(&path).unwrap();
        let found = wait(check(&place));
        let is_told = match &found {
            Ok(found) => !found.is_whole() && found.findings.iter().any(|one| one.file == name),
            Err(_) => false,
        };
        // The last seal of all has no other after it: its log is told instead, as one without a seal.
        let is_last_seal =
            name.contains("_seals") && found.is_ok_and(|found| !found.findings.is_empty());
        assert!(is_told || is_last_seal, "{name} taken away");
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(checked > 60, "{checked}");
    assert_eq!(wait(check(&place)).unwrap().findings, []);
}

#[test]
fn addresses_of_people_are_told() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..1);
    wait(async {
        use arrow::array::{ArrayRef, StringArray};
        let mut writer = Writer::open(&address(folder.path())).await.unwrap();
        let table = writer.table(&wirewitness_store::schema::MEASUREMENT).unwrap();
        let file = table.files().unwrap().remove(0);
        let rows = table.read(&file).await.unwrap().remove(0);
        let at = table.definition().index("document").unwrap();
        let mut columns = rows.columns().to_vec();
        let text = r#"{"probe_ip":"198.51.100.7"}"#;
        columns[at] =
            std::sync::Arc::new(StringArray::from(vec![text; rows.num_rows()])) as ArrayRef;
        let rows = arrow::array::RecordBatch::try_new(rows.schema(), columns).unwrap();
        let added = table.write(&file.partition, &rows).await.unwrap();
        let change = wirewitness_store::table::Change { added: vec![added], ..Default::default() };
        writer.commit([("measurement", change)].into()).await.unwrap();
    });
    let found = wait(check(&address(folder.path()))).unwrap();
    let [finding] = &found.findings[..] else { panic!("{found:?}") };
    assert_eq!(finding.kind, FindingKind::Private);
    assert!(finding.file.starts_with("measurement/"), "{finding:?}");
}

#[test]
fn two_writers_at_once_are_one_too_many() {
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..1);
    let first = writer(folder.path());
    let second = wait(Writer::open(&address(folder.path())));
    let Err(StoreError::Locked { holder, .. }) = &second else { panic!("{second:?}") };
    assert_eq!(*holder, std::process::id().to_string());
    drop(first);
    writer(folder.path());
}

/// A small file system in memory, while this lives.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(kilobytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kilobytes}k");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        let is_mounted = mount.is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("SKIPPED: no small file system can be mounted here");
        }
        is_mounted.then_some(Self(folder))
    }

    fn archive(&self) -> PathBuf {
        self.0.path().join("archive")
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        let done = Command::new("mount").args(["-o", &how]).arg(self.0.path()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_there() {
    let Some(disk) = Mounted::new(1_400) else { return };
    ingest(&disk.archive(), 0..1);
    let before = content(&disk.archive());
    let error = ingest_with(writer(&disk.archive()), 1..40).unwrap_err();
    let words = format!("{error:?}");
    assert!(words.contains("StorageFull") || words.contains("No space left"), "{words}");
    let held = content(&disk.archive());
    assert!(held.rows >= before.rows);
    let checked = wait(check(&address(&disk.archive()))).unwrap();
    assert!(checked.is_whole(), "{checked:?}");

    // With room again, the rest comes.
    let whole = tempfile::tempdir().unwrap();
    ingest(whole.path(), 0..3);
    let roomy = tempfile::tempdir().unwrap();
    let disk = Mounted::new(1_400).unwrap_or(disk);
    ingest(&disk.archive(), 0..1);
    let _ = ingest_with(writer(&disk.archive()), 1..3);
    copy(&disk.archive(), roomy.path());
    ingest(roomy.path(), 0..3);
    assert_eq!(content(roomy.path()), content(whole.path()));
}

#[test]
fn a_folder_that_cannot_be_written_is_read_and_said_to_be_so() {
    let Some(disk) = Mounted::new(16_000) else { return };
    ingest(&disk.archive(), 0..1);
    disk.remount("ro");
    let refused = wait(Writer::open(&address(&disk.archive())));
    assert!(matches!(refused, Err(StoreError::File { .. })), "{refused:?}");
    assert_eq!(content(&disk.archive()).rows, content(&disk.archive()).rows);
    assert!(wait(check(&address(&disk.archive()))).unwrap().is_whole());
}
