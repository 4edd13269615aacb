//! A known device, made from its profile: what its cells say is what it does.
//!
//! The profile decides, the code recognises: a message is read as far as it can be, its departures from the usual are named in
//! the words of the published tables, and the cell of that name says whether the device censors it. One plug-in, one file:
//!
//! - [`cells`]: a profile in the configurations that were chosen.
//! - [`hello`]: which length of a `ClientHello` lies, and how.
//! - `tls`: flows of TCP, and what a first message in them asks for.
//! - `quic`: Initial packets; `dns`: questions through pointers, and forged answers; `http`: pages.
//! - `reset`: what forged segments look like; [`counter`]: the arithmetic between them.
//! - `residual`: what outlives a trigger.
//! - [`shipped`]: the profiles that come with the program.
//!
//! What a profile does not know is a matter of [`DeviceSettings::unknown`]; what then has to be something anyway is something
//! that no profile has as its mark: resets of time to live 64 with identification and window drawn anew, towards both ends; answers
//! with flags 0x8100 and an address of 192.88.99.0/24 drawn anew. Devices that stand beside the path cannot drop.

use super::names::Names;
use super::{Direction, Fate, Hop, Middlebox};
use crate::frame::Frame;
use crate::frame::fragment::Fragments;
use wirewitness_model::device::{Prediction, Profile};

pub mod cells;
pub mod counter;
mod dns;
pub mod hello;
mod http;
mod quic;
mod reset;
mod residual;
pub mod shipped;
mod tls;

use cells::DeviceCells;
pub use cells::DeviceError;

/// How a device is set up, as far as its profile leaves it open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSettings {
    /// Names that it censors.
    pub names: Names,
    /// What becomes of a probe whose cell is not known.
    pub unknown: Unknown,
    /// What it does to a TCP connection, where its profile says several things or nothing. Default: the first that the profile says,
    /// resets where it says none.
    pub tcp: Option<Act>,
    /// Configurations of the profile, by name; at most one of a section. Default: the usual one of each.
    pub configurations: Vec<String>,
    /// How often it fails to act on what it would censor, in a million. Default never.
    pub idle_per_million: u32,
}

/// What becomes of a probe whose cell is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// It passes.
    #[default]
    Bypass,
    /// It is censored.
    Censored,
}

/// What a device does to a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Forges segments in the shape of its profile.
    Reset,
    /// Drops what either end sends from then on. Works only in the path.
    Drop,
}

/// A known device.
pub struct Device {
    /// None where it does not join fragments.
    fragments: Option<Fragments>,
    looks: Looks,
    dns: Option<dns::Dns>,
    tcp: Option<tls::Connections>,
    quic: Option<quic::Quic>,
}

/// Which way connections are opened that a device looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    Both,
    InsideOut,
    OutsideIn,
}

impl Looks {
    /// Out of the subscribers' side where that is not known.
    fn of(cells: &DeviceCells<'_>) -> Self {
        match cells.words("position", "direction").first().map(String::as_str) {
            Some("both") => Self::Both,
            Some("outside_in") => Self::OutsideIn,
            _ => Self::InsideOut,
        }
    }

    fn is_at(self, direction: Direction) -> bool {
        match self {
            Self::Both => true,
            Self::InsideOut => direction == Direction::Outbound,
            Self::OutsideIn => direction == Direction::Inbound,
        }
    }
}

impl Device {
    /// The device of a profile.
    ///
    /// # Errors
    /// A configuration that the profile does not have, or two of one section.
    pub fn new(profile: &Profile, settings: &DeviceSettings) -> Result<Self, DeviceError> {
        let cells = DeviceCells::new(profile, settings)?;
        Ok(Self {
            fragments: fragments(&cells),
            looks: Looks::of(&cells),
            dns: dns::Dns::new(&cells),
            tcp: tls::Connections::new(&cells),
            quic: quic::Quic::new(&cells),
        })
    }

    /// True if the device as set up has to hold packets back, which one beside the path cannot.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn needs_the_path(
        profile: &Profile,
        settings: &DeviceSettings,
    ) -> Result<bool, DeviceError> {
        let device = Self::new(profile, settings)?;
        Ok(device.quic.is_some() || device.tcp.is_some_and(|it| it.act() == Act::Drop))
    }

    /// Looks at a packet that is whole.
    fn inspect(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let Some(packet) = frame.packet() else { return Fate::Forward };
        let looks = self.looks.is_at(hop.direction());
        if packet.tcp().is_some() {
            return self.tcp.as_mut().map_or(Fate::Forward, |it| it.see(&packet, looks, hop));
        }
        if let Some(dns) = self.dns.as_mut().filter(|_| looks)
            && dns.see(&packet, hop)
        {
            return Fate::Drop;
        }
        self.quic.as_mut().map_or(Fate::Forward, |it| it.see(&packet, looks, hop))
    }
}

/// 0 is a device that takes fragments for nothing it could read, and so is what is not known.
fn fragments(cells: &DeviceCells<'_>) -> Option<Fragments> {
    match cells.cell("ip", "fragment_boundary")? {
        Prediction::Boundary { or_more: true, .. } => Some(Fragments::of_at_most(MANY_FRAGMENTS)),
        Prediction::Boundary { at: 0, .. } => None,
        Prediction::Boundary { at, .. } => {
            let most = usize::try_from(*at).unwrap_or(MANY_FRAGMENTS);
            Some(Fragments::of_at_most(most.min(MANY_FRAGMENTS)))
        }
        _ => None,
    }
}

impl Middlebox for Device {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        if frame.packet().is_none_or(|packet| packet.fragment.is_none()) {
            return self.inspect(frame, hop);
        }
        let whole = self.fragments.as_mut().and_then(|it| it.put(hop.now(), frame));
        whole.map_or(Fate::Forward, |whole| self.inspect(&whole, hop))
    }
}

/// IPv4 has room for 8192 pieces; no table was tried beyond 500.
const MANY_FRAGMENTS: usize = 1024;

#[cfg(test)]
mod tests;
