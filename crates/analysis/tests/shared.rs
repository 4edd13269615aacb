//! Where the real inputs are: beside the repository, never in it.

use std::path::PathBuf;
use std::sync::LazyLock;

use wirewitness_analysis::fingerprints::Fingerprints;

/// The folder of real inputs, or none (said on stderr) where it is not there.
pub(crate) fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: no real inputs at ../shared/data");
    None
}

/// The files of a folder of real inputs, sorted by name, with their text.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let Some(data) = data() else { return Vec::new() };
    let mut files: Vec<_> = std::fs::read_dir(data.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The list that comes with the program, compiled once.
pub(crate) fn fingerprints() -> &'static Fingerprints {
    static SHIPPED: LazyLock<Fingerprints> = LazyLock::new(Fingerprints::shipped);
    &SHIPPED
}
