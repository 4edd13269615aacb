//! Archives in a bucket: as one in a folder, also where two write at once or the storage fails.

use std::path::Path;

use wirewitness_store::archive::{Archive, Changes, Writer, locate};
use wirewitness_store::keep::{compact, content_hash};
use wirewitness_store::query::{Options, Session};
use wirewitness_store::schema::{MEASUREMENT, VERDICT};
use wirewitness_store::table::Change;
use wirewitness_store::{StoreError, bucket};

use crate::bucket_server::BucketServer;
use crate::made::{content, ingest, ingest_with, wait};

/// All in one: which storage a process talks to is said once.
#[test]
fn an_archive_in_a_bucket() {
    let server = BucketServer::start();
    let root = locate("s3://data/country").unwrap();
    bucket::allow(server.options());
    let nothing = wait(Archive::open(&root)).unwrap_err();
    assert!(matches!(nothing, StoreError::NoArchive { .. }), "{nothing}");

    // The same rows as in a folder, in many commits.
    let folder = tempfile::tempdir().unwrap();
    ingest(folder.path(), 0..3);
    ingest_with(wait(Writer::open(&root)).unwrap(), 0..3).unwrap();
    let archive = wait(Archive::open(&root)).unwrap();
    assert_eq!(wait(content_hash(&archive)).unwrap(), content(folder.path()));
    assert_eq!(count(&archive, "verdict"), 90);
    let then = wait(Archive::open_at(&root, Some(0))).unwrap();
    assert_eq!(count(&then, "verdict"), 0);
    assert_eq!(count(&archive, "verdict where country = 'PK'"), 30);

    let mut writer = wait(Writer::open(&root)).unwrap();
    let compacted = wait(compact(&mut writer, 64 << 20)).unwrap();
    assert!(compacted.made > 0);
    let archive = wait(Archive::open(&root)).unwrap();
    assert_eq!(wait(content_hash(&archive)).unwrap(), content(folder.path()));

    of_two_writers_one_commits(&root);
    what_could_not_be_committed_is_not_seen(&server, &root, folder.path());
    storage_that_overwrites_is_not_written_to(&server, &root);
}

fn count(archive: &Archive, from: &str) -> usize {
    let sql = format!("select measurement_id from {from}");
    let rows = wait(async {
        Session::new(archive, Options::default()).await.unwrap().rows(&sql).await.unwrap()
    });
    rows.iter().map(|batch| batch.num_rows()).sum()
}

fn of_two_writers_one_commits(root: &url::Url) {
    let mut first = wait(Writer::open(root)).unwrap();
    let mut second = wait(Writer::open(root)).unwrap();
    let without_one = |writer: &Writer| {
        let file = writer.table(&VERDICT).unwrap().files().unwrap().remove(0);
        Changes::from([(VERDICT.name, Change { removed: vec![file], ..Change::default() })])
    };
    let of_measurements = |writer: &Writer| {
        let file = writer.table(&MEASUREMENT).unwrap().files().unwrap().remove(0);
        Changes::from([(MEASUREMENT.name, Change { removed: vec![file], ..Change::default() })])
    };
    let changes = without_one(&first);
    let removed = changes[VERDICT.name].removed[0].clone();
    let commit = wait(first.commit(changes)).unwrap();
    // The same table; then another one: the ledger is held by the first.
    let changes = without_one(&second);
    assert!(wait(second.commit(changes)).is_err());
    let changes = of_measurements(&second);
    assert!(wait(second.commit(changes)).is_err());
    let archive = wait(Archive::open(root)).unwrap();
    assert_eq!(archive.commit(), commit);
    assert_eq!(count(&archive, "measurement"), 90);

    // What the second had written is taken back, and the first may go on after that only by opening it again.
    let mut third = wait(Writer::open(root)).unwrap();
    let change = Change { added: vec![removed], ..Change::default() };
    wait(third.commit(Changes::from([(VERDICT.name, change)]))).unwrap();
    assert!(wait(first.commit(of_measurements(&first))).is_err());
    let archive = wait(Archive::open(root)).unwrap();
    assert_eq!((count(&archive, "measurement"), count(&archive, "verdict")), (90, 90));
}

fn what_could_not_be_committed_is_not_seen(server: &BucketServer, root: &url::Url, folder: &Path) {
    let before = wait(Archive::open(root)).unwrap();
    // The other tables can be written, the ledger cannot.
    let writer = wait(Writer::open(root)).unwrap();
    server.close(Some("data/country/source/_delta_log/"));
    assert!(ingest_with(writer, 3..4).is_err());
    server.close(None);
    let after = wait(Archive::open(root)).unwrap();
    assert_eq!(wait(content_hash(&after)).unwrap(), wait(content_hash(&before)).unwrap());
    // The next one takes it back and does it again.
    ingest_with(wait(Writer::open(root)).unwrap(), 3..4).unwrap();
    ingest(folder, 3..4);
    let archive = wait(Archive::open(root)).unwrap();
    assert_eq!(wait(content_hash(&archive)).unwrap(), content(folder));
    assert_eq!(count(&archive, "verdict"), 120);
}

fn storage_that_overwrites_is_not_written_to(server: &BucketServer, root: &url::Url) {
    server.overwrite();
    let refused = wait(Writer::open(&locate("s3://data/other").unwrap())).unwrap_err();
    assert!(refused.to_string().contains("If-None-Match"), "{refused}");
    assert_eq!(server.below("data/other"), [""; 0], "nothing is left of the try");
    assert!(wait(Writer::open(root)).is_err());
    let archive = wait(Archive::open(root)).unwrap();
    assert_eq!(count(&archive, "verdict"), 120, "it can be read");
    assert!(server.asked().iter().all(|(_, is_signed)| !is_signed), "without keys");
}
