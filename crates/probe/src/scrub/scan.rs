//! The first pass: finds addresses and names in bytes, whatever they are written in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{MARK, Scrubber};

/// The bytes without the secrets; `None` where there were none.
pub(super) fn clean(scrubber: &Scrubber, bytes: &[u8]) -> Option<Vec<u8>> {
    let found = find(scrubber, bytes);
    (!found.is_empty()).then(|| replace(bytes, found))
}

/// The same for bytes that were base64, where an address may also stand as it does in a packet. Such a one becomes
/// zeros, since a mark would shift what follows.
pub(super) fn clean_binary(scrubber: &Scrubber, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let zeroed = zero(scrubber, &mut bytes);
    match clean(scrubber, &bytes) {
        Some(clean) => Some(clean),
        None => zeroed.then_some(bytes),
    }
}

/// The IPv4 addresses inside a NAT64, 6to4 or Teredo address (RFC 6052, RFC 3056, RFC 4380 §4), and in the last four
/// bytes of one that has nothing before them.
pub(super) fn embedded(address: Ipv6Addr) -> [Option<IpAddr>; 2] {
    let of_halves = |high: u16, low: u16| {
        Some(IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))))
    };
    match address.segments() {
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            [of_halves(server_high, server_low), of_halves(!high, !low)]
        }
        [0x2002, high, low, ..] => [of_halves(high, low), None],
        [0x0064, 0xff9b, .., high, low] | [0, 0, 0, 0, _, _, high, low] => {
            [of_halves(high, low), None]
        }
        _ => [None, None],
    }
}

/// Where the secrets stand, in every layer of escapes.
fn find(scrubber: &Scrubber, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut layer = Layer::outermost(bytes);
    for _ in 0..LAYERS {
        for range in find_plain(scrubber, &layer.bytes) {
            found.extend(layer.source(range));
        }
        match layer.inner() {
            Some(inner) => layer = inner,
            None => break,
        }
    }
    found
}

/// Bytes as they read with some escapes undone, and where each came from.
struct Layer {
    bytes: Vec<u8>,
    /// For each byte the range of the source that it stands for; empty in the outermost layer, where it is itself.
    spans: Vec<Range<usize>>,
}

impl Layer {
    fn outermost(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_ascii_lowercase(), spans: Vec::new() }
    }

    /// This layer with one more level of escapes undone; `None` where there is none.
    fn inner(&self) -> Option<Self> {
        if !self.bytes.iter().any(|byte| matches!(byte, b'%' | b'\\' | b'&' | 0)) {
            return None;
        }
        let mut inner = Self { bytes: Vec::new(), spans: Vec::new() };
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let (decoded, len) = unescape(rest).unwrap_or((Some(byte), 1));
            if let Some(decoded) = decoded {
                inner.bytes.push(decoded.to_ascii_lowercase());
                inner.spans.extend(self.source(at..at + len));
            }
            at += len;
        }
        (inner.bytes.len() < self.bytes.len()).then_some(inner)
    }

    fn source(&self, range: Range<usize>) -> Option<Range<usize>> {
        if self.spans.is_empty() {
            return Some(range);
        }
        let first = self.spans.get(range.start)?;
        let last = self.spans.get(range.end.checked_sub(1)?)?;
        Some(first.start..last.end)
    }
}

/// The byte that an escape stands for and the escape's length; a NUL (of UTF-16) stands for nothing.
fn unescape(rest: &[u8]) -> Option<(Option<u8>, usize)> {
    match rest {
        [0, ..] => Some((None, 1)),
        [b'%', high, low, ..] => Some((Some(hex(&[*high, *low])?), 3)),
        [b'\\', b'u', b'0', b'0', high, low, ..] => Some((Some(hex(&[*high, *low])?), 6)),
        [b'\\', b'x', high, low, ..] => Some((Some(hex(&[*high, *low])?), 4)),
        [b'&', b'#', digits @ ..] => entity(digits),
        _ => named_entity(rest),
    }
}

