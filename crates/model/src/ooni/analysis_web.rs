//! Rows of OONI's table `analysis_web_measurement`, as the INSERT statement of its detector's example has them.
//!
//! OONI's pipeline gives each layer of a measurement three scores between 0 and 1: `blocked`, `down` and `ok`. A row becomes a verdict:
//!
//! - Layers are looked at in order: DNS, TCP, TLS. The first whose `blocked` is above one half and above its `ok` makes the
//!   measurement `blocked`, and its failure (`top_*_failure`) the mechanism; the first whose `down` is, `down`. With
//!   neither, `tls_ok` or (where TLS says nothing) `tcp_ok` above one half make it `ok`; anything else is `insufficient`.
//! - The table has no number of a volunteer. A vantage is a resolver's network with a kind of network: people behind the same
//!   two are taken for one, so independence is understated, never overstated.
//!
//! Source: <https://github.com/ooni/data>, `oonipipeline`, tables and tests of the detector.

use std::collections::BTreeMap;

use crate::civil;
use crate::point::{Network, Point};
use crate::verdict::{Mechanism, Status};

/// One row: its columns by name. NULL is the empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    columns: BTreeMap<String, String>,
}

/// Why a statement could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RowsError {
    /// It is no INSERT into that table.
    #[error("this is no `INSERT INTO {TABLE} (..) VALUES ..`")]
    OtherStatement,
    /// A row has another number of values than there are columns.
    #[error("row {row}: {have} values for {need} columns")]
    Width {
        /// Which row, from 1.
        row: usize,
        /// Columns that were named.
        need: usize,
        /// Values found.
        have: usize,
    },
    /// A row ends in the middle.
    #[error("row {row}: the text ends within it")]
    Cut {
        /// Which row, from 1.
        row: usize,
    },
}

/// Whether a text begins as such a statement does.
pub fn is_such(text: &str) -> bool {
    let text = text.trim_start();
    text.get(..HEAD.len()).is_some_and(|head| head.eq_ignore_ascii_case(HEAD))
        && text.get(HEAD.len()..).is_some_and(|rest| rest.trim_start().starts_with(TABLE))
}

/// The rows of ``INSERT INTO analysis_web_measurement (`a`, ..) VALUES ('x', 1, NULL), ..``.
pub fn rows(text: &str) -> Result<Vec<Row>, RowsError> {
    if !is_such(text) {
        return Err(RowsError::OtherStatement);
    }
    let (head, body) = text.split_once("VALUES").ok_or(RowsError::OtherStatement)?;
    let names: Vec<&str> = head.split('`').skip(1).step_by(2).collect();
    let mut rows = Vec::new();
    for values in tuples(body)? {
        if values.len() != names.len() {
            let (need, have) = (names.len(), values.len());
            return Err(RowsError::Width { row: rows.len() + 1, need, have });
        }
        let columns = names.iter().map(ToString::to_string).zip(values).collect();
        rows.push(Row { columns });
    }
    Ok(rows)
}

fn tuples(body: &str) -> Result<Vec<Vec<String>>, RowsError> {
    let (mut tuples, mut values, mut value) = (Vec::new(), Vec::new(), String::new());
    let (mut is_quoted, mut is_inside) = (false, false);
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if is_quoted => value.extend(letters.next()),
            '\'' => is_quoted = !is_quoted,
            _ if is_quoted => value.push(letter),
            '(' => is_inside = true,
            ',' | ')' if is_inside => {
                let value = std::mem::take(&mut value);
                values.push(if value == "NULL" { String::new() } else { value });
                if letter == ')' {
                    tuples.push(std::mem::take(&mut values));
                    is_inside = false;
                }
            }
            ' ' | '\n' | '\r' | '\t' => {}
            _ if is_inside => value.push(letter),
            _ => {}
        }
    }
    if is_inside || is_quoted { Err(RowsError::Cut { row: tuples.len() + 1 }) } else { Ok(tuples) }
}

impl Row {
    /// A column; empty where it is NULL or not there.
    pub fn text(&self, column: &str) -> &str {
        self.columns.get(column).map_or("", String::as_str)
    }

