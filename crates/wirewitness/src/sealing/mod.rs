//! What sealing and checking need of this machine: the key, the log's folder, bundles as files.
//!
//! - [`keys`]: the signing key, made on first use.
//! - [`log`]: the transparency log in its folder.
//! - [`place`]: files that are whole or absent.
//! - [`opening`]: a bundle as a file, encrypted or not.
//! - [`words`]: what a checked bundle proves, for a person and as JSON.

pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod opening;
pub(crate) mod place;
pub(crate) mod words;

use wirewitness_evidence::bundle::BundleError;

use crate::command_error::CommandError;

/// 32 bytes that nobody can guess.
pub(crate) fn random() -> std::io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| std::io::Error::other("the system gives no random bytes"))?;
    Ok(bytes)
}

/// A file of a person that cannot be used.
#[allow(clippy::needless_pass_by_value, reason = "most messages are made for it")]
pub(crate) fn bad_file(path: &std::path::Path, message: impl ToString, hint: &str) -> CommandError {
    let path = path.display().to_string();
    CommandError::BadFile { path, message: message.to_string(), hint: hint.to_owned() }
}

/// A bundle that does not hold, or is none.
pub(crate) fn bad_bundle(path: &std::path::Path, error: &BundleError) -> CommandError {
    let hint = match error {
        BundleError::Wish(_) => {
            "`wirewitness verify` lists the files, `tar xf` shows what is in them"
        }
        _ => "ask for the file again; if it stays so, it is not what was sealed",
    };
    bad_file(path, error, hint)
}

/// A file that cannot be read or written.
pub(crate) fn unreadable(path: &std::path::Path, source: std::io::Error) -> CommandError {
    CommandError::Unreadable { path: path.display().to_string(), source }
}
