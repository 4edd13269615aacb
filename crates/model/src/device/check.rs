//! Reading a profile's file, and refusing what is not in the schema: each error names the file and the key.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use toml::{Table, Value};

use super::schema::{Feature, Kind, SECTIONS, feature};
use super::{Cell, Cells, Claim, Configuration, Grade, Prediction, Profile, Source};

/// Why a profile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Longer than a profile is.
    #[error("{file}: has {have} bytes, a profile has at most {most}")]
    TooLong {
        /// The file.
        file: String,
        /// Its length.
        have: usize,
        /// The most there may be.
        most: usize,
    },
    /// No TOML.
    #[error("{file}: {says}")]
    NotToml {
        /// The file.
        file: String,
        /// What the reader of TOML says, with the line.
        says: String,
    },
    /// A key that is missing, unknown, or holds something else.
    #[error("{file}: {key}: {says}")]
    Key {
        /// The file.
        file: String,
        /// The key, from the top.
        key: String,
        /// What is wrong.
        says: String,
    },
}

/// Bytes of a file, at most.
const MAX_BYTES: usize = 256 << 10;
/// Items of a list, at most.
const MAX_ITEMS: usize = 64;

/// A place in a file.
#[derive(Debug, Clone)]
struct At<'a> {
    file: &'a str,
    key: String,
}

impl At<'_> {
    fn key(&self, key: &str) -> Self {
        let is_bare = key.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
        let key = if is_bare { key.to_owned() } else { format!("{key:?}") };
        let dot = if self.key.is_empty() { "" } else { "." };
        Self { file: self.file, key: format!("{}{dot}{key}", self.key) }
    }

    fn item(&self, number: usize) -> Self {
        Self { file: self.file, key: format!("{}[{number}]", self.key) }
    }

    fn wrong<T>(&self, says: impl Into<String>) -> Result<T, ProfileError> {
        Err(ProfileError::Key {
            file: self.file.to_owned(),
            key: self.key.clone(),
            says: says.into(),
        })
    }
}

type Read<T> = Result<T, ProfileError>;

/// Reads a profile.
pub(super) fn profile(file: &str, text: &str) -> Read<Profile> {
    if text.len() > MAX_BYTES {
        let (file, have) = (file.to_owned(), text.len());
        return Err(ProfileError::TooLong { file, have, most: MAX_BYTES });
    }
    let table: Table = toml::from_str(text).map_err(|error| ProfileError::NotToml {
        file: file.to_owned(),
        says: error.to_string().trim_end().to_owned(),
    })?;
    let at = At { file, key: String::new() };
    let known = ["id", "name", "about", "notes", "source", "configuration", "documentary"];
    only(&at, &table, &[&known[..], &SECTIONS[..]].concat())?;
    let id = text_of(&at, &table, "id")?;
    if id.is_empty()
        || !id.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_')
    {
        return at.key("id").wrong("expected capital letters, digits and underscores");
    }
    if ["UNKNOWN", "NONE"].contains(&id.as_str()) {
        return at.key("id").wrong("UNKNOWN and NONE stand for no device of the catalogue");
    }
    let sources = sources(&at, &table)?;
    let (mut cells, mut unknown) = (Cells::new(), Vec::new());
    for section in SECTIONS {
        if let Some(value) = table.get(section) {
            let at = at.key(section);
            let keys = as_table(&at, value)?;
            section_cells(&at, section, (keys, &sources), (&mut cells, &mut unknown))?;
        }
    }
    Ok(Profile {
        id,
        name: text_of(&at, &table, "name")?,
        about: text_of(&at, &table, "about")?,
        notes: texts(&at, &table, "notes")?,
        configurations: configurations(&at, &table, &sources)?,
        documentary: documentary(&at, &table)?,
        sources,
        cells,
        unknown,
    })
}

fn only(at: &At<'_>, table: &Table, known: &[&str]) -> Read<()> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => at.key(key).wrong(format!("unknown key; known are {}", known.join(", "))),
        None => Ok(()),
    }
}

fn as_table<'t>(at: &At<'_>, value: &'t Value) -> Read<&'t Table> {
    value.as_table().map_or_else(|| at.wrong("expected a table"), Ok)
}

