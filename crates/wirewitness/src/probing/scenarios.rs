//! Networks for the lab: those that come with the program, and files.

use std::path::Path;

use wirewitness_lab::Scenario;

use crate::command_error::CommandError;

/// The scenarios that come with the program: name and text.
pub(crate) const SHIPPED: [(&str, &str); 4] = [
    ("open", include_str!("../../../../scenarios/open.toml")),
    ("pakistan-2025", include_str!("../../../../scenarios/pakistan-2025.toml")),
    ("portal", include_str!("../../../../scenarios/portal.toml")),
    ("textbook", include_str!("../../../../scenarios/textbook.toml")),
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
        assert_eq!(names, SHIPPED.map(|(name, _)| name));
        for (name, _) in SHIPPED {
            assert_eq!(load(name).unwrap().name(), name);
        }
    }
}
