//! What is fetched: `lists/refresh.toml`, compiled in, or a file that a person names.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// All entries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(rename = "entry")]
    pub(crate) entries: Vec<Entry>,
}

/// One address and what it must give.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// What `--only` knows it by.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Where it is fetched.
    pub(crate) url: String,
    /// SHA-256 of what comes, hexadecimal.
    pub(crate) sha256: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Under which licence it is published; or that none is stated.
    pub(crate) licence: String,
    /// The page that tells of it.
    pub(crate) source: String,
    /// Of this version of it, `YYYY-MM-DD`, or what else its publisher calls it by.
    pub(crate) date: String,
    /// How the pin came about.
    pub(crate) pin: Pin,
    /// What a person should know of it.
    pub(crate) note: Option<String>,
    /// Its file's name here. None where it is packed.
    pub(crate) file: Option<String>,
    /// Of a tar, packed or not: the members that are kept.
    #[serde(default)]
    pub(crate) members: Vec<Member>,
}

/// A file within a tar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// Its name there.
    pub(crate) path: String,
    /// Its name here.
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

/// What it is for. Files of a kind are in a folder of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A table of networks.
    Asn,
    /// Marks of block pages and forged answers.
    Fingerprints,
    /// Targets to measure.
    List,
}

/// How the hash of a pin came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pin {
    /// From what the address served.
    Fetched,
    /// From a copy had otherwise: the address was not asked.
    Copy,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Asn => "asn",
            Self::Fingerprints => "fingerprints",
            Self::List => "list",
        })
    }
}

/// The one that comes with the program.
const SHIPPED: &str = include_str!("../../../../lists/refresh.toml");
/// Bytes of a manifest that a person names.
pub(crate) const MAX_MANIFEST: u64 = 1 << 20;
/// Entries and members of it.
const MAX_FILES: usize = 1000;
/// Bytes of one file, packed or not.
const MAX_FILE: u64 = 1 << 30;

impl Manifest {
    /// The one that comes with the program.
    ///
    /// # Errors
    /// None: a test holds it.
    pub(crate) fn shipped() -> Result<Self, String> {
        Self::read(SHIPPED)
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Whether an entry has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    fn check(&self) -> Result<(), String> {
        let (mut names, mut files) = (BTreeSet::new(), BTreeSet::new());
        for entry in &self.entries {
            entry.check().map_err(|reason| format!("entry {:?}: {reason}", entry.name))?;
            if !names.insert(&entry.name) {
                return Err(format!("two entries have the name {:?}", entry.name));
            }
            for file in entry.files() {
                if !files.insert((entry.kind, file.file.to_ascii_lowercase())) {
                    return Err(format!("two files would be {}/{}", entry.kind, file.file));
                }
            }
        }
        if files.len() > MAX_FILES {
            return Err(format!("more than {MAX_FILES} files"));
        }
        Ok(())
    }
}

/// A file that an entry gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'e> {
    pub(crate) file: &'e str,
    pub(crate) sha256: &'e str,
    pub(crate) bytes: u64,
}

impl Entry {
    /// The files that it gives.
    pub(crate) fn files(&self) -> Vec<Wanted<'_>> {
        let own =
            self.file.iter().map(|file| Wanted { file, sha256: &self.sha256, bytes: self.bytes });
        own.chain(self.members.iter().map(Member::wanted)).collect()
    }

    fn check(&self) -> Result<(), String> {
        let url = url::Url::parse(&self.url).map_err(|error| format!("url: {error}"))?;
        if !matches!(url.scheme(), "https" | "http") || url.query().is_some() {
            return Err("url: only https:// and http:// without `?`".to_owned());
        }
        if !is_plain(&self.name) {
            return Err("its name may have letters, digits, `-`, `_` and `.`".to_owned());
        }
        if self.file.is_some() != self.members.is_empty() {
            return Err("either `file` or `members`".to_owned());
        }
        check_pin(&self.sha256, self.bytes)?;
        for wanted in self.files() {
            check_pin(wanted.sha256, wanted.bytes)?;
            if !is_plain(wanted.file) {
                return Err(format!("{:?} is no plain name of a file", wanted.file));
            }
        }
        Ok(())
    }
}

impl Member {
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { file: &self.file, sha256: &self.sha256, bytes: self.bytes }
    }
}

fn check_pin(sha256: &str, bytes: u64) -> Result<(), String> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if sha256.len() != 64 || !sha256.bytes().all(is_hex) {
        return Err("sha256: 64 digits, 0 to 9 and a to f".to_owned());
    }
    if bytes > MAX_FILE {
        return Err(format!("bytes: {} MiB at most", MAX_FILE >> 20));
    }
    Ok(())
}

/// Whether a name leads nowhere else, on any platform.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_one_is_whole() {
        let manifest = Manifest::shipped().unwrap();
        for kind in [Kind::Asn, Kind::Fingerprints, Kind::List] {
            assert!(manifest.entries.iter().any(|entry| entry.kind == kind), "{kind}");
        }
        for entry in &manifest.entries {
            assert!(entry.url.starts_with("https://"), "{}", entry.name);
            assert!(!entry.licence.is_empty() && entry.source.starts_with("https://"));
        }
    }

    #[test]
    fn what_leads_astray_is_refused() {
        let good = "[[entry]]\nname = \"a\"\nkind = \"list\"\nurl = \"https://a.example/a.csv\"\n\
                    sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\nbytes = 1\n\
                    licence = \"x\"\nsource = \"x\"\ndate = \"x\"\npin = \"copy\"\nfile = \"a.csv\"\n";
        assert!(Manifest::read(good).is_ok());
        for (from, to, expected) in [
            ("file = \"a.csv\"", "file = \"../a.csv\"", "no plain name"),
            ("file = \"a.csv\"", "file = \".a\"", "no plain name"),
            ("file = \"a.csv\"", "", "either"),
            ("name = \"a\"", "name = \"a/b\"", "its name"),
            ("https://", "s3://", "only https"),
            ("a.csv\"\nsha", "a.csv?x\"\nsha", "only https"),
            ("00000000\"", "0000000G\"", "sha256"),
            ("bytes = 1", "bytes = 2000000000", "bytes"),
            ("pin", "pinned", "pinned"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let error = Manifest::read(&text).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        assert!(Manifest::read(&[good, good].concat()).unwrap_err().contains("the name \"a\""));
        let other = good.replacen("name = \"a\"", "name = \"b\"", 1).replace("a.csv", "A.csv");
        assert!(Manifest::read(&[good, &other].concat()).unwrap_err().contains("list/A.csv"));
    }
}
