//! Where a device stands: probes with ever more life, one kind with a harmless name and one with the censored name.

use serde::{Deserialize, Serialize};

/// What the probes of a trace came to. Numbers of hops are lives with which a probe was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The fewest hops after which the censored name was acted upon.
    pub test_hops: u8,
    /// The fewest hops after which the harmless name reached the far end.
    pub control_hops: u8,
    /// Whether a router still said "time exceeded" at the hop of `test_hops`; unknown without the right to read ICMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_at_onset: Option<bool>,
    /// Whether the far end received the censored request all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_arrived: Option<bool>,
    /// Whether forged packets came, rather than nothing.
    #[serde(default)]
    pub injected: bool,
}

/// Where the device is, along the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the network, this many hops away.
    InNetwork(u8),
    /// At the far end or beside it: a firewall of its own, or nothing at all.
    AtTheEnd,
    /// Further than the far end: an injector that copies the life of what it answers. The hop is half of what was counted.
    CopiesLife(u8),
}

/// How the device takes part in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Packets go through it, so it can drop them.
    InPath,
    /// It sees copies, so it can only add packets.
    OnPath,
    /// Not told.
    Unknown,
}

impl Mode {
    /// The word, as in JSON and in profiles.
    pub fn word(self) -> &'static str {
        match self {
            Self::InPath => "in_path",
            Self::OnPath => "on_path",
            Self::Unknown => "unknown",
        }
    }
}

impl Trace {
    /// Where the device is.
    pub fn place(&self) -> Place {
        match self.test_hops.cmp(&self.control_hops) {
            std::cmp::Ordering::Less => Place::InNetwork(self.test_hops),
            std::cmp::Ordering::Equal => Place::AtTheEnd,
            std::cmp::Ordering::Greater => Place::CopiesLife(self.test_hops.div_ceil(2)),
        }
    }

    /// How it takes part. Only what stands in the path can drop; where the original travelled on beside a forged packet, it is a
    /// copy that the device saw.
    pub fn mode(&self) -> Mode {
        if !self.injected {
            return Mode::InPath;
        }
        match (self.payload_arrived, self.icmp_at_onset) {
            (Some(true), _) | (None, Some(true)) => Mode::OnPath,
            (Some(false), _) | (None, Some(false)) => Mode::InPath,
            (None, None) => Mode::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(test_hops: u8, control_hops: u8) -> Trace {
        Trace { test_hops, control_hops, injected: true, ..Trace::default() }
    }

    #[test]
    fn the_place_follows_from_two_counts() {
        assert_eq!(trace(6, 14).place(), Place::InNetwork(6));
        assert_eq!(trace(14, 14).place(), Place::AtTheEnd);
        assert_eq!(trace(15, 8).place(), Place::CopiesLife(8));
        assert_eq!(trace(16, 8).place(), Place::CopiesLife(8));
    }

    #[test]
    fn what_travelled_on_was_seen_as_a_copy() {
        let seen = |icmp_at_onset, payload_arrived, injected| {
            Trace { icmp_at_onset, payload_arrived, injected, ..trace(6, 14) }.mode()
        };
        assert_eq!(seen(Some(true), None, true), Mode::OnPath);
        assert_eq!(seen(Some(false), None, true), Mode::InPath);
        assert_eq!(seen(None, Some(true), true), Mode::OnPath);
        assert_eq!(seen(Some(true), Some(false), true), Mode::InPath);
        assert_eq!(seen(None, None, true), Mode::Unknown);
        assert_eq!(seen(None, None, false), Mode::InPath, "a drop is never on-path");
        assert_eq!(seen(Some(true), None, false), Mode::InPath, "a drop is never on-path");
    }
}
