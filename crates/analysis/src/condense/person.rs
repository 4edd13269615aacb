//! The probe's own address, taken out of a measurement's text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aho_corasick::AhoCorasick;
use wirewitness_model::ooni::Measurement;

/// What stands where the address stood, as OONI's probes write it.
pub(super) const SCRUBBED: &str = "[scrubbed]";

/// I am the ways in which the probe's address is written.
pub(super) struct Own {
    forms: AhoCorasick,
    is_v6: bool,
}

impl Own {
    /// The address of the file's `probe_ip`; none where that is no address, or the device's own.
    pub(super) fn of(measurement: &Measurement<'_>) -> Option<Self> {
        let written = measurement.probe_ip.as_str()?;
        let address: IpAddr = written.parse().ok()?;
        if address.is_loopback() || address.is_unspecified() {
            return None;
        }
        let mut forms = match address {
            IpAddr::V4(v4) => forms_v4(v4),
            IpAddr::V6(v6) => forms_v6(v6),
        };
        forms.push(written.to_owned());
        let mut builder = AhoCorasick::builder();
        let builder = builder.ascii_case_insensitive(true);
        let builder = builder.match_kind(aho_corasick::MatchKind::LeftmostLongest);
        Some(Self { forms: builder.build(&forms).ok()?, is_v6: address.is_ipv6() })
    }

    /// The text without the address. JSON stays JSON: none of the forms has a character that JSON escapes.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut copied = 0;
        for found in self.forms.find_iter(text) {
            let (before, after) = text.as_bytes().split_at(found.start());
            let after = after.get(found.len()).copied();
            if before.last().copied().is_some_and(|byte| self.continues(byte))
                || after.is_some_and(|byte| self.continues(byte))
                || is_escaped(before)
            {
                continue;
            }
            clean.push_str(text.get(copied..found.start()).unwrap_or(""));
            clean.push_str(SCRUBBED);
            copied = found.end();
        }
        clean.push_str(text.get(copied..).unwrap_or(""));
        clean
    }

    /// True for a byte that makes what stands beside it another address.
    fn continues(&self, byte: u8) -> bool {
        if self.is_v6 { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() }
    }
}

/// True where the next character belongs to an escape (`\f` before `e80::1`).
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

fn forms_v4(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let both = |separator| {
        [[a, b, c, d], [d, c, b, a]].map(|it| it.map(|n| n.to_string()).join(separator))
    };
    [".", "-", "_"].into_iter().flat_map(both).collect()
}

fn forms_v6(address: Ipv6Addr) -> Vec<String> {
    let groups = address.segments();
    let long = groups.map(|it| format!("{it:04x}")).join(":");
    let plain = groups.map(|it| format!("{it:x}")).join(":");
    let nibbles: Vec<_> = long.chars().rev().filter(|it| *it != ':').map(String::from).collect();
    let usual = [address.to_string(), long, plain];
    let others = ["%3a", "-"].map(|it| usual.clone().map(|form| form.replace(':', it)));
    usual.iter().cloned().chain(others.into_iter().flatten()).chain([nibbles.join(".")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(address: &str, text: &str) -> Option<String> {
        let json = format!(r#"{{"probe_ip":"{address}"}}"#);
        let measurement = Measurement::from_json(&json).unwrap();
        Own::of(&measurement).map(|own| own.scrub(text))
    }

    #[test]
    fn an_address_goes_in_every_usual_form() {
        for (address, text, expected) in [
            ("198.51.100.7", "a 198.51.100.7, b", "a [scrubbed], b"),
            ("198.51.100.7", "ip-198-51-100-7.example", "ip-[scrubbed].example"),
            ("198.51.100.7", "7.100.51.198.in-addr.arpa", "[scrubbed].in-addr.arpa"),
            ("198.51.100.7", "198.51.100.77 1198.51.100.7", "198.51.100.77 1198.51.100.7"),
            ("2001:db8::A", "[2001:DB8::a]:443", "[[scrubbed]]:443"),
            ("2001:db8::a", "2001:db8:0:0:0:0:0:a", "[scrubbed]"),
            ("2001:db8::a", "2001%3Adb8%3A%3Aa", "[scrubbed]"),
            ("2001:db8::a", "2001:db8::ab 2001:db8::a.", "2001:db8::ab [scrubbed]."),
            ("fe80::1", r#""\fe80::1""#, r#""\fe80::1""#),
            ("fe80::1", r#""\\fe80::1""#, r#""\\[scrubbed]""#),
        ] {
            assert_eq!(scrubbed(address, text).as_deref(), Some(expected), "{address}");
        }
    }

    #[test]
    fn the_devices_own_address_is_nobodys() {
        for address in ["127.0.0.1", "::1", "0.0.0.0", "", "[scrubbed]", "somewhere"] {
            assert_eq!(scrubbed(address, "127.0.0.1"), None, "{address}");
        }
    }
}
