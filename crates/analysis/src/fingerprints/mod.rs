//! Known marks of block pages and injectors.

/// Placeholder until the list is compiled.
#[derive(Debug, Default)]
pub struct Fingerprints;
