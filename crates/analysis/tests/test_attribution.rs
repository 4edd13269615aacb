//! Attribution: the shipped profiles against the published tables, and scores against what was said of them beforehand.

mod captured;
mod ladder;
mod profiles;
mod simulation;

use std::path::PathBuf;

use wirewitness_analysis::attribution::profile::Catalogue;

/// The profiles that are shipped.
pub(crate) fn shipped() -> Catalogue {
    let files = files();
    Catalogue::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}

/// Their files: name and text.
pub(crate) fn files() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/devices");
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    std::fs::read_dir(folder).unwrap().map(|it| read(it.unwrap().path())).collect()
}
