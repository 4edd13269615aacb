//! Profiles of devices: those that come with the program, and folders.

use std::path::Path;

use wirewitness_analysis::attribution::profile::{Catalogue, ProfileError};

use crate::command_error::CommandError;

/// The profiles that come with the program: file and text.
pub(crate) const SHIPPED: [(&str, &str); 28] = [
    ("airtel_in.toml", include_str!("../../../../scenarios/devices/airtel_in.toml")),
    ("blue_coat.toml", include_str!("../../../../scenarios/devices/blue_coat.toml")),
    ("cisco.toml", include_str!("../../../../scenarios/devices/cisco.toml")),
    ("cn_inj1.toml", include_str!("../../../../scenarios/devices/cn_inj1.toml")),
    ("cn_inj2.toml", include_str!("../../../../scenarios/devices/cn_inj2.toml")),
    ("cn_inj3.toml", include_str!("../../../../scenarios/devices/cn_inj3.toml")),
    ("fortinet.toml", include_str!("../../../../scenarios/devices/fortinet.toml")),
    ("gfw_20250820.toml", include_str!("../../../../scenarios/devices/gfw_20250820.toml")),
    ("gfw_i.toml", include_str!("../../../../scenarios/devices/gfw_i.toml")),
    ("gfw_ii.toml", include_str!("../../../../scenarios/devices/gfw_ii.toml")),
    ("gfw_iii.toml", include_str!("../../../../scenarios/devices/gfw_iii.toml")),
    ("gfw_quic.toml", include_str!("../../../../scenarios/devices/gfw_quic.toml")),
    ("henan.toml", include_str!("../../../../scenarios/devices/henan.toml")),
    ("iran.toml", include_str!("../../../../scenarios/devices/iran.toml")),
    ("kazakhstan.toml", include_str!("../../../../scenarios/devices/kazakhstan.toml")),
    ("myanmar.toml", include_str!("../../../../scenarios/devices/myanmar.toml")),
    ("netsweeper.toml", include_str!("../../../../scenarios/devices/netsweeper.toml")),
    ("palo_alto.toml", include_str!("../../../../scenarios/devices/palo_alto.toml")),
    ("pk_dns.toml", include_str!("../../../../scenarios/devices/pk_dns.toml")),
    ("pk_drop.toml", include_str!("../../../../scenarios/devices/pk_drop.toml")),
    ("pk_quic.toml", include_str!("../../../../scenarios/devices/pk_quic.toml")),
    ("pk_rst.toml", include_str!("../../../../scenarios/devices/pk_rst.toml")),
    ("ru_tspu.toml", include_str!("../../../../scenarios/devices/ru_tspu.toml")),
    (
        "sandvine_packetlogic.toml",
        include_str!("../../../../scenarios/devices/sandvine_packetlogic.toml"),
    ),
    ("tsg.toml", include_str!("../../../../scenarios/devices/tsg.toml")),
    ("turkmenistan.toml", include_str!("../../../../scenarios/devices/turkmenistan.toml")),
    ("uzbekistan.toml", include_str!("../../../../scenarios/devices/uzbekistan.toml")),
    ("vas_experts.toml", include_str!("../../../../scenarios/devices/vas_experts.toml")),
];

/// The shipped profiles, or those of a folder.
pub(crate) fn load(folder: Option<&Path>) -> Result<Catalogue, CommandError> {
    let Some(folder) = folder else {
        return Catalogue::parse(SHIPPED).map_err(bad);
    };
    let files = read(folder)?;
    if files.is_empty() {
        return Err(CommandError::BadFile {
            path: folder.display().to_string(),
            message: "holds no profile".to_owned(),
            hint: "expected a folder of TOML files (docs/attribution.md)".to_owned(),
        });
    }
    Catalogue::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).map_err(bad)
}

/// Files of a folder, at most.
const MAX_FILES: usize = 1024;
/// Bytes of a file, at most: a profile has fewer, and the reader says so.
const MAX_BYTES: u64 = 1 << 20;

fn read(folder: &Path) -> Result<Vec<(String, String)>, CommandError> {
    use std::io::Read as _;
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |source| CommandError::Unreadable { path, source }
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_none_or(|it| it != "toml") || files.len() == MAX_FILES {
            continue;
        }
        let mut text = String::new();
        let file = std::fs::File::open(&path).map_err(unreadable(&path))?;
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable(&path))?;
        files.push((path.display().to_string(), text));
    }
    files.sort();
    Ok(files)
}

fn bad(error: ProfileError) -> CommandError {
    let (path, message) = match error {
        ProfileError::TooLong { file, have, most } => {
            (file, format!("has {have} bytes, a profile has at most {most}"))
        }
        ProfileError::NotToml { file, says } => (file, says),
        ProfileError::Key { file, key, says } => (file, format!("{key}: {says}")),
    };
    CommandError::BadFile {
        path,
        message,
        hint: "docs/attribution.md explains the keys".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_of_the_folder_comes_with_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/devices");
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|it| it.unwrap().file_name().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, SHIPPED.map(|(name, _)| name));
        assert_eq!(load(None).unwrap(), load(Some(&folder)).unwrap());
    }

    #[test]
    fn a_profile_that_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = load(Some(folder.path())).unwrap_err().report();
        assert!(empty.contains("holds no profile"), "{empty}");
        std::fs::write(folder.path().join("mine.toml"), "id = \"MINE\"\nnmae = \"x\"\n").unwrap();
        let wrong = load(Some(folder.path())).unwrap_err().report();
        assert!(wrong.contains("mine.toml: nmae: unknown key"), "{wrong}");
    }
}
