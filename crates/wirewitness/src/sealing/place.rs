//! Files that are whole or absent, whenever the program is killed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that only this person may read, empty, under a name of its own beside where it is to be.
pub(crate) struct New {
    part: PathBuf,
    path: PathBuf,
    /// To write to.
    pub(crate) file: File,
}

impl New {
    /// Begins one. What a killed run left under that name is overwritten: nobody else may be at it.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let file = private().create(true).truncate(true).open(&part)?;
        Ok(Self { part, path: path.to_owned(), file })
    }

    /// Puts it in its place, replacing what was there.
    ///
    /// # Errors
    /// Where that cannot be; then what was there stays.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.part, &self.path)?;
        sync_folder(&self.path)
    }

    /// Gives it up.
    pub(crate) fn drop_it(self) {
        // What stays is overwritten by the next one.
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Writes a whole file.
///
/// # Errors
/// Where that cannot be; then what was there stays.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        folders(folder)?;
    }
    let mut new = New::at(path)?;
    new.file.write_all(bytes)?;
    new.keep()
}

/// Makes folders that only this person may enter, where they are missing.
///
/// # Errors
/// Where that cannot be.
pub(crate) fn folders(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Waits for the lock on a file, and keeps it until the end.
///
/// # Errors
/// Where there can be none.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    let file = private().create(true).open(path)?;
    file.lock()?;
    Ok(file)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// So that a name survives a crash of the machine.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
