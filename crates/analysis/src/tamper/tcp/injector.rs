//! Known senders of forged packets: the table, and which of its rows packets fit. It never grades; a fit is "consistent with".

use std::net::SocketAddr;
use std::sync::LazyLock;

use serde::Deserialize;
use wirewitness_wire::transport::flag;

use super::arithmetic;
use super::suspicion::Suspect;
use crate::flows::header::{Header, ahead};
use crate::flows::side::ODD_FLAGS;
use crate::tamper::finding::Injector;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    injector: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    flags: Vec<String>,
    source: String,
    exact: bool,
    identification: Option<[u16; 2]>,
    window: Option<[u16; 2]>,
    ttl: Option<[u8; 2]>,
    payload: Option<[u32; 2]>,
    df: Option<bool>,
    version: Option<u8>,
    identical: Option<usize>,
    step: Option<i32>,
    #[serde(default)]
    padding: bool,
    #[serde(default)]
    odd_flags: bool,
    #[serde(default)]
    mirrors: bool,
    #[serde(default)]
    arithmetic: bool,
}

/// Read once. A row that cannot be read would be a fault of ours, which a test finds; here it leaves the table empty.
static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../../../data/injectors.toml");
    toml::from_str::<Table>(text).map(|table| table.injector).unwrap_or_default()
});

/// A forged packet, and what was seen about it that a row may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// The packet.
    pub header: Header,
    /// What it is.
    pub suspect: Suspect,
    /// True if it has the other end's identification with one added, and its window.
    pub mirrors: bool,
}

/// The rows that forged packets of one end fit. Rows that tell little are left out where one tells much.
pub fn known(marks: &[Mark], source: SocketAddr, destination: SocketAddr) -> Vec<Injector> {
    let ends = (source, destination);
    let fits: Vec<(bool, Injector)> =
        TABLE.iter().filter_map(|row| Some((row.exact, row.injector(marks, ends)?))).collect();
    let any_exact = fits.iter().any(|(exact, _)| *exact);
    fits.into_iter().filter(|(exact, _)| *exact || !any_exact).map(|(_, it)| it).collect()
}

impl Row {
    fn injector(&self, marks: &[Mark], ends: (SocketAddr, SocketAddr)) -> Option<Injector> {
        let fitting: Vec<&Mark> = marks.iter().filter(|it| self.fits(it, marks, ends)).collect();
        let hops = |it: &&Mark| arithmetic::hops(&it.header, ends.0, ends.1);
        let first = fitting.first()?;
        Some(Injector {
            consistent_with: self.name.clone(),
            fits: fitting.len() as u32,
            hops: if self.arithmetic { hops(first) } else { None },
            source: self.source.clone(),
        })
    }

    fn fits(&self, mark: &Mark, marks: &[Mark], (from, to): (SocketAddr, SocketAddr)) -> bool {
        let header = &mark.header;
        self.flags.iter().any(|flags| flags == kind(mark))
            && within(self.identification, header.identification)
            && within(self.window, header.window)
            && within(self.ttl, header.ttl)
            && within(self.payload, header.len)
            && self.df.is_none_or(|df| df == header.dont_fragment())
            && self.version.is_none_or(|version| (version == 4) == header.version_4())
            && (!self.padding || header.zeros())
            && (!self.odd_flags || header.flags & ODD_FLAGS != 0)
            && (!self.mirrors || mark.mirrors)
            && (!self.arithmetic || arithmetic::hops(header, from, to).is_some())
            && self.identical.is_none_or(|least| identical(header, marks) >= least)
            && self
                .step
                .is_none_or(|step| marks.iter().any(|it| stands_off(header, &it.header, step)))
    }
}

fn within<T: PartialOrd + Copy>(range: Option<[T; 2]>, value: T) -> bool {
    range.is_none_or(|[low, high]| low <= value && value <= high)
}

fn identical(header: &Header, marks: &[Mark]) -> usize {
    let key = |it: &Header| (it.identification, it.window, it.ttl, it.seq, it.ack, it.flags);
    marks.iter().filter(|it| key(&it.header) == key(header)).count()
}

fn stands_off(one: &Header, other: &Header, step: i32) -> bool {
    ahead(one.seq, other.seq).saturating_abs() == step
}

/// What a forged packet is, in the words of the table.
pub fn kind(mark: &Mark) -> &'static str {
    match mark.suspect {
        Suspect::Reset if mark.header.has(flag::ACK) => "rst_ack",
        Suspect::Reset => "rst",
        Suspect::SynAck => "syn_ack",
        Suspect::Data => "data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read_and_says_where_it_is_from() {
        assert!(TABLE.len() >= 14, "{}", TABLE.len());
        for row in TABLE.iter() {
            assert!(!row.name.is_empty() && row.source.len() > 10, "{}", row.name);
            let known = ["rst", "rst_ack", "syn_ack", "data"];
            assert!(row.flags.iter().all(|it| known.contains(&it.as_str())), "{}", row.name);
        }
    }
}
