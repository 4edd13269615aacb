//! What the beginnings of a connection tell: block pages by fingerprint or shape, certificates that do not match the name,
//! answers that begin another stream.

use super::finding::{Connection, Evidence, Finding};
use crate::fingerprints::Fingerprints;
use crate::flows::heads::Heads;

/// What was found in the beginnings of a connection.
#[derive(Debug, Default)]
pub struct Content {
    /// Block pages.
    pub findings: Vec<Finding>,
    /// Evidence that data was injected, with the packets that carry it first.
    pub evidence: Vec<Evidence>,
}

/// Reads the beginnings of a connection, when it has ended or both are whole.
pub fn read(connection: Connection, heads: &Heads, fingerprints: &Fingerprints) -> Content {
    let _ = (connection, heads, fingerprints);
    Content::default()
}
