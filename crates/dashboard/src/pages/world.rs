//! Countries: names in each language, and shapes.
//!
//! `data/countries.tsv` is made by `data/make.mjs`: shapes of Natural Earth (public domain), names of Unicode CLDR (Unicode License v3).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use wirewitness_report::words::Language;

/// A country.
pub(super) struct Country {
    names: [&'static str; 2],
    /// An SVG path in the units of the map ([`WIDTH`] by [`HEIGHT`]); empty where it is too small for one.
    pub(super) shape: &'static str,
}

/// All of them, by their two letters.
pub(super) fn all() -> &'static BTreeMap<&'static str, Country> {
    static ALL: OnceLock<BTreeMap<&str, Country>> = OnceLock::new();
    ALL.get_or_init(|| {
        let lines = include_str!("../../data/countries.tsv").lines();
        let read = |line: &'static str| {
            let mut parts = line.split('\t');
            let code = parts.next()?;
            let names = [parts.next()?, parts.next()?];
            Some((code, Country { names, shape: parts.next().unwrap_or_default() }))
        };
        lines.filter_map(read).collect()
    })
}

/// The name of a country.
pub(super) fn name(code: &str, language: Language) -> Option<&'static str> {
    let [english, urdu] = all().get(code)?.names;
    Some(match language {
        Language::English => english,
        Language::Urdu => urdu,
    })
}

/// Units of the map.
pub(super) const WIDTH: u32 = 720;
/// The same, downwards.
pub(super) const HEIGHT: u32 = 324;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_names_and_most_have_shapes() {
        assert!(all().len() > 240);
        assert_eq!(name("PK", Language::English), Some("Pakistan"));
        assert_eq!(name("PK", Language::Urdu), Some("پاکستان"));
        let with = all().values().filter(|it| it.shape.starts_with('M')).count();
        assert!(with > 170, "{with}");
        // Only what a path is made of: it goes into pages as it is.
        assert!(
            all().values().all(|it| it.shape.bytes().all(|b| b"Mlz,- 0123456789".contains(&b)))
        );
    }
}
