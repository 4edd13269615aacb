//! Which of the formats a line is in, by its keys; by the file's name where they leave it open.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::source::{Role, Scan, Source};
use super::{Refusal, object};
use crate::lenient::{Skip, Text, scalar_defaults};

/// The formats. What each holds is told at [`super::Row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// A keyword tried on a server.
    Hyperquack,
    /// A name asked of a resolver.
    Satellite,
    /// A name asked of a control resolver.
    Control,
    /// Who and where a resolver is.
    Resolver,
    /// Tags of an address.
    Tagged,
    /// A page at an address that a resolver gave.
    Page,
    /// A page at an address that a control resolver gave.
    ControlPage,
    /// How a resolver answers in general.
    Profile,
}

impl Format {
    /// The format of a line.
    ///
    /// # Errors
    /// Text that is no JSON object, and an object of no known format.
    pub fn of(line: &str, source: &Source) -> Result<Self, Refusal> {
        let shape: Shape = object(line)?;
        if !line.trim_ascii_start().starts_with('{') {
            return Err(Refusal::NotAnObject);
        }
        shape.format(source).ok_or(Refusal::UnknownShape)
    }
}

/// Which of [`KEYS`] a line has, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shape(u32);

impl Shape {
    fn has(self, key: &str) -> bool {
        bit(key) & self.0 != 0
    }

    fn has_any(self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.has(key))
    }

    fn format(self, source: &Source) -> Option<Format> {
        if self.has("Server") && self.has_any(&["Keyword", "Results"]) {
            return Some(Format::Hyperquack);
        }
        if self.has("ip") {
            return self.of_address(source);
        }
        if !self.has_any(&["vp", "resolver"]) {
            return None;
        }
        if self.has_any(&["test_url", "query"]) {
            return self.of_question(source);
        }
        if self.has_any(&["non_zero_rcode", "private_ip"]) {
            return Some(Format::Profile);
        }
        self.has_any(&["name", "country", "location"]).then_some(Format::Resolver)
    }

    fn of_address(self, source: &Source) -> Option<Format> {
        if self.has("keyword") && self.has_any(&["http", "https"]) {
            let is_control = source.role == Some(Role::ControlPages);
            return Some(if is_control { Format::ControlPage } else { Format::Page });
        }
        self.has_any(&["asnum", "asname", "cert", "http"]).then_some(Format::Tagged)
    }

    fn of_question(self, source: &Source) -> Option<Format> {
        if self.has_any(&["service", "controls_failed", "stateful_block"]) {
            return Some(Format::Hyperquack);
        }
        let satellite =
            ["query", "passed_control", "passed_liveness", "connect_error", "in_control_group"];
        if !self.has_any(&satellite) && source.scan == Some(Scan::Hyperquack) {
            return Some(Format::Hyperquack);
        }
        if !self.has_any(&["response", "answers", "err"]) {
            return None;
        }
        // Version 2 writes its conclusions into every row but those of controls.
        let concludes = self.has_any(&["anomaly", "in_control_group", "confidence"]);
        let by_shape = self.has("passed_control") && !concludes;
        let is_control = source.role.map_or(by_shape, |role| role == Role::Controls);
        Some(if is_control { Format::Control } else { Format::Satellite })
    }
}

fn bit(key: &str) -> u32 {
    KEYS.iter().position(|known| *known == key).map_or(0, |at| 1 << at)
}

/// The keys that tell formats apart.
const KEYS: [&str; 31] = [
    "Server",
    "Keyword",
    "Results",
    "service",
    "controls_failed",
    "stateful_block",
    "vp",
    "resolver",
    "test_url",
    "query",
    "response",
    "answers",
    "err",
    "passed_control",
    "passed_liveness",
    "connect_error",
    "in_control_group",
    "confidence",
    "anomaly",
    "name",
    "country",
    "location",
    "ip",
    "keyword",
    "http",
    "https",
    "cert",
    "asnum",
    "asname",
    "non_zero_rcode",
    "private_ip",
];

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Shape;
            scalar_defaults!(Shape::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                while seq.next_element::<Skip>()?.is_some() {}
                Ok(Shape::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                let mut shape = Shape::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    shape.0 |= bit(key.or_empty());
                    map.next_value::<Skip>()?;
                }
                Ok(shape)
            }
        }
        deserializer.deserialize_any(V)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_bit() {
        let all = KEYS.iter().fold(0_u32, |all, key| all | bit(key));
        assert_eq!(all.count_ones() as usize, KEYS.len());
        assert_eq!(bit("vP"), 0);
    }
}