/// `&#46;` or `&#x2e;`, after its `&#`.
fn entity(digits: &[u8]) -> Option<(Option<u8>, usize)> {
    let end = digits.iter().take(LONGEST_ENTITY).position(|&it| it == b';')?;
    let number = std::str::from_utf8(digits.get(..end)?).ok()?;
    let value = match number.strip_prefix('x') {
        Some(hex) => u8::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    Some((Some(value), end + 3))
}

fn named_entity(rest: &[u8]) -> Option<(Option<u8>, usize)> {
    let mut names = NAMED_ENTITIES.iter();
    names.find(|(name, _)| rest.starts_with(name)).map(|&(name, byte)| (Some(byte), name.len()))
}

fn hex(digits: &[u8; 2]) -> Option<u8> {
    let value = |byte: u8| char::from(byte).to_digit(16);
    let [high, low] = digits.map(value);
    u8::try_from(high? * 16 + low?).ok()
}

/// Where secrets stand in bytes that have no escapes left, in lower case.
fn find_plain(scrubber: &Scrubber, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = find_v4(scrubber, bytes);
    found.extend(find_v6(scrubber, bytes, b':'));
    // As names of hosts write it: 2001-db8--1.
    found.extend(find_v6(scrubber, bytes, b'-'));
    found.extend(find_nibbles(scrubber, bytes));
    for name in &scrubber.names {
        found.extend(occurrences(bytes, name.as_bytes()));
    }
    found
}

/// Four decimal numbers between equal dots, hyphens or underscores, forwards or (as in `in-addr.arpa`) backwards.
fn find_v4(scrubber: &Scrubber, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut before = None;
    for (start, &byte) in bytes.iter().enumerate() {
        let fresh = !before.is_some_and(|it: u8| it.is_ascii_digit());
        before = Some(byte);
        if !fresh || !byte.is_ascii_digit() {
            continue;
        }
        let rest = bytes.get(start..).unwrap_or_default();
        let Some((octets, len)) = dotted(rest) else { continue };
        let mut reversed = octets;
        reversed.reverse();
        if scrubber.knows(octets.into()) || scrubber.knows(reversed.into()) {
            found.push(start..start + len);
        }
    }
    found
}

fn dotted(bytes: &[u8]) -> Option<([u8; 4], usize)> {
    let mut octets = [0; 4];
    let mut at = 0;
    let mut separator = None;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            let &byte = bytes.get(at)?;
            let same = *separator.get_or_insert(byte) == byte;
            if !same || !matches!(byte, b'.' | b'-' | b'_') {
                return None;
            }
            at += 1;
        }
        let rest = bytes.get(at..)?;
        let len = rest.iter().take(LONGEST_OCTET).take_while(|it| it.is_ascii_digit()).count();
        *octet = std::str::from_utf8(rest.get(..len)?).ok()?.parse().ok()?;
        at += len;
    }
    let ends = !bytes.get(at).is_some_and(u8::is_ascii_digit);
    ends.then_some((octets, at))
}

/// IPv6 addresses between `separator`s. Every piece of a run of their characters is tried, since a port or a word of
/// hexadecimal letters may touch the address.
fn find_v6(scrubber: &Scrubber, bytes: &[u8], separator: u8) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(rest) = bytes.get(start..).filter(|it| !it.is_empty()) {
        let before = start.checked_sub(1).and_then(|it| bytes.get(it));
        let begins = is_edge(before) || rest.first() == Some(&separator);
        let longest = if begins { known_v6(scrubber, rest, separator) } else { None };
        found.extend(longest.map(|len| start..start + len));
        start += longest.unwrap_or(1);
    }
    found
}

/// The length of the longest piece at the beginning of `rest` that is an address to be taken out.
fn known_v6(scrubber: &Scrubber, rest: &[u8], separator: u8) -> Option<usize> {
    let (mut separators, mut gap, mut before) = (0, false, None);
    let mut ends = Vec::new();
    for (at, &byte) in rest.iter().take(LONGEST_V6).enumerate() {
        if !byte.is_ascii_hexdigit() && byte != separator && byte != b'.' {
            break;
        }
        if byte == separator {
            separators += 1;
            gap |= before == Some(separator);
        }
        before = Some(byte);
        // Eight groups, six and an IPv4 address, four that name a line, or fewer around a gap.
        let complete = gap && separators <= 8 || matches!(separators, 3 | 6 | 7);
        if complete && is_edge(rest.get(at + 1)) {
            ends.push(at + 1);
        }
    }
    let known =
        |end: &usize| rest.get(..*end).is_some_and(|text| is_known_v6(scrubber, text, separator));
    ends.into_iter().rev().find(known)
}