fn as_text(at: &At<'_>, value: &Value) -> Read<String> {
    match value.as_str() {
        Some("") => at.wrong("is empty"),
        Some(text) if text.len() > 1000 => at.wrong("expected at most 1000 bytes"),
        Some(text) if text.chars().any(char::is_control) => at.wrong("holds a control character"),
        Some(text) => Ok(text.to_owned()),
        None => at.wrong("expected a text"),
    }
}

fn text_of(at: &At<'_>, table: &Table, key: &str) -> Read<String> {
    let value = table.get(key).map_or_else(|| at.key(key).wrong("is missing"), Ok)?;
    as_text(&at.key(key), value)
}

fn as_list<'t>(at: &At<'_>, value: &'t Value) -> Read<&'t [Value]> {
    match value.as_array() {
        Some(list) if list.is_empty() => at.wrong("is empty; leave it out if it is not known"),
        Some(list) if list.len() > MAX_ITEMS => at.wrong(format!("holds over {MAX_ITEMS} items")),
        Some(list) => Ok(list),
        None => at.wrong("expected a list"),
    }
}

/// Reads every item of a list.
fn each<T>(at: &At<'_>, value: &Value, read: impl Fn(&At<'_>, &Value) -> Read<T>) -> Read<Vec<T>> {
    let items = as_list(at, value)?.iter().enumerate();
    items.map(|(number, item)| read(&at.item(number), item)).collect()
}

fn texts(at: &At<'_>, table: &Table, key: &str) -> Read<Vec<String>> {
    table.get(key).map_or(Ok(Vec::new()), |value| each(&at.key(key), value, as_text))
}

fn date(at: &At<'_>, table: &Table) -> Read<String> {
    let date = text_of(at, table, "date")?;
    if date == "unknown" || date.split('/').all(is_date) && date.split('/').count() <= 2 {
        return Ok(date);
    }
    at.key("date")
        .wrong("expected YYYY, YYYY-MM, YYYY-MM-DD, two of them with / between, or unknown")
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |at: usize, len: usize, range: std::ops::RangeInclusive<u32>| {
        parts.get(at).is_none_or(|part| {
            part.len() == len && part.parse().is_ok_and(|number| range.contains(&number))
        })
    };
    parts.len() <= 3 && number(0, 4, 1990..=2100) && number(1, 2, 1..=12) && number(2, 2, 1..=31)
}

fn grade(at: &At<'_>, table: &Table) -> Read<Grade> {
    match text_of(at, table, "grade")?.as_str() {
        "A" => Ok(Grade::A),
        "B" => Ok(Grade::B),
        "C" => Ok(Grade::C),
        "D" => Ok(Grade::D),
        _ => at.key("grade").wrong("expected A, B, C or D"),
    }
}

fn sources(at: &At<'_>, table: &Table) -> Read<BTreeMap<String, Source>> {
    let mut sources = BTreeMap::new();
    let Some(value) = table.get("source") else { return Ok(sources) };
    let at = at.key("source");
    for (key, value) in as_table(&at, value)? {
        let at = at.key(key);
        let table = as_table(&at, value)?;
        only(&at, table, &["title", "date", "grade"])?;
        let title = text_of(&at, table, "title")?;
        let source = Source { title, date: date(&at, table)?, grade: grade(&at, table)? };
        sources.insert(key.clone(), source);
    }
    Ok(sources)
}

fn section_cells(
    at: &At<'_>,
    section: &str,
    (keys, sources): (&Table, &BTreeMap<String, Source>),
    (cells, unknown): (&mut Cells, &mut Vec<(&'static str, &'static str)>),
) -> Read<()> {
    for (key, value) in keys {
        let at = at.key(key);
        let Some(feature) = feature(section, key) else {
            return at.wrong(format!("unknown key of section {section}"));
        };
        let place = (feature.section, feature.key);
        if value.as_str() == Some("unknown") {
            unknown.push(place);
        } else {
            cells.insert(place, cell(&at, &feature, (value, sources))?);
        }
    }
    Ok(())
}

