//! Real measurement files, read in place beside the repository. They are not part of it.

use std::fs;
use std::path::{Path, PathBuf};

/// The files under `ooni/` whose names end in one of `endings`, with their texts.
///
/// Empty, with the reason printed, where the collection is not there.
pub(crate) fn ooni(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/ooni");
    let mut paths: Vec<PathBuf> =
        ["qa", "real"].iter().flat_map(|folder| list(&root.join(folder))).collect();
    paths.retain(|path| endings.iter().any(|end| path.to_string_lossy().ends_with(end)));
    paths.sort();
    if paths.is_empty() {
        println!("SKIPPED: no {endings:?} files under {}", root.display());
    }
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}
