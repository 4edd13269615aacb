//! Networks as lines of ranges: `first,last,number,name`, as `@ip-location-db/asn` and iptoasn.com publish them.
//!
//! Between the fields is a comma or a tab; a field may be quoted; what follows the number is not looked at. Number 0 is "nobody's".
//! Where ranges overlap, the narrower one holds for the addresses that both have; of two that
//! are as wide the one that begins first, of two that are alike the first in the file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::net::IpAddr;

/// Which network each address belongs to.
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    /// From this address on, it is this network, up to the next one; 0 is nobody's.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u32)>,
}

/// Lines that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// The first of them.
    pub(crate) told: Vec<Problem>,
    /// How many there are besides.
    pub(crate) more: u64,
}

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    line: u64,
    reason: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}; left out", self.line, self.reason)
    }
}

impl Problems {
    /// The first.
    pub(crate) fn first(&self) -> Option<&Problem> {
        self.told.first()
    }

    fn add(&mut self, line: u64, reason: &'static str) {
        if self.told.len() < MAX_TOLD {
            self.told.push(Problem { line, reason });
        } else {
            self.more += 1;
        }
    }
}

/// So many lines are told one by one.
const MAX_TOLD: usize = 20;
/// So many ranges are kept: five times what the Internet's routes make. Each takes 48 bytes while it is read.
const MAX_RANGES: usize = 4 << 20;
/// A line has so many bytes at most.
const MAX_LINE: usize = 4096;

impl Ranges {
    /// Reads them; lines that are none are told.
    pub(crate) fn read(bytes: &[u8]) -> (Self, Problems) {
        let (mut v4, mut v6, mut problems) = (Vec::new(), Vec::new(), Problems::default());
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        for (at, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") || at == 1 && is_head(line) {
                continue;
            }
            match range(line) {
                Ok(_) if v4.len() + v6.len() >= MAX_RANGES => problems.add(at, "too many ranges"),
                Ok((Family::V4, range)) => v4.push(range),
                Ok((Family::V6, range)) => v6.push(range),
                Err(reason) => problems.add(at, reason),
            }
        }
        let v4 = steps(v4).into_iter().map_while(|(at, asn)| Some((u32::try_from(at).ok()?, asn)));
        (Self { v4: v4.collect(), v6: steps(v6) }, problems)
    }

    /// True where no address belongs to anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The network of an address.
    pub(crate) fn asn(&self, address: IpAddr) -> Option<u32> {
        match address.to_canonical() {
            IpAddr::V4(v4) => last_before(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => last_before(&self.v6, u128::from(v6)),
        }
    }
}

fn last_before<K: Ord + Copy>(steps: &[(K, u32)], key: K) -> Option<u32> {
    let after = steps.partition_point(|(start, _)| *start <= key);
    let (_, asn) = steps.get(after.checked_sub(1)?)?;
    Some(*asn).filter(|asn| *asn != 0)
}

/// Addresses of one network, both ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u128,
    last: u128,
    asn: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// Whether a first line is the names of columns.
fn is_head(line: &[u8]) -> bool {
    let first = line.split(|byte| matches!(byte, b',' | b'\t')).next().unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'"' | b' ');
    // `fe80::` has letters only as well, and colons.
    first.iter().all(is_name)
}

fn range(line: &[u8]) -> Result<(Family, Range), &'static str> {
    if line.len() > MAX_LINE {
        return Err("it is too long");
    }
    let between =
        line.iter().find(|byte| matches!(byte, b',' | b'\t')).ok_or("it has one field")?;
    let mut fields = line.splitn(4, |byte| byte == between).map(plain);
    let mut next = || fields.next().flatten();
    let first: IpAddr = next().and_then(|it| it.parse().ok()).ok_or("the first is no address")?;
    let last: IpAddr = next().and_then(|it| it.parse().ok()).ok_or("the second is no address")?;
    let number = next().ok_or("it has no number of a network")?;
    let asn = number.strip_prefix("AS").unwrap_or(number).parse();
    let asn = asn.map_err(|_| "the third is no number of a network")?;
    let (family, first, last) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            (Family::V4, u32::from(first).into(), u32::from(last).into())
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => (Family::V6, first.into(), last.into()),
        _ => return Err("one address is IPv4 and one IPv6"),
    };
    if first > last {
        return Err("it ends before it begins");
    }
    Ok((family, Range { first, last, asn }))
}

/// A field without its quotes.
fn plain(field: &[u8]) -> Option<&str> {
    let field = std::str::from_utf8(field).ok()?.trim();
    Some(field.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(field))
}

