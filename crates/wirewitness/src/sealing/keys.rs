//! The signing key: made on first use, readable by its owner only, behind a passphrase where one was given.
//!
//! Without a passphrase the file is one line, as Go's `note` package writes private keys; with one it is that line in an age file, which
//! `age -d` opens too.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use wirewitness_evidence::age::{By, Decrypting, Encrypting, For, MAGIC, WORK};
use wirewitness_evidence::note::SignerKey;

use super::{bad_file, place, random, unreadable};
use crate::command_error::CommandError;
use crate::environment;

/// Which key signs.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeyArgs {
    /// The signing key; made there on first use. Without this: `signing.key` in the folder for settings
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A file whose first line is the passphrase of the key. A key that is made is put behind it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A name for a key that is made now: no blanks, no plus; an address of yours, say. It goes into every bundle
    #[arg(long, value_name = "NAME")]
    key_name: Option<String>,
}

impl KeyArgs {
    /// The key, read or made; whether it was made now.
    ///
    /// # Errors
    /// Where it cannot be read or made, or others may read it, or the passphrase is another one.
    pub(crate) fn key(&self) -> Result<(SignerKey, PathBuf, bool), CommandError> {
        let path =
            match &self.key {
                Some(path) => path.clone(),
                None => environment::config_folder().map(|it| it.join("signing.key")).ok_or_else(
                    || CommandError::Usage {
                        message: "there is no folder for settings here".to_owned(),
                        hint: "name a place for the key with --key FILE".to_owned(),
                    },
                )?,
            };
        let passphrase = self.passphrase_file.as_deref().map(passphrase).transpose()?;
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            place::folders(folder).map_err(|error| unreadable(folder, error))?;
        }
        let mut lock = path.clone().into_os_string();
        lock.push(".lock");
        // Two first uses at once make one key.
        let _lock = place::lock(Path::new(&lock)).map_err(|error| unreadable(&path, error))?;
        if path.try_exists().map_err(|error| unreadable(&path, error))? {
            let key = read(&path, passphrase.as_deref())?;
            return Ok((key, path, false));
        }
        let seed = random()?;
        let key = SignerKey::new(self.key_name.as_deref(), seed).map_err(|error| {
            let hint = "a name without blanks and plus signs".to_owned();
            CommandError::Usage { message: error.to_string(), hint }
        })?;
        let line = key.to_secret_line();
        let bytes = match passphrase {
            None => line.into_bytes(),
            Some(passphrase) => {
                let whom = For::Passphrase(&passphrase, WORK);
                let sealed = Encrypting::new(Vec::new(), &whom, &mut random);
                let mut sealed = sealed.map_err(|error| bad_file(&path, error, "try again"))?;
                sealed.write_all(line.as_bytes())?;
                sealed.finish()?
            }
        };
        place::put(&path, &bytes).map_err(|error| unreadable(&path, error))?;
        Ok((key, path, true))
    }
}

/// The first line of a file.
pub(crate) fn passphrase(path: &Path) -> Result<String, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(bad_file(path, "its first line is empty", "put the passphrase there"));
    }
    Ok(line.to_owned())
}

fn read(path: &Path, passphrase: Option<&str>) -> Result<SignerKey, CommandError> {
    check_mode(path)?;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, error))?;
    file.take(MAX_KEY_BYTES).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    let text = if bytes.starts_with(MAGIC) {
        let Some(passphrase) = passphrase else {
            return Err(bad_file(path, "it is behind a passphrase", "name a --passphrase-file"));
        };
        let opened = Decrypting::new(bytes.as_slice(), &By::Passphrase(passphrase));
        let mut text = String::new();
        let mut opened =
            opened.map_err(|error| bad_file(path, error, "the passphrase it was made with?"))?;
        opened.read_to_string(&mut text).map_err(|error| unreadable(path, error))?;
        text
    } else {
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let hint = "a key that `wirewitness seal` made, or another file with --key";
    SignerKey::parse(&text).map_err(|error| bad_file(path, error, hint))
}

/// A key that others may read is nobody's.
fn check_mode(path: &Path) -> Result<(), CommandError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let message = format!("others may read this key (mode {mode:03o})");
            return Err(bad_file(path, message, "chmod 600, if you are sure that nobody did"));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

const MAX_KEY_BYTES: u64 = 64 << 10;
