//! What is in a bundle, and what was said of it: the text whose hash is signed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use wirewitness_model::civil::micros;
use wirewitness_model::hex::hex;

use crate::container::{TRAILER, is_name};
use crate::merkle::{Hash, sha256};
use crate::note::VerifierKey;

/// Bytes that a manifest may have.
pub const MAX_MANIFEST_BYTES: u64 = 16 << 20;
/// Files that a bundle may have.
pub const MAX_ITEMS: usize = 100_000;
/// The first words of every manifest.
pub const FORMAT: &str = "wirewitness bundle 1";

/// What kind of file something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Measurements: JSON, one or many.
    Measurements,
    /// A capture: pcap or pcapng, plain or compressed.
    Capture,
    /// A page for people.
    Report,
    /// Anything else.
    Other,
}

impl Kind {
    /// The folder for files of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Measurements => "measurements",
            Self::Capture => "captures",
            Self::Report => "report",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Measurements => "measurements",
            Self::Capture => "capture",
            Self::Report => "report",
            Self::Other => "other",
        })
    }
}

/// A table or list that was used: its name, and the SHA-256 of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Its name.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its name in the bundle.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// How many leaves it has.
    pub leaves: u64,
    /// The root over them, hexadecimal.
    pub root: String,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// By the sealer's own clock, UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub sealed_at: String,
    /// The program and its version.
    pub program: String,
    /// Whose key signs: a verifier key.
    pub key: String,
    /// 32 random bytes, hexadecimal: the log gives away nothing about what was sealed.
    pub nonce: String,
    /// What the sealer says about the bundle.
    pub note: String,
    /// The rules of that program, with their versions.
    pub rules: BTreeMap<String, u32>,
    /// Tables and lists that were used.
    pub data: Vec<Data>,
    /// The files.
    pub items: Vec<Item>,
}

/// A manifest that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No JSON, or a field too many, too few, or of another type.
    #[error("line {line} column {column}: {why}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// A field says what cannot be.
    #[error("{field}: {why}")]
    Field {
        /// Which.
        field: String,
        /// What is wrong.
        why: String,
    },
}

impl Manifest {
    /// As it stands in a bundle.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of strings and numbers has no way to fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// Where it is none; or of another version; or has names that no bundle has, or one twice.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            ManifestError::Json { line, column, why: error.to_string() }
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let bad = |field: &str, why: &str| {
            Err(ManifestError::Field { field: field.to_owned(), why: why.to_owned() })
        };
        if self.format != FORMAT {
            return bad("format", "another format or version; a newer program may read it");
        }
        if self.sealed_at.len() != 20 || micros(&self.sealed_at).is_none() {
            return bad("sealed_at", "no time as YYYY-MM-DDTHH:MM:SSZ");
        }
        if digits(&self.nonce).is_none() {
            return bad("nonce", "not 64 hexadecimal digits");
        }
        if let Err(error) = VerifierKey::parse(&self.key) {
            return bad("key", &error.to_string());
        }
        if self.items.len() > MAX_ITEMS {
            return bad("items", "too many");
        }
        let mut names = BTreeSet::new();
        for (at, item) in self.items.iter().enumerate() {
            let field = format!("items[{at}]");
            let in_folder = item.path.strip_prefix(item.kind.folder());
            if !is_name(&item.path) || !in_folder.is_some_and(|it| it.starts_with('/')) {
                return bad(&field, "a path that no file of a bundle has");
            }
            // Where files are unpacked, upper and lower case may be one.
            if item.path == TRAILER || !names.insert(item.path.to_ascii_lowercase()) {
                return bad(&field, "a path that was there before");
            }
            if digits(&item.root).is_none() {
                return bad(&field, "a root that is not 64 hexadecimal digits");
            }
        }
        Ok(())
    }

    /// What is signed, and what stands in the log.
    pub fn statement(&self) -> String {
        statement(&sha256(&[&self.to_bytes()]), &self.sealed_at)
    }
}

/// The signed text for a manifest with this hash.
pub fn statement(manifest: &Hash, sealed_at: &str) -> String {
    format!("{FORMAT}\nmanifest sha256 {}\nsealed {sealed_at}\n", hex(manifest))
}

/// 32 bytes of 64 lower-case digits.
pub(crate) fn digits(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}
