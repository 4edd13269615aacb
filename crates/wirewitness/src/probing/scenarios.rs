//! Networks for the lab: those that come with the program, and files.

use std::path::Path;

use wirewitness_lab::Scenario;

use crate::command_error::CommandError;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The scenarios that come with the program: name and text.
        pub(crate) const SHIPPED: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../../scenarios/", $name, ".toml")),
        )),*];
    };
}

shipped![
    "apps",
    "attribution-airtel-in",
    "attribution-blue-coat",
    "attribution-cisco",
    "attribution-clean",
    "attribution-cn-inj1",
    "attribution-cn-inj2",
    "attribution-cn-inj3",
    "attribution-fortinet",
    "attribution-gfw-20250820",
    "attribution-gfw-i",
    "attribution-gfw-ii",
    "attribution-gfw-iii",
    "attribution-gfw-quic",
    "attribution-henan",
    "attribution-iran",
    "attribution-kazakhstan",
    "attribution-lossy",
    "attribution-myanmar",
    "attribution-netsweeper",
    "attribution-palo-alto",
    "attribution-pk-dns",
    "attribution-pk-drop",
    "attribution-pk-quic",
    "attribution-pk-rst",
    "attribution-ru-tspu",
    "attribution-sandvine-packetlogic",
    "attribution-tsg",
    "attribution-turkmenistan",
    "attribution-two-devices",
    "attribution-uzbekistan",
    "attribution-vas-experts",
    "open",
    "pakistan-2025",
    "portal",
    "textbook",
];

/// Finds a scenario by its name, or reads it from a file.
pub(crate) fn load(name: &str) -> Result<Scenario, CommandError> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return parse(&format!("{name}.toml"), text);
    }
    if !is_path(name) {
        let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
        return Err(CommandError::Usage {
            message: format!("there is no scenario {name:?}"),
            hint: format!("these come with the program: {}; or name a TOML file", names.join(", ")),
        });
    }
    let text = std::fs::read_to_string(name)
        .map_err(|source| CommandError::Unreadable { path: name.to_owned(), source })?;
    parse(name, &text)
}

fn is_path(name: &str) -> bool {
    let path = Path::new(name);
    path.extension().is_some() || path.components().count() > 1 || path.exists()
}

fn parse(file: &str, text: &str) -> Result<Scenario, CommandError> {
    Scenario::parse(file, text).map_err(|error| CommandError::BadFile {
        path: file.to_owned(),
        message: format!("is no scenario: {error}"),
        hint: "docs/lab.md explains the keys".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_folder_comes_with_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "toml") {
                names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
            }
        }
        names.sort();
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, shipped);
        for (name, _) in SHIPPED {
            assert_eq!(load(name).unwrap().name(), *name);
        }
    }
}
