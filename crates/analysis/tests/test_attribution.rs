//! Attribution: the shipped profiles against the published tables, and scores against what was said of them beforehand.

mod profiles;
mod simulation;

use std::path::PathBuf;

use wirewitness_analysis::attribution::profile::Catalogue;

/// The profiles that are shipped.
pub(crate) fn shipped() -> Catalogue {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/devices");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.push((name, std::fs::read_to_string(&path).unwrap()));
    }
    Catalogue::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}
