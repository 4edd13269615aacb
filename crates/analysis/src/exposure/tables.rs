//! Known services and field names: data files, a source on each row.

use std::collections::{BTreeMap, BTreeSet};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Push messages.
    Push,
    /// A check whether the network works.
    Check,
    /// A messenger.
    Messenger,
    /// An encrypted resolver.
    Resolver,
    /// A VPN provider.
    Vpn,
    /// Telemetry of apps.
    Telemetry,
    /// Updates.
    Update,
}

/// A row of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// What it is.
    pub kind: Kind,
    /// Its name, for people.
    pub label: &'static str,
}

/// The tables that come with the program.
#[derive(Debug)]
pub struct Tables {
    services: BTreeMap<&'static str, Service>,
    fields: BTreeMap<&'static str, &'static str>,
    secrets: BTreeSet<&'static str>,
}

impl Tables {
    /// Reads them; rows that are none are left out, and a test says that there are none.
    pub fn shipped() -> Self {
        let services = rows(SERVICES).filter_map(|[kind, name, label, _]| {
            Some((name, Service { kind: kind_of(kind)?, label }))
        });
        let fields = rows(FIELDS).map(|[name, what, _]| (name, what));
        let secrets = rows(SECRETS).map(|[name, _]| name);
        Self { services: services.collect(), fields: fields.collect(), secrets: secrets.collect() }
    }

    /// The service of a name, or of the longest part of its end that is one.
    pub fn service(&self, name: &str) -> Option<Service> {
        let mut rest = name.get(..name.len().min(512))?;
        loop {
            if let Some(service) = self.services.get(rest) {
                return Some(*service);
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// What a field of this name holds, if it identifies a person or a device.
    pub fn field(&self, name: &str) -> Option<&'static str> {
        self.fields.get(plain(name).as_str()).copied()
    }

    /// True if a field of this name holds a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(plain(name).as_str())
    }
}

/// Lower case, without what people join words with.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).take(24);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn rows<const COLUMNS: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; COLUMNS]> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.splitn(COLUMNS, ',').collect::<Vec<_>>().try_into().ok())
}

fn kind_of(word: &str) -> Option<Kind> {
    Some(match word {
        "push" => Kind::Push,
        "check" => Kind::Check,
        "messenger" => Kind::Messenger,
        "resolver" => Kind::Resolver,
        "vpn" => Kind::Vpn,
        "telemetry" => Kind::Telemetry,
        "update" => Kind::Update,
        _ => return None,
    })
}

const SERVICES: &str = include_str!("data/services.csv");
const FIELDS: &str = include_str!("data/fields.csv");
const SECRETS: &str = include_str!("data/secrets.csv");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_has_a_source() {
        let tables = Tables::shipped();
        let count = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(tables.services.len(), count(SERVICES));
        assert_eq!(tables.fields.len(), count(FIELDS));
        assert_eq!(tables.secrets.len(), count(SECRETS));
        let sources = rows::<4>(SERVICES).map(|[.., source]| source);
        let sources = sources.chain(rows::<3>(FIELDS).map(|[.., source]| source));
        for source in sources.chain(rows::<2>(SECRETS).map(|[.., source]| source)) {
            let is_one = ["https://", "general public knowledge", "RFC "];
            assert!(is_one.iter().any(|start| source.starts_with(start)), "{source}");
        }
    }

    #[test]
    fn names_are_found_by_their_end() {
        let tables = Tables::shipped();
        assert_eq!(tables.service("mmx-ds.cdn.whatsapp.net").map(|it| it.label), Some("WhatsApp"));
        assert_eq!(tables.service("1-courier.push.apple.com").map(|it| it.kind), Some(Kind::Push));
        for name in ["notwhatsapp.net", "net", "", "example.org"] {
            assert_eq!(tables.service(name), None);
        }
        assert_eq!(tables.field("Android_ID"), Some("Android ID"));
        assert!(tables.is_secret("Access-Token") && !tables.is_secret("q"));
    }
}
