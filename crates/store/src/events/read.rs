//! Rows of `verdict` as points: only the columns that a search needs, texts as the dictionaries that the files hold.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use arrow::array::{Array as _, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimestampMicrosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;
use wirewitness_model::verdict::Mechanism;

use super::names::{Met, part};
use super::packed::{STATUSES, Said, pack};
use super::parts::Hand;
use crate::error::StoreError;

/// What all files are read for.
pub(super) struct Reading {
    pub(super) parts: usize,
    /// Origins that are wanted; all where it is empty.
    pub(super) origins: Vec<String>,
    pub(super) met: Mutex<Met>,
    pub(super) seen: Mutex<Seen>,
}

/// What was met in all files.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) origins: BTreeSet<String>,
    /// Rows left out because there are too many targets.
    pub(super) dropped: u64,
}

/// Columns of one batch.
struct Columns<'b> {
    at: &'b [i64],
    asn: &'b Int64Array,
    resolver: &'b Int64Array,
    vantage: &'b [i64],
    origin: Coded<'b>,
    target: Coded<'b>,
    status: Coded<'b>,
    mechanism: Coded<'b>,
}

/// A column of texts, each once, and which of them each row has.
pub(crate) struct Coded<'b> {
    keys: &'b arrow::array::Int32Array,
    texts: &'b StringArray,
}

/// Deals the points of one file. Its rows are of this country.
pub(super) fn deal<R: ChunkReader + 'static>(
    (path, reader): (&str, R),
    country: [u8; 2],
    reading: &Reading,
    hand: &mut Hand<'_>,
) -> Result<(), StoreError> {
    for batch in open(path, reader, (&CODED, &PLAIN))? {
        let batch = batch?;
        let columns = Columns::of(&batch).ok_or_else(|| StoreError::Damaged {
            path: path.to_owned(),
            reason: "the columns are not those of the table `verdict`".to_owned(),
        })?;
        columns.deal(country, reading, hand)?;
    }
    Ok(())
}

/// Rows of a file, only these columns of it: the first of them as dictionaries.
pub(crate) fn open<R: ChunkReader + 'static>(
    path: &str,
    reader: R,
    (coded_columns, plain): (&[&str], &[&str]),
) -> Result<ParquetRecordBatchReader, StoreError> {
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |field: &Arc<Field>| match coded_columns.contains(&field.name().as_str()) {
        true => Field::new(field.name(), coded.clone(), field.is_nullable()),
        false => field.as_ref().clone(),
    };
    let wrong = StoreError::parquet;
    // The columns that the file has: an older version of the schema may have had fewer.
    let written = ArrowReaderMetadata::load(&reader, ArrowReaderOptions::new());
    let written = written.map_err(wrong(path))?;
    let schema = Schema::new(written.schema().fields().iter().map(field).collect::<Vec<_>>());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(written.metadata()), options);
    let metadata = metadata.map_err(wrong(path))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, metadata);
    let wanted = coded_columns.iter().chain(plain).copied();
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
    builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(wrong(path))
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let column = |name| batch.column_by_name(name);
        let long = |name| column(name)?.as_primitive_opt::<Int64Type>();
        let coded = |name| Coded::of_column(batch, name);
        Some(Self {
            at: column("measured_at")?.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
            asn: long("probe_asn")?,
            resolver: long("resolver_asn")?,
            vantage: long("vantage")?.values(),
            origin: coded("origin")?,
            target: coded("target")?,
            status: coded("status")?,
            mechanism: coded("mechanism")?,
        })
    }

    fn deal(
        &self,
        country: [u8; 2],
        reading: &Reading,
        hand: &mut Hand<'_>,
    ) -> Result<(), StoreError> {
        let wanted = self.wanted(reading)?;
        let targets = self.targets(reading)?;
        let statuses: Vec<u32> = self.status.each(status);
        let mechanisms: Vec<u32> = self.mechanism.each(mechanism);
        let mut dropped = 0;
        for (row, (at, vantage)) in self.at.iter().zip(self.vantage).enumerate() {
            if !self.origin.of(row, &wanted).unwrap_or(true) {
                continue;
            }
            let Some((target, part)) = self.target.of(row, &targets).flatten() else {
                dropped += 1;
                continue;
            };
            let said = Said {
                country,
                asn: number(self.asn, row),
                at_s: at.div_euclid(1_000_000),
                vantage: vantage.cast_unsigned(),
                resolver: number(self.resolver, row),
                status: self.status.of(row, &statuses).unwrap_or(INSUFFICIENT),
                mechanism: self.mechanism.of(row, &mechanisms).unwrap_or(0),
            };
            hand.deal(part, &pack(target, &said))?;
        }
        if dropped > 0 {
            reading.seen.lock().map_err(poisoned)?.dropped += dropped;
        }
        Ok(())
    }

    /// Which of the origins are asked for.
    fn wanted(&self, reading: &Reading) -> Result<Vec<bool>, StoreError> {
        let asked = |origin: &str| {
            // Of a capture only what was found is kept, and nothing of what went well: no rate can be made of that.
            let is_named = reading.origins.iter().any(|wanted| wanted == origin);
            is_named || reading.origins.is_empty() && origin != "capture"
        };
        let mut seen = reading.seen.lock().map_err(poisoned)?;
        for origin in self.origin.texts.iter().flatten().filter(|origin| asked(origin)) {
            if !seen.origins.contains(origin) {
                seen.origins.insert(origin.to_owned());
            }
        }
        Ok(self.origin.each(asked))
    }

    /// Place and part of each target; none where there are too many.
    fn targets(&self, reading: &Reading) -> Result<Vec<Option<(u32, usize)>>, StoreError> {
        let mut met = reading.met.lock().map_err(poisoned)?;
        let place = |name: &str| Some((met.place(name)?, part(name, reading.parts)));
        Ok(self.target.each(place))
    }
}

