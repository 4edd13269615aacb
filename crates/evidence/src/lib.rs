//! Sealed evidence: a bundle of files that shows whose it is, since when it is so, and that no bit of it was changed.
//!
//! This crate reads no clock, no environment and no file system: it works on `Read` and `Write`, and takes time and random bytes as
//! arguments. It stands alone, for somebody who does not trust the rest. docs/evidence.md has the format. In reading order:
//!
//! - [`merkle`]: trees of hashes and proofs about them (RFC 6962, RFC 9162).
//! - [`note`]: signed texts and their keys (c2sp.org/signed-note).
//! - [`checkpoint`]: what a log says of itself, witnesses, and the proof that something is in it.
//! - [`growth`]: the proof that a log only grew.
//! - [`tiles`]: a log as files (c2sp.org/tlog-tiles).
//! - [`split`]: where measurements are cut into leaves.
//! - [`leaves`]: the leaves of a file, and their salts.
//! - [`manifest`]: what is in a bundle, and the text that is signed.
//! - [`container`]: the one file, a tar in the one way there is to write it.
//! - [`bundle`]: the members before the files, and what can be wrong.
//! - [`seal`], [`verify`], [`share`]: making one, checking one, leaving something out of one.
//! - [`timestamp`]: time stamps by an authority (RFC 3161).
//! - [`age`]: encryption to recipients (c2sp.org/age), and to a passphrase.

pub mod age;
pub mod bundle;
pub mod checkpoint;
pub mod container;
mod der;
pub mod growth;
pub mod leaves;
pub mod manifest;
pub mod merkle;
pub mod note;
pub mod seal;
pub mod share;
pub mod split;
pub mod tiles;
pub mod timestamp;
pub mod verify;
