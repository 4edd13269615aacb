//! Which files to read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::frame::{MAX_RECORD, Records};
use super::packed;
use crate::command_error::CommandError;

/// One file, or standard input.
#[derive(Debug)]
pub(crate) struct Source {
    name: String,
    path: Option<PathBuf>,
    size: u64,
}

impl Source {
    fn file(path: &Path) -> Self {
        let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        Self { name: path.display().to_string(), path: Some(path.to_owned()), size }
    }

    fn standard_input() -> Self {
        Self { name: "standard input".to_owned(), path: None, size: 0 }
    }

    /// As the person wrote it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Size on disk, bytes; 0 for standard input.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// True for a file: it can be read again.
    pub(crate) fn is_file(&self) -> bool {
        self.path.is_some()
    }

    /// Opens it as records, decompressed.
    pub(crate) fn open(&self) -> io::Result<Records<Box<dyn Read>>> {
        Ok(Records::new(self.plain()?))
    }

    /// Opens it, decompressed as its first bytes say.
    pub(crate) fn plain(&self) -> io::Result<Box<dyn Read + Send>> {
        let raw: Box<dyn Read + Send> = match &self.path {
            Some(path) => Box::new(File::open(path)?),
            None => Box::new(io::stdin()),
        };
        Ok(Box::new(packed::unpacked(raw)?))
    }
}

/// The sources that the person named: folders become their files, sorted by name, hidden ones left out.
pub(crate) fn expand(paths: &[PathBuf]) -> Vec<Source> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(Source::standard_input());
        } else if path.is_dir() {
            sources.extend(walk(path, 0).iter().map(|file| Source::file(file)));
        } else {
            sources.push(Source::file(path));
        }
    }
    sources
}

/// The files under some paths. A path that does not exist is an error here.
pub(crate) fn files_under(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    for path in paths {
        std::fs::metadata(path).map_err(|source| CommandError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        if path.is_dir() { files.extend(walk(path, 0)) } else { files.push(path.clone()) }
    }
    Ok(files)
}

/// Folders within folders are followed so far. Links to folders are not followed at all.
const MAX_DEPTH: usize = 32;

fn walk(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return vec![folder.to_owned()];
    };
    let mut entries: Vec<_> = entries.flatten().filter(|entry| !is_hidden(entry)).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => {
                files.extend(walk(&entry.path(), depth + 1))
            }
            Ok(kind) if kind.is_dir() => {}
            _ if entry.path().is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

fn is_hidden(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().first() == Some(&b'.')
}

/// YAML reports are read whole, so they are held to the size of one record.
pub(crate) const MAX_YAML: usize = MAX_RECORD;
