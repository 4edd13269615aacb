//! Writes what was read of one connection or datagram into the ledger of its address.

use super::channel::Reading;
use super::ledger::{How, Ledger, Note, Pen, Value};

/// A pen, a ledger, and when.
#[derive(Debug)]
pub(super) struct Scribe<'a> {
    pub(super) pen: &'a Pen,
    pub(super) ledger: &'a mut Ledger,
    pub(super) note: Note<'a>,
}

impl Scribe<'_> {
    /// Something was read.
    pub(super) fn read(&mut self, reading: Reading, value: Value<'_>) {
        self.ledger.read(self.pen, reading, (&self.note, value));
    }

    /// A name was read. What is none (an address, nothing) is left out; says whether it was one.
    pub(super) fn name(&mut self, name: &[u8], how: How) -> bool {
        let Some(name) = host(name) else { return false };
        self.ledger.name(self.pen, (&name, how), &self.note);
        true
    }
}

/// A host's name in lower case; none for what cannot be one.
pub(super) fn host(name: &[u8]) -> Option<String> {
    let name = str::from_utf8(name).ok()?.trim_end_matches('.').to_ascii_lowercase();
    let is_host = name.contains('.')
        && name.len() <= 253
        && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '.' | '-' | '_' | '*'))
        && name.parse::<std::net::IpAddr>().is_err();
    is_host.then_some(name)
}

/// Text out of bytes, for values: cut, and with a mark for what is no text.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..bytes.len().min(300)).unwrap_or_default()).into_owned()
}
