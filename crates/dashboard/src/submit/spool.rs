//! Files of what was posted: named by the hash of their bytes, whole or absent.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::hex::hex;

/// A folder with what waits.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    most_bytes: u64,
    held: AtomicU64,
    next: AtomicU64,
}

impl Spool {
    pub(super) fn open(folder: PathBuf, most_bytes: u64) -> io::Result<Self> {
        let mut held = 0;
        for name in ["part", "kept", "quarantine"] {
            fs::create_dir_all(folder.join(name))?;
        }
        // What a process that was killed had not finished is nothing.
        for entry in fs::read_dir(folder.join("part"))? {
            fs::remove_file(entry?.path())?;
        }
        for name in ["kept", "quarantine"] {
            held += bytes_in(&folder.join(name))?;
        }
        Ok(Self { folder, most_bytes, held: AtomicU64::new(held), next: AtomicU64::new(0) })
    }

    /// Puts bytes into a file, unless it is there already or there are none.
    pub(super) fn put(&self, place: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let name = format!("{}.jsonl", hex(digest(&SHA256, bytes).as_ref()));
        let path = self.folder.join(place).join(name);
        if path.exists() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        if self.held.load(Ordering::Relaxed) + length > self.most_bytes {
            // What was ingested meanwhile has made room.
            let kept = bytes_in(&self.folder.join("kept"))?;
            let held = kept + bytes_in(&self.folder.join("quarantine"))?;
            self.held.store(held, Ordering::Relaxed);
            if held + length > self.most_bytes {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let part = self.folder.join("part").join(format!("{}-{number}", std::process::id()));
        let written = write(&part, bytes).and_then(|()| fs::rename(&part, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
        // The name too outlives a power cut, where the system can promise it.
        if let Some(folder) = path.parent().and_then(|it| File::open(it).ok()) {
            let _ = folder.sync_all();
        }
        self.held.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        // One that is taken away at this moment is no longer there.
        bytes += entry?.metadata().map_or(0, |it| it.len());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_twice_is_one_file_and_a_full_folder_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("part");
        fs::create_dir_all(&part).unwrap();
        fs::write(part.join("1-0"), "half").unwrap();
        let spool = Spool::open(folder.path().to_owned(), 10).unwrap();
        assert_eq!(fs::read_dir(&part).unwrap().count(), 0);
        spool.put("kept", b"12345").unwrap();
        spool.put("kept", b"12345").unwrap();
        spool.put("quarantine", b"").unwrap();
        let kept: Vec<_> = fs::read_dir(folder.path().join("kept"))
            .unwrap()
            .map(|it| it.unwrap().path())
            .collect();
        assert_eq!(kept.len(), 1);
        assert!(spool.put("kept", b"1234567").is_err());
        fs::remove_file(&kept[0]).unwrap();
        spool.put("kept", b"1234567").unwrap();
        assert_eq!(fs::read_dir(&part).unwrap().count(), 0);
    }
}
