//! Data from elsewhere: tables of networks, lists of fingerprints and of targets, each pinned by its SHA-256.
//!
//! - [`manifest`]: what is fetched, from where, and what it must be.
//! - [`fetching`]: one entry, from its address to its files.
//! - [`folder`]: what has been fetched, and its use by the judge.

pub(crate) mod fetching;
pub(crate) mod folder;
pub(crate) mod manifest;
