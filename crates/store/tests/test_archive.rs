//! Commits over several tables: whole or absent.

use wirewitness_store::archive::{Changes, Writer};
use wirewitness_store::ingest::Settings;
use wirewitness_store::schema::{MEASUREMENT, TABLES, VERDICT};
use wirewitness_store::table::{Change, LogTable};
use wirewitness_store::{Archive, StoreError};

use crate::filled::{at, examples, ingest};

#[tokio::test]
async fn what_the_ledger_does_not_know_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = at(folder.path());
    std::thread::scope(|scope| {
        scope.spawn(|| ingest(&root, &examples(), Settings::default())).join().unwrap();
    });
    let before = Archive::open(&root).await.unwrap();
    let files = before.table(&VERDICT).unwrap().files().unwrap();

    // A writer that died between the tables and the ledger: one table is a version ahead.
    let mut ahead = LogTable::open(&root, &VERDICT, None).await.unwrap();
    let removed = vec![files[0].clone()];
    ahead.commit(Change { removed, ..Change::default() }).await.unwrap();

    // A reader does not see it.
    let reader = Archive::open(&root).await.unwrap();
    assert_eq!(reader.table(&VERDICT).unwrap().files().unwrap(), files);
    // The next writer undoes it, so that others who read the table alone see it no more either.
    let writer = Writer::open(&root).await.unwrap();
    drop(writer);
    let alone = LogTable::open(&root, &VERDICT, None).await.unwrap();
    assert_eq!(alone.files().unwrap(), files);
    let after = Archive::open(&root).await.unwrap();
    assert_eq!(after.table(&VERDICT).unwrap().version(), alone.version());
}

#[tokio::test]
async fn an_archive_can_be_opened_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let root = at(folder.path());
    let files = examples();
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                ingest(&root, &files[..3], Settings::default());
                ingest(&root, &files[3..], Settings::default());
            })
            .join()
            .unwrap();
    });
    let now = Archive::open(&root).await.unwrap();
    let rows = |archive: &Archive| -> u64 {
        archive.table(&MEASUREMENT).unwrap().files().unwrap().iter().map(|file| file.rows).sum()
    };
    assert_eq!(rows(&now), files.len() as u64);
    let then = Archive::open_at(&root, Some(now.commit() - 1)).await.unwrap();
    assert_eq!(rows(&then), 3);
    let empty = Archive::open_at(&root, Some(0)).await.unwrap();
    assert_eq!(rows(&empty), 0);
}

#[tokio::test]
async fn there_is_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let root = at(folder.path());
    let first = Writer::open(&root).await.unwrap();
    let second = Writer::open(&root).await.unwrap_err();
    assert!(
        matches!(&second, StoreError::Locked { holder, .. } if *holder == std::process::id().to_string())
    );
    assert!(second.to_string().contains("another process"), "{second}");
    drop(first);
    Writer::open(&root).await.unwrap();
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letter.txt"), "dear").unwrap();
    let error = Writer::open(&at(folder.path())).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAnArchive { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = Archive::open(&at(folder.path())).await.unwrap_err();
    assert!(matches!(error, StoreError::NoArchive { .. }), "{error}");
}

#[tokio::test]
async fn a_commit_without_changes_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(&at(folder.path())).await.unwrap();
    assert_eq!(writer.archive().tables().count(), TABLES.len());
    let before = writer.archive().commit();
    assert_eq!(writer.commit(Changes::new()).await.unwrap(), before);
    let empty = Changes::from([(VERDICT.name, Change::default())]);
    assert_eq!(writer.commit(empty).await.unwrap(), before);
}
