//! The environment: the only file of the project that reads it.
#![allow(clippy::disallowed_methods, reason = "somebody must ask, and here is where")]

use std::path::PathBuf;

/// The folder for what a person has set, as the platform has it. None where the environment names none.
pub(crate) fn config_folder() -> Option<PathBuf> {
    let folder = platform("APPDATA", "XDG_CONFIG_HOME", ".config");
    folder.map(|folder| folder.join("wirewitness"))
}

/// The archive that `WIREWITNESS_ARCHIVE` names, or the one in the platform's folder for data. None where the environment
/// names neither.
#[cfg(feature = "archive")]
pub(crate) fn archive() -> Option<PathBuf> {
    named("WIREWITNESS_ARCHIVE").or_else(|| data_folder().map(|data| data.join("archive")))
}

/// The folder of fetched tables and lists. None where the environment names no place for data.
#[cfg(feature = "archive")]
pub(crate) fn fetched() -> Option<PathBuf> {
    data_folder().map(|data| data.join("data"))
}

/// The folder for what the program keeps, as the platform has it. None where the environment names none.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let data = platform("LOCALAPPDATA", "XDG_DATA_HOME", ".local/share");
    data.map(|data| data.join("wirewitness"))
}

/// The token for a dashboard that measurements are sent to, where the environment has one.
pub(crate) fn submit_token() -> Option<String> {
    std::env::var_os(SUBMIT_TOKEN).map(|it| it.to_string_lossy().into_owned())
}

/// The variable of [`submit_token`].
pub(crate) const SUBMIT_TOKEN: &str = "WIREWITNESS_SUBMIT_TOKEN";

/// The platform's folder for files that need not stay.
#[cfg(feature = "archive")]
pub(crate) fn scratch() -> PathBuf {
    std::env::temp_dir()
}

/// What it says of storage on the network: all variables that begin with `AWS_`.
#[cfg(feature = "archive")]
pub(crate) fn storage() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("AWS_"))
        .collect()
}

/// A folder of the platform: a variable of Windows, one folder on macOS, and elsewhere a variable or else a folder at home.
fn platform(windows: &str, xdg: &str, at_home: &str) -> Option<PathBuf> {
    if cfg!(windows) {
        named(windows)
    } else if cfg!(target_os = "macos") {
        named("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        // XDG base directory specification 0.8: relative paths are ignored.
        let xdg = named(xdg).filter(|path| path.is_absolute());
        xdg.or_else(|| named("HOME").map(|home| home.join(at_home)))
    }
}

/// The path that a variable names, where it is not empty.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|it| !it.is_empty()).map(PathBuf::from)
}
