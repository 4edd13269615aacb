//! What the judge uses, and how rows name it.

use wirewitness_analysis::fingerprints::Fingerprints;
use wirewitness_analysis::judge::address::AsnTable;
use wirewitness_analysis::judge::{Context, rules};

use crate::table::sha256;

/// Fingerprints and a table of networks, with their names and dates.
pub struct Judging {
    fingerprints: Fingerprints,
    asns: Box<dyn AsnTable + Send + Sync>,
    described: String,
    name: String,
}

impl std::fmt::Debug for Judging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judging").field("described", &self.described).finish_non_exhaustive()
    }
}

/// A file that the judge uses.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Used {
    /// Its name, without folders.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

#[derive(serde::Serialize)]
struct Described<'d> {
    program: &'d str,
    rules: String,
    fingerprints: &'d [Used],
    asn: &'d [Used],
}

impl Judging {
    /// With these fingerprints and this table; the files that they were read from are named in the archive.
    pub fn new(
        (fingerprints, fingerprint_files): (Fingerprints, &[Used]),
        (asns, asn_files): (Box<dyn AsnTable + Send + Sync>, &[Used]),
    ) -> Self {
        let rules: String = rules().map(|rule| format!("{}@{}\n", rule.id, rule.version)).collect();
        let described = Described {
            program: env!("CARGO_PKG_VERSION"),
            rules: sha256(rules.as_bytes()),
            fingerprints: fingerprint_files,
            asn: asn_files,
        };
        let described = serde_json::to_string(&described).unwrap_or_default();
        let name = sha256(described.as_bytes()).chars().take(16).collect();
        Self { fingerprints, asns, described, name }
    }

    /// As a judge takes it.
    pub fn context(&self) -> Context<'_> {
        Context { asns: self.asns.as_ref(), fingerprints: &self.fingerprints }
    }

    /// What it is, as JSON.
    pub fn described(&self) -> &str {
        &self.described
    }

    /// The first 64 bits of the SHA-256 of [`Judging::described`], hexadecimal: column `judged_with`.
    pub fn name(&self) -> &str {
        &self.name
    }
}