fn cell(
    at: &At<'_>,
    feature: &Feature,
    (value, sources): (&Value, &BTreeMap<String, Source>),
) -> Read<Cell> {
    let Some(table) = value.as_table() else {
        return at.wrong("expected { is = .., source = \"..\" } or \"unknown\"");
    };
    only(at, table, &["is", "source", "table", "date"])?;
    let key = text_of(at, table, "source")?;
    let Some(source) = sources.get(&key) else {
        return at.key("source").wrong(format!("there is no [source.{key}] in this file"));
    };
    let is = table.get("is").map_or_else(|| at.key("is").wrong("is missing"), Ok)?;
    Ok(Cell {
        is: prediction(&at.key("is"), feature.kind, is)?,
        date: if table.contains_key("date") { date(at, table)? } else { source.date.clone() },
        table: if table.contains_key("table") {
            text_of(at, table, "table")?
        } else {
            String::new()
        },
        source: key,
    })
}

fn prediction(at: &At<'_>, kind: Kind, value: &Value) -> Read<Prediction> {
    Ok(match kind {
        Kind::Vector => Prediction::Vector(match value.as_str() {
            Some("censored") => true,
            Some("bypass") => false,
            _ => return at.wrong("expected \"censored\" or \"bypass\""),
        }),
        Kind::Flag => Prediction::Flag(
            value.as_bool().map_or_else(|| at.wrong("expected true or false"), Ok)?,
        ),
        Kind::Ranges(most) => Prediction::Ranges(each(at, value, |at, it| range(at, it, most))?),
        Kind::Words(known) => Prediction::Words(each(at, value, |at, it| word(at, it, known))?),
        Kind::Texts => Prediction::Texts(each(at, value, as_text)?),
        Kind::Hex => Prediction::Hex(each(at, value, hex)?),
        Kind::Bytes => Prediction::Words(each(at, value, bytes)?),
        Kind::Networks => Prediction::Networks(each(at, value, network)?),
        Kind::Boundary => boundary(at, value)?,
        Kind::SeedKey => Prediction::SeedKey(match (value.as_str(), value.as_integer()) {
            (Some("none"), _) => None,
            (_, Some(key @ 1..=4096)) => Some(key as u16),
            _ => return at.wrong("expected a number from 1 to 4096, or \"none\""),
        }),
    })
}

fn number(at: &At<'_>, value: &Value, most: u64) -> Read<u64> {
    let number = value.as_integer().and_then(|it| u64::try_from(it).ok());
    let number = number.filter(|number| *number <= most);
    number.map_or_else(|| at.wrong(format!("expected a number from 0 to {most}")), Ok)
}

fn range(at: &At<'_>, value: &Value, most: u64) -> Read<(u64, u64)> {
    match value.as_array().map(Vec::as_slice) {
        Some([low, high]) => {
            let (low, high) = (number(at, low, most)?, number(at, high, most)?);
            if low > high { at.wrong("ends before it begins") } else { Ok((low, high)) }
        }
        _ => at.wrong("expected a range, [low, high]"),
    }
}

fn word(at: &At<'_>, value: &Value, known: &[&str]) -> Read<String> {
    match value.as_str() {
        Some(word) if known.contains(&word) => Ok(word.to_owned()),
        _ => at.wrong(format!("expected one of {}", known.join(", "))),
    }
}

fn hex(at: &At<'_>, value: &Value) -> Read<u16> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let word = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    word.map_or_else(|| at.wrong("expected a 16-bit word, as \"0x8180\""), Ok)
}

fn bytes(at: &At<'_>, value: &Value) -> Read<String> {
    let is_hex = |text: &&str| {
        *text == "none"
            || text.len().is_multiple_of(2)
                && (2..=512).contains(&text.len())
                && text.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
    };
    let text = value.as_str().filter(is_hex).map(str::to_owned);
    text.map_or_else(|| at.wrong("expected \"none\" or bytes in lower-case hexadecimal"), Ok)
}

fn network(at: &At<'_>, value: &Value) -> Read<(u32, u8)> {
    let parsed = value.as_str().and_then(|text| {
        let (address, bits) = text.split_once('/')?;
        let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
        let bits: u8 = bits.parse().ok()?;
        (bits <= 32 && address.checked_shl(bits.into()).unwrap_or(0) == 0)
            .then_some((address, bits))
    });
    parsed.map_or_else(|| at.wrong("expected a network of IPv4, as \"10.0.0.0/8\""), Ok)
}

fn boundary(at: &At<'_>, value: &Value) -> Read<Prediction> {
    let text = value.as_str().and_then(|text| text.strip_prefix(">="));
    let (at, or_more) = match text {
        Some(digits) => match digits.parse() {
            Ok(number @ 1..=8192) => (number, true),
            _ => return at.wrong("expected \">=N\" with N from 1 to 8192"),
        },
        None => (number(at, value, 8192)?, false),
    };
    Ok(Prediction::Boundary { at, or_more })
}

