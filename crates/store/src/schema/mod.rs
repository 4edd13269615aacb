//! The tables of an archive and their columns: what `docs/schema.md` is made of.
//!
//! An observation says what happened, never what it means; a verdict says what it means and by which rule. Everything right of
//! the measurements can be made again from them. Times are UTC in microseconds. `country` and `day` are not in the
//! files but in the names of their folders (`country=PK/day=2025-11-23`), as Hive, Spark, DuckDB and pyarrow read them.

mod columns;
mod page;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use columns::{EVENT, MEASUREMENT, OBSERVATION, SOURCE, TABLES, VERDICT};
pub use page::page;

/// Version of all tables together. A reader refuses what is newer than it knows. A version may only add columns, and only such as may be null:
/// those of an older archive are read as null, and its logs get them from the first writer.
pub const VERSION: u32 = 2;

/// One table.
#[derive(Debug)]
pub struct Table {
    /// Its name, in SQL and as a folder.
    pub name: &'static str,
    /// What a row is.
    pub says: &'static str,
    /// Its columns, in order, without those of the partition.
    pub columns: &'static [Column],
    /// Whether its files are by country and day.
    pub is_partitioned: bool,
    /// Columns by which the rows of a file are sorted.
    pub sorted_by: &'static [&'static str],
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What the value says: unit, range, source, and what it means that it is null.
    pub says: &'static str,
    /// Whether it may be null.
    pub is_nullable: bool,
}

/// What a column holds. Delta has no unsigned numbers, so counts are `Long`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// A list of texts.
    Texts,
    /// 32 bits with a sign.
    Int,
    /// 64 bits with a sign.
    Long,
    /// A list of such.
    Longs,
    /// A double.
    Real,
    /// True or false.
    Flag,
    /// Microseconds since 1970, UTC.
    Time,
}

/// The columns of the partition, in order.
pub const PARTITION: [&str; 2] = ["country", "day"];

impl Kind {
    /// Whether its values are numbers, or true and false.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Long | Self::Longs | Self::Real | Self::Flag)
    }

    /// In Arrow.
    pub fn arrow(self) -> DataType {
        let list = |of| DataType::List(Arc::new(Field::new("element", of, true)));
        match self {
            Self::Text => DataType::Utf8,
            Self::Texts => list(DataType::Utf8),
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Longs => list(DataType::Int64),
            Self::Real => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// In SQL, for the documentation.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "text[]",
            Self::Int => "int",
            Self::Long => "bigint",
            Self::Longs => "bigint[]",
            Self::Real => "double",
            Self::Flag => "boolean",
            Self::Time => "timestamptz",
        }
    }
}

impl Table {
    /// The columns that are in the files.
    pub fn arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(|column| Field::new(column.name, column.kind.arrow(), column.is_nullable))
                .collect::<Vec<_>>(),
        ))
    }

    /// The columns of the partition, as they are in the log.
    pub fn partition(&self) -> Vec<Field> {
        if !self.is_partitioned {
            return Vec::new();
        }
        let kinds = [DataType::Utf8, DataType::Date32];
        PARTITION.iter().zip(kinds).map(|(name, kind)| Field::new(*name, kind, false)).collect()
    }

    /// Place of a column in the files.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// The table of this name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().copied().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sorting_names_columns() {
        for table in TABLES {
            for (at, column) in table.columns.iter().enumerate() {
                assert_eq!(table.index(column.name), Some(at), "{} twice", column.name);
                let is_in_both = table.is_partitioned && PARTITION.contains(&column.name);
                assert!(!is_in_both, "{} is in both", column.name);
            }
            for name in table.sorted_by {
                assert!(table.index(name).is_some(), "{}: sorted by {name}", table.name);
            }
        }
    }
}
