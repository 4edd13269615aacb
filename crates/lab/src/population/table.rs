//! Rows as CSV: one line a measurement, columns explained in `docs/population.md`.

use std::io::{self, Write};

use wirewitness_model::civil;
use wirewitness_model::verdict::Status;

use super::points::Row;

/// The first line.
pub const HEAD: &str =
    "measured_at,arrived_at,country,asn,target,vantage,resolver_asn,status,mechanism\n";

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows.
    pub rows: u64,
    /// Of those, `ok`.
    pub ok: u64,
    /// Of those, `down`.
    pub down: u64,
    /// Of those, `blocked`.
    pub blocked: u64,
    /// Of those, `insufficient`.
    pub insufficient: u64,
}

impl Tally {
    /// Counts one row.
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        match row.point.status {
            Status::Ok => self.ok += 1,
            Status::Down => self.down += 1,
            Status::Blocked => self.blocked += 1,
            Status::Insufficient => self.insufficient += 1,
        }
    }
}

/// Writes one row: dates in UTC, `-` for no mechanism.
///
/// # Errors
/// What the writer says.
pub fn write_row(out: &mut dyn Write, row: &Row) -> io::Result<()> {
    let point = &row.point;
    let [a, b] = point.network.country;
    writeln!(
        out,
        "{},{},{}{},{},site-{:05}.example,{:016x},{},{},{}",
        Date::of(point.at_s),
        Date::of(row.arrived_s),
        char::from(a),
        char::from(b),
        point.network.asn,
        point.target,
        point.vantage,
        point.resolver_asn,
        point.status.word(),
        point.mechanism.map_or("-", |mechanism| mechanism.word()),
    )
}

/// A time of UTC, as `2026-01-01T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
    second: i64,
}

impl Date {
    /// The date of so many seconds since 1970.
    pub fn of(at_s: i64) -> Self {
        let (year, month, day) = civil::date(at_s.div_euclid(86_400));
        Self { year, month, day, second: at_s.rem_euclid(86_400) }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, second } = self;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_a_calendar() {
        // As `date -u -d @N` says.
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ];
        for (at_s, text) in cases {
            assert_eq!(Date::of(at_s).to_string(), text);
        }
    }
}
