//! The profiles of devices that are compared. What a profile is: [`wirewitness_model::device`].

use std::collections::BTreeMap;

pub use wirewitness_model::device::{
    Cell, Cells, Claim, Configuration, Grade, Prediction, Profile, ProfileError, Source, schema,
};

/// All devices that are compared, and the mark of this set.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// By id.
    profiles: Vec<Profile>,
    /// SHA-256 of the files, in hexadecimal.
    hash: String,
}

impl Catalogue {
    /// Reads files: name and text of each.
    ///
    /// # Errors
    /// Of the first file that is wrong; also where two files have one id.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ProfileError> {
        let mut read: BTreeMap<String, (Profile, &str)> = BTreeMap::new();
        for (file, text) in files {
            let profile = Profile::parse(file, text)?;
            if read.contains_key(&profile.id) {
                let says = format!("another file has the id {:?} too", profile.id);
                return Err(ProfileError::Key { file: file.to_owned(), key: "id".into(), says });
            }
            read.insert(profile.id.clone(), (profile, text));
        }
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for (_, text) in read.values() {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        let hash = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { profiles: read.into_values().map(|(profile, _)| profile).collect(), hash })
    }

    /// The devices, in the order of their ids.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// One of them.
    pub fn profile(&self, id: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    /// SHA-256 of the files in the order of ids, each behind its length, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}