/// Whether an address may begin or end beside this byte.
fn is_edge(byte: Option<&u8>) -> bool {
    !byte.is_some_and(u8::is_ascii_hexdigit)
}

fn is_known_v6(scrubber: &Scrubber, text: &[u8], separator: u8) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let text = text.replace(char::from(separator), ":");
    match text.parse::<Ipv6Addr>() {
        Ok(address) => scrubber.knows(IpAddr::V6(address).to_canonical()),
        Err(_) => first_half(&text).is_some_and(|half| scrubber.prefixes.contains(&half)),
    }
}

/// The four groups that name a line, where nothing readable follows them.
fn first_half(text: &str) -> Option<u64> {
    let mut half = 0;
    let mut groups = 0;
    for group in text.split(':') {
        let bits = u16::from_str_radix(group, 16).ok().filter(|_| group.len() <= 4)?;
        half = (half << 16) | u64::from(bits);
        groups += 1;
    }
    (groups == 4).then_some(half)
}

/// Names under `ip6.arpa` (RFC 3596 §2.5): nibbles backwards, between dots.
fn find_nibbles(scrubber: &Scrubber, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let exact = scrubber.exact.iter().filter_map(|it| match it {
        IpAddr::V6(v6) => Some(nibbles(v6.to_bits(), 32)),
        IpAddr::V4(_) => None,
    });
    let prefixes = scrubber.prefixes.iter().map(|it| nibbles(u128::from(*it), 16));
    for needle in exact.chain(prefixes) {
        for range in occurrences(bytes, needle.as_bytes()) {
            // The half of the device comes first.
            let before = bytes.get(..range.start).unwrap_or_default().iter().rev();
            let device =
                before.take(32).take_while(|it| it.is_ascii_hexdigit() || **it == b'.').count();
            found.push(range.start - device..range.end);
        }
    }
    found
}

fn nibbles(bits: u128, count: u32) -> String {
    let nibbles: Vec<_> = (0..count).map(|at| format!("{:x}", (bits >> (4 * at)) & 0xf)).collect();
    nibbles.join(".")
}

fn occurrences(bytes: &[u8], needle: &[u8]) -> Vec<Range<usize>> {
    let windows = bytes.windows(needle.len().max(1)).enumerate();
    windows.filter(|(_, it)| *it == needle).map(|(at, _)| at..at + needle.len()).collect()
}

/// Puts the mark where something was found; overlapping finds become one.
fn replace(bytes: &[u8], mut found: Vec<Range<usize>>) -> Vec<u8> {
    found.sort_unstable_by_key(|it| (it.start, it.end));
    let mut clean = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for range in found {
        if range.start >= done {
            clean.extend_from_slice(bytes.get(done..range.start).unwrap_or_default());
            clean.extend_from_slice(MARK.as_bytes());
        }
        done = done.max(range.end);
    }
    clean.extend_from_slice(bytes.get(done..).unwrap_or_default());
    clean
}

/// Makes zeros of addresses as packets carry them.
fn zero(scrubber: &Scrubber, bytes: &mut [u8]) -> bool {
    let mut zeroed = false;
    let exact = scrubber.exact.iter().map(|it| match it {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    });
    let prefixes = scrubber.prefixes.iter().map(|it| it.to_be_bytes().to_vec());
    for needle in exact.chain(prefixes).collect::<Vec<_>>() {
        for range in occurrences(bytes, &needle) {
            if let Some(place) = bytes.get_mut(range) {
                place.fill(0);
                zeroed = true;
            }
        }
    }
    zeroed
}

/// As a page quotes JSON that quotes an address that was escaped in a query.
const LAYERS: usize = 4;

/// Eight groups of four, an IPv4 address at the end, and the separators.
const LONGEST_V6: usize = 45;

/// Octets are sometimes written with zeros before them.
const LONGEST_OCTET: usize = 4;

const LONGEST_ENTITY: usize = 8;

const NAMED_ENTITIES: &[(&[u8], u8)] =
    &[(b"&colon;", b':'), (b"&period;", b'.'), (b"&percnt;", b'%'), (b"&amp;", b'&')];
