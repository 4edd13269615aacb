//! A bundle as a file, encrypted or not.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use wirewitness_evidence::age::{By, Decrypting, Identity, MAGIC};

use super::{bad_file, keys, unreadable};
use crate::command_error::CommandError;

/// How an encrypted bundle is opened.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OpenArgs {
    /// For an encrypted bundle: a file with age identities (AGE-SECRET-KEY-1..), as `age-keygen` writes it
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// For a bundle encrypted to a passphrase: a file whose first line it is
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    bundle_passphrase_file: Option<PathBuf>,
}

impl OpenArgs {
    /// Opens a bundle; whether it was encrypted.
    ///
    /// # Errors
    /// Where it cannot be read or opened.
    pub(crate) fn open(&self, path: &Path) -> Result<(Box<dyn Read>, bool), CommandError> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let begins = {
            use std::io::BufRead as _;
            let head = file.fill_buf().map_err(|error| unreadable(path, error))?;
            head.starts_with(MAGIC)
        };
        if !begins {
            return Ok((Box::new(file), false));
        }
        let hint = "name the --identity that it is for";
        let opened = if let Some(identity) = &self.identity {
            let text = std::fs::read_to_string(identity).map_err(|it| unreadable(identity, it))?;
            let identities = Identity::parse_file(&text);
            let identities =
                identities.map_err(|it| bad_file(identity, it, "age-keygen makes such a file"))?;
            Decrypting::new(file, &By::Identities(&identities))
        } else if let Some(passphrase) = &self.bundle_passphrase_file {
            Decrypting::new(file, &By::Passphrase(&keys::passphrase(passphrase)?))
        } else {
            return Err(bad_file(path, "it is encrypted", hint));
        };
        let opened = opened.map_err(|error| bad_file(path, error, hint))?;
        Ok((Box::new(opened), true))
    }
}
