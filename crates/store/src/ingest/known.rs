//! Which records the archive has.
//!
//! Their names are read from the files of a partition when it is first touched. At most [`MAX_IDS`] are held; beyond that, the
//! partitions not touched for longest are forgotten, and read again when they are touched.

use std::collections::{HashMap, HashSet};

use arrow::array::AsArray as _;

use super::record::Id;
use crate::error::StoreError;
use crate::table::{DataFile, LogTable, Partition};

/// Names held at once: some 300 MB.
const MAX_IDS: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Known {
    partitions: HashMap<Partition, Held>,
    ids: usize,
    clock: u64,
}

struct Held {
    ids: HashSet<Id>,
    touched: u64,
}

impl Known {
    /// Whether a record is new; it is known from now on.
    pub(super) async fn is_new(
        &mut self,
        (partition, id): (&Partition, Id),
        table: &LogTable,
        files: &HashMap<Partition, Vec<DataFile>>,
    ) -> Result<bool, StoreError> {
        self.clock += 1;
        let clock = self.clock;
        if !self.partitions.contains_key(partition) {
            let ids = read(table, files.get(partition).map_or(&[], Vec::as_slice)).await?;
            self.ids += ids.len();
            self.partitions.insert(partition.clone(), Held { ids, touched: clock });
        }
        let Some(held) = self.partitions.get_mut(partition) else { return Ok(true) };
        held.touched = clock;
        let is_new = held.ids.insert(id);
        self.ids += usize::from(is_new);
        Ok(is_new)
    }

    /// Forgets what was not touched for longest, but for partitions that have rows which are not in the archive yet: what is forgotten is
    /// read from there.
    pub(super) fn shrink(&mut self, is_open: impl Fn(&Partition) -> bool) {
        while self.ids > MAX_IDS {
            let closed = self.partitions.iter().filter(|(partition, _)| !is_open(partition));
            let oldest = closed.min_by_key(|(_, held)| held.touched);
            let Some(partition) = oldest.map(|(partition, _)| partition.clone()) else { return };
            if let Some(held) = self.partitions.remove(&partition) {
                self.ids -= held.ids.len();
            }
        }
    }
}

async fn read(table: &LogTable, files: &[DataFile]) -> Result<HashSet<Id>, StoreError> {
    let mut ids = HashSet::new();
    for file in files {
        for batch in table.read_columns(file, &["measurement_id"]).await? {
            let column = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
            ids.extend(column.into_iter().flatten().flatten().filter_map(id));
        }
    }
    Ok(ids)
}

fn id(text: &str) -> Option<Id> {
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_written_id_comes_back() {
        let id = super::super::record::id_of("{}");
        assert_eq!(super::id(&wirewitness_model::hex::hex(&id)), Some(id));
    }
}