    /// A column as a number; 0 where it is none.
    pub fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap_or(0.0)
    }

    /// When it was measured, seconds since 1970. None where that cannot be read.
    pub fn at_s(&self) -> Option<i64> {
        Some(civil::micros(self.text("measurement_start_time"))?.div_euclid(1_000_000))
    }

    /// Status and mechanism.
    pub fn verdict(&self) -> (Status, Option<Mechanism>) {
        for layer in ["dns", "tcp", "tls"] {
            let of = |what: &str| self.number(&format!("{layer}_{what}"));
            if of("blocked") > 0.5 && of("blocked") > of("ok") {
                let failure = self.text(&format!("top_{layer}_failure"));
                return (Status::Blocked, mechanism(layer, failure));
            }
            if of("down") > 0.5 && of("down") > of("ok") {
                return (Status::Down, Some(Mechanism::ServerDown));
            }
        }
        let of = |what: &&str| self.number(&format!("tls_{what}")) == 0.0;
        let is_silent = ["blocked", "down", "ok"].iter().all(of);
        let last = if is_silent { "tcp_ok" } else { "tls_ok" };
        (if self.number(last) > 0.5 { Status::Ok } else { Status::Insufficient }, None)
    }

    /// The row as a point, under the caller's number of its target. None where its time or country cannot be read.
    pub fn point(&self, target: u32) -> Option<Point> {
        let (status, mechanism) = self.verdict();
        let number = |column: &str| self.text(column).parse::<u32>().unwrap_or(0);
        let resolver_asn = number("resolver_asn");
        let kind = self.text("network_type");
        let kind = ["unknown", "wifi", "mobile"].iter().position(|known| *known == kind);
        let country = self.text("probe_cc").as_bytes().try_into().ok()?;
        Some(Point {
            at_s: self.at_s()?,
            network: Network { country, asn: number("probe_asn") },
            target,
            vantage: u64::from(resolver_asn) * 4 + kind.map_or(3, |kind| kind as u64),
            resolver_asn,
            status,
            mechanism,
        })
    }
}

fn mechanism(layer: &str, failure: &str) -> Option<Mechanism> {
    match (layer, failure) {
        ("dns", "dns_nxdomain_error") => Some(Mechanism::DnsNxdomain),
        ("dns", "dns_refused_error") => Some(Mechanism::DnsRefused),
        ("dns", "generic_timeout_error") => Some(Mechanism::DnsTimeout),
        ("tcp", "connection_refused") => Some(Mechanism::TcpRefused),
        ("tcp", "connection_reset") => Some(Mechanism::TcpReset),
        ("tcp", "generic_timeout_error") => Some(Mechanism::TcpTimeout),
        ("tls", "connection_reset") => Some(Mechanism::TlsResetOther),
        ("tls", "generic_timeout_error") => Some(Mechanism::TlsTimeout),
        _ => None,
    }
}

const HEAD: &str = "INSERT INTO";
const TABLE: &str = "analysis_web_measurement";

#[cfg(test)]
mod tests {
    use super::*;

    const STATEMENT: &str = "INSERT INTO analysis_web_measurement (`input`, `probe_cc`, `probe_asn`, `measurement_start_time`, \
        `top_tcp_failure`, `tcp_blocked`, `tcp_ok`, `tls_ok`) VALUES \
        ('https://a.example/?q=(1,2)', 'UG', 20294, '1970-01-02 00:00:05.000', 'connection_reset', 0.75, 0, 0)\n\
        , ('it\\'s', 'UG', 20294, '1970-01-01 00:00:00.000', NULL, 0, 0, 1)";

    #[test]
    fn values_come_back_as_they_are_quoted() {
        let rows = rows(STATEMENT).unwrap();
        let inputs: Vec<&str> = rows.iter().map(|row| row.text("input")).collect();
        assert_eq!(inputs, ["https://a.example/?q=(1,2)", "it's"]);
        let points: Vec<Point> = rows.iter().filter_map(|row| row.point(7)).collect();
        assert_eq!((points[0].at_s, points[0].status), (86_405, Status::Blocked));
        assert_eq!(points[0].mechanism, Some(Mechanism::TcpReset));
        assert_eq!((points[1].status, points[1].mechanism), (Status::Ok, None));
        assert_eq!(rows[1].text("top_tcp_failure"), "", "NULL");
    }

    #[test]
    fn a_cut_statement_is_refused_and_none_panics() {
        for end in (0..STATEMENT.len()).filter(|end| STATEMENT.is_char_boundary(*end)) {
            let _ = rows(&STATEMENT[..end]);
        }
        let cut = &STATEMENT[..STATEMENT.len() - 1];
        assert_eq!(rows(cut), Err(RowsError::Cut { row: 2 }));
        assert_eq!(rows("INSERT INTO t (`a`) VALUES (1)"), Err(RowsError::OtherStatement));
        let wide = "INSERT INTO analysis_web_measurement (`a`) VALUES (1, 2)";
        assert_eq!(rows(wide), Err(RowsError::Width { row: 1, need: 1, have: 2 }));
    }
}
