//! Rows of a table in the making.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder,
    ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};

use crate::error::StoreError;
use crate::schema::{Kind, Table};

/// Rows of one table, filled column by column in the order of the schema.
///
/// A value of the wrong kind for its column is a fault of the program: it is told when the rows are finished, and none of them
/// is kept.
pub(crate) struct Rows {
    table: &'static Table,
    columns: Vec<Builder>,
    at: usize,
    count: usize,
    misfit: Option<&'static str>,
}

enum Builder {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Int(Int32Builder),
    Long(Int64Builder),
    Longs(ListBuilder<Int64Builder>),
    Real(Float64Builder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Rows {
    pub(crate) fn of(table: &'static Table) -> Self {
        let columns = table.columns.iter().map(|column| Builder::of(column.kind)).collect();
        Self { table, columns, at: 0, count: 0, misfit: None }
    }

    /// With room for what is expected.
    pub(crate) fn expecting(table: &'static Table, expected: &Expected, bytes: usize) -> Self {
        let of = |count: usize| expected.of(count, bytes);
        let rows = of(expected.rows);
        let texts = expected.texts.iter().copied().chain(std::iter::repeat(0));
        let columns = table.columns.iter().zip(texts);
        let columns = columns.map(|(column, text)| Builder::roomy(column.kind, rows, of(text)));
        Self { table, columns: columns.collect(), at: 0, count: 0, misfit: None }
    }

    /// Rows ended so far.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn text(&mut self, value: Option<&str>) -> &mut Self {
        match self.next() {
            Some(Builder::Text(column)) => column.append_option(value),
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn texts<'t>(
        &mut self,
        value: Option<impl IntoIterator<Item = &'t str>>,
    ) -> &mut Self {
        match self.next() {
            Some(Builder::Texts(column)) => {
                let is_there = value.is_some();
                value.into_iter().flatten().for_each(|text| column.values().append_value(text));
                column.append(is_there);
            }
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn int(&mut self, value: Option<i32>) -> &mut Self {
        match self.next() {
            Some(Builder::Int(column)) => column.append_option(value),
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn long(&mut self, value: Option<i64>) -> &mut Self {
        match self.next() {
            Some(Builder::Long(column)) => column.append_option(value),
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn longs(&mut self, value: impl IntoIterator<Item = i64>) -> &mut Self {
        match self.next() {
            Some(Builder::Longs(column)) => {
                value.into_iter().for_each(|number| column.values().append_value(number));
                column.append(true);
            }
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn real(&mut self, value: Option<f64>) -> &mut Self {
        match self.next() {
            Some(Builder::Real(column)) => column.append_option(value.filter(|v| v.is_finite())),
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn flag(&mut self, value: Option<bool>) -> &mut Self {
        match self.next() {
            Some(Builder::Flag(column)) => column.append_option(value),
            _ => self.misfit(),
        }
        self
    }

    pub(crate) fn time(&mut self, micros: Option<i64>) -> &mut Self {
        match self.next() {
            Some(Builder::Time(column)) => column.append_option(micros),
            _ => self.misfit(),
        }
        self
    }

    /// Ends a row.
    pub(crate) fn end(&mut self) {
        if self.at != self.columns.len() {
            self.misfit = self.misfit.or(Some("a row that is too short"));
        }
        self.at = 0;
        self.count += 1;
    }

    /// All rows so far, and begins anew.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, StoreError> {
        if let Some(name) = self.misfit {
            return Err(StoreError::Damaged {
                path: self.table.name.to_owned(),
                reason: format!("{name} got a value of another kind"),
            });
        }
        self.count = 0;
        let columns = self.columns.iter_mut().map(Builder::finish).collect();
        Ok(RecordBatch::try_new(self.table.arrow(), columns)?)
    }

    fn next(&mut self) -> Option<&mut Builder> {
        self.at += 1;
        self.columns.get_mut(self.at - 1)
    }

    fn misfit(&mut self) {
        let name = self.table.columns.get(self.at - 1).map_or("beyond the last", |c| c.name);
        self.misfit = self.misfit.or(Some(name));
    }
}

impl Builder {
    /// Begins small: of a million tiny files, each has rows of its own.
    fn of(kind: Kind) -> Self {
        Self::roomy(kind, 0, 0)
    }

    /// With room for so many rows, and bytes of text. Lists begin small.
    fn roomy(kind: Kind, rows: usize, bytes: usize) -> Self {
        let texts = || StringBuilder::with_capacity(0, 0);
        match kind {
            Kind::Text => Self::Text(StringBuilder::with_capacity(rows, bytes)),
            Kind::Texts => {
                Self::Texts(ListBuilder::with_capacity(texts(), rows).with_field(element(kind)))
            }
            Kind::Int => Self::Int(Int32Builder::with_capacity(rows)),
            Kind::Long => Self::Long(Int64Builder::with_capacity(rows)),
            Kind::Longs => {
                let longs = Int64Builder::with_capacity(0);
                Self::Longs(ListBuilder::with_capacity(longs, rows).with_field(element(kind)))
            }
            Kind::Real => Self::Real(Float64Builder::with_capacity(rows)),
            Kind::Flag => Self::Flag(BooleanBuilder::with_capacity(rows)),
            Kind::Time => Self::Time(
                TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(kind.arrow()),
            ),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Texts(column) => Arc::new(column.finish()),
            Self::Int(column) => Arc::new(column.finish()),
            Self::Long(column) => Arc::new(column.finish()),
            Self::Longs(column) => Arc::new(column.finish()),
            Self::Real(column) => Arc::new(column.finish()),
            Self::Flag(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
        }
    }
}

/// How large rows of a table become: what was seen last. Columns that begin with room for it are not moved while they grow.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Bytes of records that became the following.
    bytes: usize,
    rows: usize,
    /// Bytes of text, by column.
    texts: Vec<usize>,
}

impl Expected {
    /// After these rows, made from so many bytes of records.
    pub(crate) fn after(rows: &RecordBatch, bytes: usize) -> Self {
        let text = |column: &ArrayRef| {
            let texts = column.as_string_opt::<i32>();
            texts.map_or(0, |texts| texts.value_data().len())
        };
        Self { bytes, rows: rows.num_rows(), texts: rows.columns().iter().map(text).collect() }
    }

    /// What `count` comes to for so many bytes of records, and an eighth more; never more than those bytes.
    fn of(&self, count: usize, bytes: usize) -> usize {
        let scaled = count as u128 * bytes as u128 * 9 / (self.bytes.max(1) as u128 * 8);
        usize::try_from(scaled).unwrap_or(bytes).min(bytes)
    }
}

fn element(kind: Kind) -> arrow::datatypes::FieldRef {
    match kind.arrow() {
        arrow::datatypes::DataType::List(field) => field,
        other => Arc::new(arrow::datatypes::Field::new("element", other, true)),
    }
}
