//! Few large files for many small ones.

use std::collections::BTreeMap;

use crate::archive::{Changes, Writer};
use crate::error::StoreError;
use crate::ingest::sorted;
use crate::table::{DataFile, LogTable, Partition};

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compacted {
    /// Files that were merged.
    pub merged: u64,
    /// Files that they became.
    pub made: u64,
    /// The commit that holds them.
    pub commit: u64,
}

/// Merges the files of each partition until they have some `file_bytes`, sorted as one, in one commit over all tables. Rows stay as they
/// are. What is merged is read whole: memory is some twenty times `file_bytes`.
pub async fn compact(writer: &mut Writer, file_bytes: u64) -> Result<Compacted, StoreError> {
    let mut done = Compacted::default();
    let mut changes = Changes::new();
    for table in writer.archive().tables() {
        for group in groups(table.files()?, file_bytes) {
            let Some(file) = merge(table, &group).await? else { continue };
            done.merged += group.len() as u64;
            done.made += 1;
            let change = changes.entry(table.definition().name).or_default();
            change.added.push(file);
            change.removed.extend(group);
        }
    }
    done.commit = writer.commit(changes).await?;
    Ok(done)
}

async fn merge(table: &LogTable, group: &[DataFile]) -> Result<Option<DataFile>, StoreError> {
    let mut batches = Vec::new();
    for file in group {
        batches.extend(table.read(file).await?);
    }
    let Some(rows) = sorted(table.definition(), &batches)? else { return Ok(None) };
    drop(batches);
    let partition = group.first().map(|file| file.partition.clone()).unwrap_or_default();
    Ok(Some(table.write(&partition, &rows).await?))
}

/// Files that become one: of one partition, in the order of their paths, two or more, together not much larger than asked for.
fn groups(files: Vec<DataFile>, file_bytes: u64) -> Vec<Vec<DataFile>> {
    let mut partitions: BTreeMap<Partition, Vec<DataFile>> = BTreeMap::new();
    for file in files.into_iter().filter(|file| file.bytes < file_bytes) {
        partitions.entry(file.partition.clone()).or_default().push(file);
    }
    let mut groups = Vec::new();
    for (_, mut files) in partitions {
        files.sort_by(|a, b| (a.bytes, &a.path).cmp(&(b.bytes, &b.path)));
        let (mut group, mut bytes) = (Vec::new(), 0);
        for file in files {
            if bytes + file.bytes > file_bytes && !group.is_empty() {
                groups.push(std::mem::take(&mut group));
                bytes = 0;
            }
            bytes += file.bytes;
            group.push(file);
        }
        groups.push(group);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_one_partition_and_not_too_large() {
        let file = |day: &str, path: &str, bytes| DataFile {
            path: path.to_owned(),
            partition: Partition { country: "PK".to_owned(), day: day.to_owned() },
            rows: 1,
            bytes,
        };
        let files = vec![
            file("1", "a", 40),
            file("1", "b", 10),
            file("1", "c", 70),
            file("1", "large", 100),
            file("2", "d", 10),
            file("2", "e", 10),
            file("3", "alone", 10),
        ];
        let names =
            |group: Vec<DataFile>| group.into_iter().map(|file| file.path).collect::<String>();
        let groups: Vec<String> = groups(files, 100).into_iter().map(names).collect();
        assert_eq!(groups, ["ba", "de"]);
    }
}
