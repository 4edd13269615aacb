//! The second pass: looks for what the first should have taken out, by other means.
//!
//! It shares no code with the first: it writes every usual form of each secret down, undoes escapes by replacing text,
//! and searches. The first parses what it finds and compares addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::{ScrubError, Scrubber, base64_of};

/// What to search for.
pub(super) struct Check {
    /// Texts in lower case, with what may not stand beside them.
    needles: Vec<Needle>,
    /// Addresses as packets carry them.
    packed: Vec<Vec<u8>>,
}

struct Needle {
    text: String,
    edge: Edge,
}

/// What stands beside a needle makes it another address.
#[derive(Clone, Copy)]
enum Edge {
    Digits,
    HexDigits,
    /// Something is secret wherever it stands.
    None,
}

impl Check {
    pub(super) fn new(scrubber: &Scrubber) -> Self {
        let mut needles = Vec::new();
        let mut packed = Vec::new();
        for address in &scrubber.exact {
            match address {
                IpAddr::V4(v4) => {
                    needles.extend(forms_v4(*v4));
                    packed.push(v4.octets().to_vec());
                }
                IpAddr::V6(v6) => {
                    needles.extend(forms_v6(*v6));
                    packed.push(v6.octets().to_vec());
                }
            }
        }
        for prefix in &scrubber.prefixes {
            packed.push(prefix.to_be_bytes().to_vec());
        }
        let names = scrubber.names.iter();
        needles.extend(names.map(|it| Needle { text: it.clone(), edge: Edge::None }));
        Self { needles, packed }
    }

    /// Looks through a measurement.
    pub(super) fn value<'v>(
        &self,
        value: &'v Value,
        path: &mut Vec<&'v str>,
    ) -> Result<(), ScrubError> {
        match value {
            Value::String(text) => self.text(text, path),
            Value::Array(items) => {
                path.push("*");
                items.iter().try_for_each(|it| self.value(it, path))?;
                path.pop();
                Ok(())
            }
            Value::Object(object) => {
                for (key, value) in object {
                    self.text(key, path)?;
                    path.push(key);
                    self.value(value, path)?;
                    path.pop();
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn text(&self, text: &str, path: &[&str]) -> Result<(), ScrubError> {
        let inside = base64_of(text).unwrap_or_default();
        let packed = |needle: &Vec<u8>| inside.windows(needle.len()).any(|it| it == needle);
        let left = self.is_in(text)
            || self.is_in(&String::from_utf8_lossy(&inside))
            || self.packed.iter().any(packed);
        match left {
            false => Ok(()),
            true => Err(ScrubError::Left { path: format!("/{}", path.join("/")) }),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let once = without_escapes(&text);
        let twice = without_escapes(&once);
        [text, once, twice].iter().any(|it| self.needles.iter().any(|needle| needle.is_in(it)))
    }
}

impl Needle {
    fn is_in(&self, text: &str) -> bool {
        let continues = |byte: Option<&u8>| match self.edge {
            Edge::Digits => byte.is_some_and(u8::is_ascii_digit),
            Edge::HexDigits => byte.is_some_and(u8::is_ascii_hexdigit),
            Edge::None => false,
        };
        text.match_indices(&self.text).any(|(at, found)| {
            let before = text.as_bytes().get(..at).and_then(<[u8]>::last);
            let after = text.as_bytes().get(at + found.len());
            !continues(before) && !continues(after)
        })
    }
}

fn forms_v4(address: Ipv4Addr) -> Vec<Needle> {
    let [a, b, c, d] = address.octets();
    let mut forms = Vec::new();
    for separator in [".", "-", "_"] {
        forms.push([a, b, c, d].map(|it| it.to_string()).join(separator));
        forms.push([d, c, b, a].map(|it| it.to_string()).join(separator));
        forms.push([a, b, c, d].map(|it| format!("{it:03}")).join(separator));
    }
    forms.into_iter().map(|text| Needle { text, edge: Edge::Digits }).collect()
}

fn forms_v6(address: Ipv6Addr) -> Vec<Needle> {
    let groups = address.segments();
    let short = address.to_string();
    let long = groups.map(|it| format!("{it:04x}")).join(":");
    let plain = groups.map(|it| format!("{it:x}")).join(":");
    let nibbles: Vec<_> = long.chars().rev().filter(|it| *it != ':').map(String::from).collect();
    let dashed = [&short, &long, &plain].map(|it| it.replace(':', "-"));
    let forms = [short.clone(), long, plain, nibbles.join(".")].into_iter().chain(dashed);
    forms.map(|text| Needle { text, edge: Edge::HexDigits }).collect()
}

/// The text with escapes of the characters that addresses are made of replaced.
fn without_escapes(text: &str) -> String {
    let mut plain = text.replace('\0', "").replace("&colon;", ":").replace("&period;", ".");
    if !plain.contains(['%', '\\', '&']) {
        return plain;
    }
    for character in "0123456789abcdef:.-_%\\&".chars() {
        for code in [u32::from(character), u32::from(character.to_ascii_uppercase())] {
            for escape in [
                format!("%{code:02x}"),
                format!("\\u{code:04x}"),
                format!("\\x{code:02x}"),
                format!("&#{code};"),
                format!("&#x{code:x};"),
            ] {
                if plain.contains(&escape) {
                    plain = plain.replace(&escape, &character.to_string());
                }
            }
        }
    }
    plain
}