/// What holds from where on: the narrowest of the ranges there.
fn steps(mut ranges: Vec<Range>) -> Vec<(u128, u32)> {
    // Stable, so that those with the same first address stay in the file's order.
    ranges.sort_by_key(|range| range.first);
    let mut steps: Vec<(u128, u32)> = Vec::new();
    let mut here = BinaryHeap::new();
    let mut coming = ranges.iter().enumerate().peekable();
    let mut at = coming.peek().map(|(_, range)| range.first);
    while let Some(now) = at {
        while let Some((order, range)) = coming.next_if(|(_, range)| range.first <= now) {
            here.push(Reverse((range.last - range.first, order, range.last, range.asn)));
        }
        while here.peek().is_some_and(|Reverse((.., last, _))| *last < now) {
            here.pop();
        }
        let (asn, end) = match here.peek() {
            Some(Reverse((.., last, asn))) => (*asn, last.checked_add(1)),
            None => (0, None),
        };
        if steps.last().is_none_or(|(_, before)| *before != asn) {
            steps.push((now, asn));
        }
        let next = coming.peek().map(|(_, range)| range.first);
        at = [end, next].into_iter().flatten().min();
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asn(ranges: &Ranges, address: &str) -> Option<u32> {
        ranges.asn(address.parse().unwrap())
    }

    #[test]
    fn lines_of_both_families_with_commas_tabs_and_quotes() {
        let text = "\u{feff}start,end,asn,organisation\n\
                    192.0.2.0,192.0.2.127,64496,\"One, Ltd\"\r\n\
                    192.0.2.128\t192.0.2.255\t64497\tXA\tTwo\n\
                    \"198.51.100.0\",\"198.51.100.255\",\"AS64498\",\"Three\"\n\
                    # a remark\n\n\
                    203.0.113.0,203.0.113.255,0,Not routed\n\
                    255.255.255.0,255.255.255.255,64500,Last\n\
                    2001:db8::,2001:db8:0:ffff:ffff:ffff:ffff:ffff,64499,Four";
        let (ranges, problems) = Ranges::read(text.as_bytes());
        assert_eq!(problems.first(), None);
        for (address, expected) in [
            ("192.0.1.255", None),
            ("192.0.2.0", Some(64496)),
            ("192.0.2.127", Some(64496)),
            ("192.0.2.128", Some(64497)),
            ("192.0.3.0", None),
            ("198.51.100.7", Some(64498)),
            ("203.0.113.9", None),
            ("255.255.255.255", Some(64500)),
            ("::ffff:192.0.2.1", Some(64496)),
            ("2001:db8::1", Some(64499)),
            ("2001:db8:1::", None),
            ("::", None),
        ] {
            assert_eq!(asn(&ranges, address), expected, "{address}");
        }
    }

    #[test]
    fn bad_lines_are_told_and_the_rest_is_used() {
        let long = format!("192.0.2.0,192.0.2.1,1,{}\n", "x".repeat(MAX_LINE));
        let text = format!(
            "garbage\n192.0.2.9,192.0.2.1,1,backwards\n192.0.2.0,2001:db8::,1,mixed\n192.0.2.0,192.0.2.1\n\
             192.0.2.0,192.0.2.1,many\n192.0.2.0,,1\n{long}\
             192.0.2.0,192.0.2.1,4294967296,too large\n\u{0}\u{1},b\n192.0.2.4,192.0.2.4,7,good\n"
        );
        let (ranges, problems) = Ranges::read(text.as_bytes());
        let told: Vec<String> = problems.told.iter().map(Problem::to_string).collect();
        let expected = [
            "line 2: it ends before it begins",
            "line 3: one address is IPv4 and one IPv6",
            "line 4: it has no number of a network",
            "line 5: the third is no number of a network",
            "line 6: the second is no address",
            "line 7: it is too long",
            "line 8: the third is no number of a network",
            "line 9: the first is no address",
        ];
        assert_eq!(told, expected.map(|line| format!("{line}; left out")));
        assert_eq!(asn(&ranges, "192.0.2.4"), Some(7));
        assert_eq!(asn(&ranges, "192.0.2.0"), None);
    }

    #[test]
    fn many_bad_lines_are_counted() {
        let (ranges, problems) = Ranges::read("a,b,c\n".repeat(1_000).as_bytes());
        // The first is taken for the names of columns.
        assert_eq!((problems.told.len(), problems.more), (MAX_TOLD, 999 - MAX_TOLD as u64));
        assert!(ranges.is_empty());
    }

    #[test]
    fn the_narrower_range_wins_where_two_overlap() {
        let text = "10.0.0.0,10.255.255.255,1,wide\n10.1.0.0,10.1.255.255,2,inside\n\
                    10.255.0.0,11.0.0.255,3,across the end\n10.1.0.0,10.1.255.255,4,the same again\n";
        let (ranges, _) = Ranges::read(text.as_bytes());
        for (address, expected) in [
            ("10.0.255.255", Some(1)),
            ("10.1.0.0", Some(2)),
            ("10.2.0.0", Some(1)),
            ("10.255.0.0", Some(3)),
            ("11.0.0.255", Some(3)),
            ("11.0.1.0", None),
        ] {
            assert_eq!(asn(&ranges, address), expected, "{address}");
        }
    }

    proptest! {
        /// Against a look at every range.
        #[test]
        fn the_same_as_looking_at_all(ranges in prop::collection::vec((0_u8..60, 0_u8..30, 1_u32..9), 0..40)) {
            let line = |(first, more, asn): &(u8, u8, u32)| format!("0.0.0.{first},0.0.0.{},{asn},x\n", first + more);
            let text: String = ranges.iter().map(line).collect();
            let (table, problems) = Ranges::read(text.as_bytes());
            prop_assert!(problems.told.is_empty());
            for byte in 0..=100_u8 {
                let there = ranges.iter().filter(|(first, more, _)| (*first..=first + more).contains(&byte));
                // Of those as narrow, the one that begins first, then the first in the file.
                let expected = there.min_by_key(|(first, more, _)| (*more, *first)).map(|(.., asn)| *asn);
                prop_assert_eq!(table.asn(IpAddr::from([0, 0, 0, byte])), expected);
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (table, _) = Ranges::read(&bytes);
            let _ = table.asn(IpAddr::from([192, 0, 2, 1]));
        }
    }
}
