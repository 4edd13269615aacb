//! Addresses in free text.

use std::net::{IpAddr, SocketAddr};

/// The text with every address of IPv4 or IPv6 (and its port) replaced.
pub fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(&replaced(word));
        let mut others = after.chars();
        out.extend(others.next());
        rest = others.as_str();
    }
    out
}

fn is_part(character: char) -> bool {
    character.is_ascii_hexdigit() || matches!(character, '.' | ':' | '[' | ']')
}

fn replaced(word: &str) -> String {
    let inner = word.trim_matches(|it| matches!(it, '.' | ':' | '[' | ']'));
    // An IPv6 address may begin or end with two colons.
    let colons = word.trim_matches(|it| matches!(it, '.' | '[' | ']'));
    let is_address = |it: &str| it.parse::<IpAddr>().is_ok() || it.parse::<SocketAddr>().is_ok();
    let sentence = word.trim_end_matches('.');
    if is_address(sentence) || is_address(colons) || is_address(inner) {
        return "(address)".to_owned();
    }
    // An address with something before or after it that is made of the same characters.
    let holds = inner.split(':').any(|it| it.parse::<std::net::Ipv4Addr>().is_ok());
    if holds { "(address)".to_owned() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_out() {
        for (text, expected) in [
            ("from 192.0.2.10 to [2001:db8::1]:443.", "from (address) to (address)"),
            ("at 192.0.2.10:443, then", "at (address), then"),
            ("AS64500, 2026-01-01T05, k=13", "AS64500, 2026-01-01T05, k=13"),
            ("::1 and fe80::", "(address) and (address)"),
            ("deed: 1.2.3 and 10:20", "deed: 1.2.3 and 10:20"),
            ("x=10.0.0.1;", "x=(address);"),
            ("", ""),
            ("ä 192.0.2.1 ö", "ä (address) ö"),
        ] {
            assert_eq!(without_addresses(text), expected);
        }
    }
}
