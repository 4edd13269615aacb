//! A secret in a file: on a command line everybody on the machine could read it.

use std::path::Path;

use crate::command_error::CommandError;

/// Reads the token in a file: one word.
pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| CommandError::Unreadable { path: path.display().to_string(), source })?;
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
    is_token.then(|| token.to_owned()).ok_or_else(|| CommandError::BadFile {
        path: path.display().to_string(),
        message: "holds no token".to_owned(),
        hint: "expected one word of visible ASCII".to_owned(),
    })
}
