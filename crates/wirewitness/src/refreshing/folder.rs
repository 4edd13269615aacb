//! The folder of fetched data: `asn/`, `fingerprints/`, `list/`, and `refreshed.json`, which says what each file is and where it is from.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use wirewitness_model::hex::hex;

use super::manifest::{Entry, Kind, Wanted, is_plain};
use crate::command_error::CommandError;

/// `refreshed.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Refreshed {
    /// In the order of their paths.
    pub(crate) files: Vec<Kept>,
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The manifest's entry.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Its name in the folder of its kind.
    pub(crate) file: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Of this version, as the manifest has it.
    pub(crate) date: String,
    pub(crate) licence: String,
    /// The page that tells of it.
    pub(crate) source: String,
    /// The address.
    pub(crate) fetched_from: String,
    /// SHA-256 of what came from there: of the file itself, or of what it was packed in.
    pub(crate) fetched_sha256: String,
}

impl Kept {
    /// A file as an entry says.
    pub(crate) fn of(entry: &Entry, wanted: &Wanted<'_>) -> Self {
        Self {
            name: entry.name.clone(),
            kind: entry.kind,
            file: wanted.file.to_owned(),
            sha256: wanted.sha256.to_owned(),
            bytes: wanted.bytes,
            date: entry.date.clone(),
            licence: entry.licence.clone(),
            source: entry.source.clone(),
            fetched_from: entry.url.clone(),
            fetched_sha256: entry.sha256.clone(),
        }
    }

    /// Its path, where the file there is the one that was fetched.
    fn held(&self, folder: &Path) -> Result<PathBuf, CommandError> {
        let path = self.path(folder);
        let found = sha256_of(&path).map_err(|source| unreadable(&path, source))?;
        if found == self.sha256 {
            return Ok(path);
        }
        Err(CommandError::BadFile {
            path: path.display().to_string(),
            message: format!("has SHA-256 {found}, expected {}", self.sha256),
            hint: format!("`wirewitness refresh --into {}`", folder.display()),
        })
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.kind.to_string()).join(&self.file)
    }
}

/// Its name.
const NAME: &str = "refreshed.json";
/// Its bytes, at most.
const MAX_BYTES: u64 = 4 << 20;

impl Refreshed {
    /// Of a folder; empty where there is none.
    ///
    /// # Errors
    /// It cannot be read, or says something else.
    pub(crate) fn read(folder: &Path) -> Result<Self, CommandError> {
        match File::open(folder.join(NAME)) {
            Ok(file) => Self::parse(folder, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(unreadable(&folder.join(NAME), source)),
        }
    }

    fn parse(folder: &Path, file: File) -> Result<Self, CommandError> {
        let path = folder.join(NAME);
        let mut text = String::new();
        let read = file.take(MAX_BYTES).read_to_string(&mut text);
        read.map_err(|source| unreadable(&path, source))?;
        let bad = |message: String| CommandError::BadFile {
            path: path.display().to_string(),
            message,
            hint: "`wirewitness refresh` writes it; without it, all is fetched anew".to_owned(),
        };
        let refreshed: Self =
            serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if let Some(kept) = refreshed.files.iter().find(|kept| !is_plain(&kept.file)) {
            return Err(bad(format!("{:?} is no plain name of a file", kept.file)));
        }
        Ok(refreshed)
    }

    /// Whether all files of an entry are there, as it says.
    pub(crate) fn has(&self, entry: &Entry, folder: &Path) -> bool {
        entry.files().iter().all(|wanted| {
            let own = |kept: &&Kept| kept.name == entry.name && kept.file == wanted.file;
            self.files.iter().find(own).is_some_and(|kept| {
                kept.sha256 == wanted.sha256
                    && kept.fetched_sha256 == entry.sha256
                    && sha256_of(&kept.path(folder)).is_ok_and(|found| found == wanted.sha256)
            })
        })
    }

    /// Remembers the files of an entry in place of those that it had, and writes itself.
    ///
    /// # Errors
    /// It cannot be written; the old one is there still.
    pub(crate) fn take(&mut self, entry: &Entry, folder: &Path) -> io::Result<()> {
        let is_replaced = |kept: &Kept| {
            let is_same = |wanted: &Wanted<'_>| wanted.file == kept.file;
            kept.name == entry.name || kept.kind == entry.kind && entry.files().iter().any(is_same)
        };
        self.files.retain(|kept| !is_replaced(kept));
        self.files.extend(entry.files().iter().map(|wanted| Kept::of(entry, wanted)));
        self.files.sort_by(|a, b| (a.kind, &a.file).cmp(&(b.kind, &b.file)));
        let mut part = part_in(folder)?;
        let text = serde_json::to_string_pretty(self)?;
        part.write_all(text.as_bytes())?;
        part.write_all(b"\n")?;
        part.as_file().sync_all()?;
        part.persist(folder.join(NAME)).map_err(|error| error.error)?;
        Ok(())
    }
}

/// A file that is written: it is deleted unless it gets its name. Everybody may read it, as far as the umask says.
pub(super) fn part_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".part-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(folder)
}

/// Files that the judge uses.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) fingerprints: Vec<PathBuf>,
    pub(crate) asn: Vec<PathBuf>,
}

impl Data {
    /// Of a folder; every file is held against its SHA-256.
    ///
    /// # Errors
    /// The folder was never refreshed; a file is missing, or another.
    pub(crate) fn open(folder: &Path) -> Result<Self, CommandError> {
        let file =
            File::open(folder.join(NAME)).map_err(|error| unreadable(&folder.join(NAME), error))?;
        let mut data = Self::default();
        for kept in &Refreshed::parse(folder, file)?.files {
            let place = match kept.kind {
                Kind::Asn => &mut data.asn,
                Kind::Fingerprints => &mut data.fingerprints,
                Kind::List => continue,
            };
            place.push(kept.held(folder)?);
        }
        Ok(data)
    }

    /// Lists of targets in a folder; every one is held against its SHA-256.
    ///
    /// # Errors
    /// As of [`Data::open`].
    pub(crate) fn lists(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
        let file =
            File::open(folder.join(NAME)).map_err(|error| unreadable(&folder.join(NAME), error))?;
        let refreshed = Refreshed::parse(folder, file)?;
        let lists = refreshed.files.iter().filter(|it| it.kind == Kind::List);
        lists.map(|kept| kept.held(folder)).collect()
    }

    /// What `--data` says, where it says something; what the other flags name goes before.
    ///
    /// # Errors
    /// As of [`Data::open`].
    pub(crate) fn beside(
        folder: Option<&Path>,
        fingerprints: &[PathBuf],
        asn: &[PathBuf],
    ) -> Result<Self, CommandError> {
        let mut data = folder.map(Self::open).transpose()?.unwrap_or_default();
        if !fingerprints.is_empty() {
            data.fingerprints = fingerprints.to_vec();
        }
        if !asn.is_empty() {
            data.asn = asn.to_vec();
        }
        Ok(data)
    }
}

fn unreadable(path: &Path, source: io::Error) -> CommandError {
    CommandError::Unreadable { path: path.display().to_string(), source }
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut context) = (File::open(path)?, Context::new(&SHA256));
    let mut buffer = vec![0; 1 << 16];
    loop {
        let got = file.read(&mut buffer)?;
        if got == 0 {
            return Ok(hex(context.finish().as_ref()));
        }
        context.update(buffer.get(..got).unwrap_or_default());
    }
}