fn configurations(
    at: &At<'_>,
    table: &Table,
    sources: &BTreeMap<String, Source>,
) -> Read<Vec<Configuration>> {
    let Some(value) = table.get("configuration") else { return Ok(Vec::new()) };
    each(&at.key("configuration"), value, |at, value| {
        let table = as_table(at, value)?;
        only(at, table, &["name", "section", "cells"])?;
        let name = text_of(at, table, "name")?;
        let wanted = text_of(at, table, "section")?;
        let Some(section) = SECTIONS.into_iter().find(|it| *it == wanted) else {
            return at.key("section").wrong(format!("expected one of {}", SECTIONS.join(", ")));
        };
        let at = at.key("cells");
        let keys = table.get("cells").map_or_else(|| at.wrong("is missing"), Ok)?;
        let (mut cells, mut unknown) = (Cells::new(), Vec::new());
        let keys = as_table(&at, keys)?;
        section_cells(&at, section, (keys, sources), (&mut cells, &mut unknown))?;
        if cells.is_empty() || !unknown.is_empty() {
            return at.wrong("a configuration has known cells only, and one at least");
        }
        Ok(Configuration { name, section, cells })
    })
}

fn documentary(at: &At<'_>, table: &Table) -> Read<Vec<Claim>> {
    let Some(value) = table.get("documentary") else { return Ok(Vec::new()) };
    each(&at.key("documentary"), value, |at, value| {
        let table = as_table(at, value)?;
        only(at, table, &["claim", "grade", "source", "date"])?;
        Ok(Claim {
            claim: text_of(at, table, "claim")?,
            grade: grade(at, table)?,
            src: text_of(at, table, "source")?,
            date: date(at, table)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
id = "MADE_UP"
name = "A device"
about = "Made up."

[source.PAPER]
title = "A paper"
date = "2024-05"
grade = "B"

[dns]
flags = { is = ["0x8180"], source = "PAPER" }
pointer_17 = "unknown"

[ip]
fragment_boundary = { is = ">=500", source = "PAPER", date = "2023/2024" }

[tls]
"message_len:half" = { is = "censored", source = "PAPER" }

[[configuration]]
name = "older"
section = "tls"

[configuration.cells]
"message_len:half" = { is = "bypass", source = "PAPER" }
"#;

    #[test]
    fn a_cell_has_its_source_and_its_date() {
        let profile = Profile::parse("made-up.toml", GOOD).unwrap();
        let flags = profile.cell("dns", "flags", 0).unwrap();
        assert_eq!((flags.source.as_str(), flags.date.as_str()), ("PAPER", "2024-05"));
        assert_eq!(flags.is, Prediction::Hex(vec![0x8180]));
        let boundary = profile.cell("ip", "fragment_boundary", 0).unwrap();
        assert_eq!(boundary.date, "2023/2024");
        assert_eq!(boundary.is, Prediction::Boundary { at: 500, or_more: true });
        assert_eq!(profile.unknown, [("dns", "pointer_17")]);
        assert!(profile.cell("dns", "pointer_17", 0).is_none());
        let half = |configuration| profile.cell("tls", "message_len:half", configuration).unwrap();
        assert_eq!(half(0).is, Prediction::Vector(true));
        assert_eq!(half(1).is, Prediction::Vector(false));
        assert_eq!(profile.configurations_of("tls"), ["usual", "older"]);
        assert_eq!(profile.configurations_of("dns"), ["usual"]);
    }

    #[test]
    fn errors_name_file_and_key() {
        for (from, to, says) in [
            ("name = \"A device\"", "", "x.toml: name: is missing"),
            ("MADE_UP", "made up", "x.toml: id: expected capital letters"),
            ("MADE_UP", "NONE", "x.toml: id: UNKNOWN and NONE stand for no device"),
            ("about =", "abuot =", "x.toml: abuot: unknown key; known are id"),
            ("[dns]", "[dsn]", "x.toml: dsn: unknown key"),
            ("flags =", "flag =", "x.toml: dns.flag: unknown key of section dns"),
            ("source = \"PAPER\", date", "date", "x.toml: ip.fragment_boundary.source: is missing"),
            ("is = \">=500\", ", "", "x.toml: ip.fragment_boundary.is: is missing"),
            ("\">=500\"", "\"many\"", "x.toml: ip.fragment_boundary.is: expected a number"),
            (
                "\">=500\"",
                "9000",
                "x.toml: ip.fragment_boundary.is: expected a number from 0 to 8192",
            ),
            ("\">=500\"", "\">=0\"", "x.toml: ip.fragment_boundary.is: expected \">=N\""),
            (
                "source = \"PAPER\" }\npointer",
                "source = \"P\" }\npointer",
                "x.toml: dns.flags.source: there is no [source.P]",
            ),
            ("[\"0x8180\"]", "[\"0x18180\"]", "x.toml: dns.flags.is[0]: expected a 16-bit word"),
            ("[\"0x8180\"]", "\"0x8180\"", "x.toml: dns.flags.is: expected a list"),
            ("[\"0x8180\"]", "[]", "x.toml: dns.flags.is: is empty"),
            (
                "{ is = [\"0x8180\"], source = \"PAPER\" }",
                "\"0x8180\"",
                "x.toml: dns.flags: expected { is = .., source",
            ),
            (
                "date = \"2024-05\"",
                "date = \"2024-13\"",
                "x.toml: source.PAPER.date: expected YYYY",
            ),
            ("date = \"2024-05\"", "", "x.toml: source.PAPER.date: is missing"),
            ("grade = \"B\"", "grade = \"E\"", "x.toml: source.PAPER.grade: expected A, B, C or D"),
            (
                "\"censored\"",
                "\"dropped\"",
                "x.toml: tls.\"message_len:half\".is: expected \"censored\"",
            ),
            (
                "\"message_len:half\" = { is = \"censored\"",
                "\"message_len:third\" = { is = \"censored\"",
                "x.toml: tls.\"message_len:third\": unknown key",
            ),
            (
                "section = \"tls\"",
                "section = \"ssl\"",
                "x.toml: configuration[0].section: expected one of dns",
            ),
            (
                "is = \"bypass\"",
                "is = 1",
                "x.toml: configuration[0].cells.\"message_len:half\".is: expected",
            ),
            ("id = ", "id == ", "x.toml: TOML parse error at line 2"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from} is not there");
            let error = Profile::parse("x.toml", &text).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}\nexpected {says}");
        }
    }

    #[test]
    fn values_keep_to_their_ranges() {
        let at = At { file: "x.toml", key: "k".to_owned() };
        let read = |kind, value: &str| {
            let table: Table = toml::from_str(&format!("k = {value}")).unwrap();
            prediction(&at, kind, &table["k"]).map_err(|error| error.to_string())
        };
        let network = Prediction::Networks(vec![(0x0a00_0000, 8)]);
        assert_eq!(read(Kind::Networks, "[\"10.0.0.0/8\"]"), Ok(network));
        let range = Prediction::Ranges(vec![(3, 3), (5, 9)]);
        assert_eq!(read(Kind::Ranges(9), "[[3, 3], [5, 9]]"), Ok(range));
        for (kind, value) in [
            (Kind::Networks, "[\"10.0.0.1/8\"]"),
            (Kind::Networks, "[\"10.0.0.0/33\"]"),
            (Kind::Ranges(255), "[[0, 256]]"),
            (Kind::Ranges(255), "[[9, 8]]"),
            (Kind::Ranges(255), "[[-1, 8]]"),
            (Kind::Ranges(255), "[[1, 2, 3]]"),
            (Kind::SeedKey, "0"),
            (Kind::SeedKey, "4097"),
            (Kind::Bytes, "[\"0\"]"),
            (Kind::Bytes, "[\"FF\"]"),
            (Kind::Flag, "\"yes\""),
            (Kind::Words(&["rst"]), "[\"reset\"]"),
            (Kind::Texts, "[\"\"]"),
            (Kind::Texts, "[\"a\\u0007\"]"),
        ] {
            assert!(read(kind, value).is_err(), "{kind:?} {value}");
        }
        let long = format!("[{}\"none\"]", "\"none\", ".repeat(MAX_ITEMS));
        assert!(read(Kind::Bytes, &long).is_err());
        let huge = "#".repeat(MAX_BYTES + 1);
        assert!(matches!(Profile::parse("x", &huge), Err(ProfileError::TooLong { .. })));
    }
}