impl<'b> Coded<'b> {
    /// A column by its name; none where it is not there or is no dictionary.
    pub(crate) fn of_column(batch: &'b RecordBatch, name: &str) -> Option<Self> {
        let column = batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()?;
        Some(Self { keys: column.keys(), texts: column.values().as_string_opt()? })
    }

    /// Which of the texts a row has; none where it is null.
    pub(crate) fn key(&self, row: usize) -> Option<i32> {
        if self.keys.is_null(row) {
            return None;
        }
        self.keys.values().get(row).copied()
    }

    /// The text of a key.
    pub(crate) fn text(&self, key: i32) -> &'b str {
        match usize::try_from(key) {
            Ok(at) if at < self.texts.len() && !self.texts.is_null(at) => self.texts.value(at),
            _ => "",
        }
    }

    /// Something of each text.
    pub(crate) fn each<T>(&self, of: impl FnMut(&str) -> T) -> Vec<T> {
        self.texts.iter().map(Option::unwrap_or_default).map(of).collect()
    }

    /// What a row's text has; none where it is null.
    pub(crate) fn of<T: Copy>(&self, row: usize, each: &[T]) -> Option<T> {
        each.get(usize::try_from(self.key(row)?).ok()?).copied()
    }
}

/// A number of a network; 0 where it is null or none.
pub(crate) fn number(column: &Int64Array, row: usize) -> u32 {
    if column.is_null(row) {
        return 0;
    }
    column.values().get(row).and_then(|number| u32::try_from(*number).ok()).unwrap_or(0)
}

pub(super) fn status(word: &str) -> u32 {
    let place = STATUSES.iter().position(|status| status.word() == word);
    place.map_or(INSUFFICIENT, |place| place as u32)
}

pub(super) fn mechanism(word: &str) -> u32 {
    let place = Mechanism::ALL.iter().position(|(_, known, _)| *known == word);
    place.map_or(0, |place| place as u32 + 1)
}

fn poisoned<T>(_: T) -> StoreError {
    StoreError::Worker("another thread ended early".to_owned())
}

pub(super) const INSUFFICIENT: u32 = 3;
/// Columns that few different texts fill.
const CODED: [&str; 4] = ["origin", "target", "status", "mechanism"];
const PLAIN: [&str; 4] = ["measured_at", "probe_asn", "resolver_asn", "vantage"];
/// Rows at once: each has a place looked up for every target that its dictionary names.
const BATCH_ROWS: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_numbers_that_points_are_packed_with() {
        assert_eq!(["ok", "down", "blocked", "insufficient", "odd"].map(status), [0, 1, 2, 3, 3]);
        for (at, (_, word, _)) in Mechanism::ALL.iter().enumerate() {
            assert_eq!(mechanism(word), at as u32 + 1);
        }
        assert_eq!(mechanism("of a later version"), 0);
    }
}
