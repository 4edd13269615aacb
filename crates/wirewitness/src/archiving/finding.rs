//! Which files: those that the person names, those in folders, and those that a pattern matches; and addresses.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file; it need not be there.
    File(PathBuf),
    /// Standard input.
    Input,
    /// An address on the network.
    Address(String),
}

impl Found {
    /// As the person knows it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Input => "standard input".to_owned(),
            Self::Address(address) => address.clone(),
        }
    }

    /// Without folders: those may tell who collected it.
    pub(crate) fn short_name(&self) -> String {
        let last = |text: &str| text.rsplit('/').find(|it| !it.is_empty()).map(str::to_owned);
        match self {
            Self::File(path) => path
                .file_name()
                .map_or_else(|| self.name(), |name| name.to_string_lossy().into_owned()),
            Self::Input => "standard input".to_owned(),
            Self::Address(address) => {
                let plain = address.split(['?', '#']).next().unwrap_or_default();
                last(plain).unwrap_or_else(|| address.clone())
            }
        }
    }
}

/// Everything to read, one after the other. Of a folder, only the names of the folders on the way to the file at hand are held.
pub(crate) struct Finding {
    named: VecDeque<OsString>,
    matched: Option<Peekable<glob::Paths>>,
    open: Vec<Folder>,
    except: Option<PathBuf>,
}

struct Folder {
    path: PathBuf,
    names: std::vec::IntoIter<OsString>,
}

/// Folders within folders are followed so far. Links to folders are not followed at all.
const MAX_DEPTH: usize = 32;

impl Finding {
    /// Over what the person named; `except` is a folder that is left out: the archive's own.
    pub(crate) fn over(named: &[OsString], except: Option<&Path>) -> Self {
        let except = except.and_then(|path| path.canonicalize().ok());
        Self { named: named.iter().cloned().collect(), matched: None, open: Vec::new(), except }
    }

    /// Bytes of all files. None where something has no length before it was read.
    pub(crate) fn bytes(self) -> Option<u64> {
        let mut total = 0;
        for found in self {
            match found {
                Found::File(path) => total += path.metadata().map_or(0, |it| it.len()),
                Found::Input | Found::Address(_) => return None,
            }
        }
        Some(total)
    }

    fn step_in(&mut self, path: PathBuf) -> Option<Found> {
        let Ok(entries) = std::fs::read_dir(&path) else { return Some(Found::File(path)) };
        let is_left_out = self.except.is_some() && path.canonicalize().ok() == self.except;
        if is_left_out || self.open.len() >= MAX_DEPTH {
            return None;
        }
        let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.retain(|name| name.as_encoded_bytes().first() != Some(&b'.'));
        names.sort_unstable();
        self.open.push(Folder { path, names: names.into_iter() });
        None
    }

    /// The next file of the folders that are open.
    fn inside(&mut self) -> Option<Found> {
        while let Some(folder) = self.open.last_mut() {
            let Some(name) = folder.names.next() else {
                self.open.pop();
                continue;
            };
            let path = folder.path.join(name);
            let kind = path.symlink_metadata().map(|it| it.file_type());
            let found = match kind {
                Ok(kind) if kind.is_dir() => self.step_in(path),
                _ => path.is_file().then_some(Found::File(path)),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn named(&mut self, name: &OsStr) -> Option<Found> {
        if name == "-" {
            return Some(Found::Input);
        }
        if let Some(address) = name.to_str().filter(|it| is_address(it)) {
            return Some(Found::Address(address.to_owned()));
        }
        let path = PathBuf::from(name);
        if path.is_dir() {
            return self.step_in(path);
        }
        let pattern = name.to_str().filter(|it| it.contains(['*', '?', '[']) && !path.exists());
        match pattern.and_then(|pattern| glob::glob(pattern).ok()) {
            Some(paths) => {
                let mut paths = paths.peekable();
                // What matches nothing is told as a file that is not there.
                if paths.peek().is_none() {
                    return Some(Found::File(path));
                }
                self.matched = Some(paths);
                None
            }
            None => Some(Found::File(path)),
        }
    }
}

/// Whether it is an address on the network.
fn is_address(name: &str) -> bool {
    ["https://", "http://", "s3://"].iter().any(|scheme| name.starts_with(scheme))
}

impl Iterator for Finding {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.inside() {
                return Some(found);
            }
            let found = match self.matched.as_mut().and_then(Iterator::next) {
                Some(Ok(path)) if path.is_dir() => self.step_in(path),
                Some(Ok(path)) => Some(Found::File(path)),
                Some(Err(error)) => Some(Found::File(error.path().to_owned())),
                None => {
                    self.matched = None;
                    let name = self.named.pop_front()?;
                    self.named(&name)
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(named: &[&str], root: &Path, except: Option<&Path>) -> Vec<String> {
        let named: Vec<OsString> =
            named.iter().map(|name| root.join(name).into_os_string()).collect();
        let inside = |found: Found| {
            let name = found.name();
            name.strip_prefix(&format!("{}/", root.display())).unwrap_or(&name).to_owned()
        };
        Finding::over(&named, except).map(inside).collect()
    }

    #[test]
    fn folders_patterns_and_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["b.json", "a.json", "x/2.json", "x/1.json", "x/.hidden", "y/deep/3.txt"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "{}").unwrap();
        }
        let all = ["a.json", "b.json", "x/1.json", "x/2.json", "y/deep/3.txt"];
        assert_eq!(names(&[""], root, None), all);
        assert_eq!(names(&["*.json"], root, None), all[..2]);
        assert_eq!(names(&["*/*.json", "b.json"], root, None), ["x/1.json", "x/2.json", "b.json"]);
        assert_eq!(names(&["none*", "none"], root, None), ["none*", "none"]);
        assert_eq!(names(&[""], root, Some(&root.join("x"))), ["a.json", "b.json", "y/deep/3.txt"]);
        let all = Finding::over(&[root.as_os_str().to_owned()], None);
        assert_eq!(all.bytes(), Some(10));
    }

    #[test]
    fn names_without_folders() {
        let short = |found: Found| found.short_name();
        assert_eq!(short(Found::File("/home/somebody/day.jsonl".into())), "day.jsonl");
        let address = "https://host.example/a/day.jsonl.gz?token=1".to_owned();
        assert_eq!(short(Found::Address(address)), "day.jsonl.gz");
    }
}
