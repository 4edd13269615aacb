//! A device that puts IP fragments together before its technique looks at them.
//!
//! Every technique by itself sees fragments as they come: of a packet that was cut it can read what is in the first piece.

use super::{Fate, Hop, Middlebox};
use crate::frame::Frame;
use crate::frame::fragment::{Fragments, split};
use crate::host::MTU;

/// Shows a technique whole packets. Fragments pass while a packet is not whole; the one that completes it has the packet's
/// fate, and without it the receiver has nothing.
pub struct Defragment<M> {
    technique: M,
    fragments: Fragments,
}

impl<M: Middlebox> Defragment<M> {
    /// Puts fragments together for `technique`.
    pub fn new(technique: M) -> Self {
        Self { technique, fragments: Fragments::default() }
    }
}

impl<M: Middlebox> Middlebox for Defragment<M> {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        if frame.packet().is_none_or(|packet| packet.fragment.is_none()) {
            return self.technique.see(frame, hop);
        }
        match self.fragments.put(hop.now(), frame) {
            Some(whole) => self.technique.see(&whole, hop),
            None => Fate::Forward,
        }
    }
}

/// Puts fragments together and sends on what they make, cut only as far as a link asks for: what address translators and many firewalls do to
/// keep track of connections.
#[derive(Default)]
pub struct Rejoin(Fragments);

impl Rejoin {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self(Fragments::of_a_host())
    }
}

impl Middlebox for Rejoin {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        if frame.packet().is_none_or(|packet| packet.fragment.is_none()) {
            return Fate::Forward;
        }
        let whole = self.0.put(hop.now(), frame);
        whole.into_iter().flat_map(|it| split(it, MTU)).for_each(|it| hop.pass_on(it));
        Fate::Drop
    }
}
