//! From where, and at what, a measurement was taken.

use serde::Serialize;

use crate::ooni::{Measurement, asn_number};

/// The network and resolver that a measurement was taken from. Never an address of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Vantage {
    /// Number of the network (AS), where known.
    pub asn: Option<u32>,
    /// Country, two letters; none for `ZZ`.
    pub country: Option<String>,
    /// Number of the resolver's network, where known.
    pub resolver_asn: Option<u32>,
}

impl Vantage {
    /// The vantage that a measurement says it was taken from.
    pub fn of(measurement: &Measurement<'_>) -> Self {
        Self {
            asn: measurement.probe_asn_number(),
            country: measurement
                .probe_cc
                .as_str()
                .filter(|cc| cc.len() == 2 && *cc != "ZZ")
                .map(str::to_owned),
            resolver_asn: measurement.resolver_asn.as_str().and_then(asn_number),
        }
    }
}

/// What was measured, by a stable name: a URL, a host name, an application's name. Never an address that stands for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Target(pub String);

impl Target {
    /// The target of a measurement: its input, or for tests without one (telegram, tor, ..) the test's name.
    pub fn of(measurement: &Measurement<'_>) -> Option<Self> {
        let input =
            measurement.input().filter(|input| !input.is_empty()).map(std::borrow::Cow::into_owned);
        input.or_else(|| measurement.test_name.as_str().map(str::to_owned)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_places_are_none() {
        let m = Measurement::from_json(
            r#"{"probe_asn":"AS0","probe_cc":"ZZ","resolver_asn":"AS137","test_name":"tor"}"#,
        )
        .unwrap();
        assert_eq!(Vantage::of(&m), Vantage { asn: None, country: None, resolver_asn: Some(137) });
        assert_eq!(Target::of(&m), Some(Target("tor".to_owned())));
    }
}
