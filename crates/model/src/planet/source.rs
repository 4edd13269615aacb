//! What the path of a file tells: which scan, which service, which of its files, and the day.

use super::time;

/// The two kinds of scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scan {
    /// Quack and hyperquack.
    Hyperquack,
    /// Satellite.
    Satellite,
}

/// What hyperquack sends its keyword to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Echo (RFC 862): sends back what it gets.
    Echo,
    /// Discard (RFC 863): says nothing.
    Discard,
    /// A web server.
    Http,
    /// A web server over TLS.
    Https,
}

impl Service {
    /// The word that stands for it in `service` and in names of files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Discard => "discard",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The service of this word, in any case.
    pub fn of(word: &str) -> Option<Self> {
        let all = [Self::Echo, Self::Discard, Self::Http, Self::Https];
        all.into_iter().find(|service| service.word().eq_ignore_ascii_case(word))
    }

    /// The service on this port (IANA).
    pub const fn on_port(port: u16) -> Option<Self> {
        match port {
            7 => Some(Self::Echo),
            9 => Some(Self::Discard),
            80 => Some(Self::Http),
            443 => Some(Self::Https),
            _ => None,
        }
    }
}

/// Which file of a scan it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The rows themselves: `results.json`, `interference.json`, `interference_err.json`, `answers_err.json`.
    Results,
    /// What control resolvers answered: `answers_control.json`, `responses_control.json`.
    Controls,
    /// `resolvers.json`, `tagged_resolvers.json`.
    Resolvers,
    /// `tagged_answers.json`, `tagged_responses.json`.
    Tags,
    /// `blockpages.json`.
    Pages,
    /// `control_pages.json`.
    ControlPages,
    /// `resolver_info.json`, `resolvers_profile.json`.
    Profiles,
}

impl Role {
    /// True for a file that must be read before the rows it helps to judge.
    pub const fn is_side(self) -> bool {
        !matches!(self, Self::Results)
    }
}

/// I am what a path tells. Everything in me may be missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Source {
    /// Which kind of scan.
    pub scan: Option<Scan>,
    /// Which service.
    pub service: Option<Service>,
    /// Which file.
    pub role: Option<Role>,
    /// When the scan began, microseconds since 1970: the date (and time, where it has one) in the name of a folder or
    /// file, taken as UTC. Satellite v1 has no other time.
    pub started_us: Option<i64>,
}

impl Source {
    /// Reads a path: `.../CP_Quack-echo-2020-11-14-07-54-47/results.json`. Folders count as the file's name does; where
    /// two words contradict each other, the last one holds.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or("");
        let mut source = Self { role: role(name), started_us: date(path), ..Self::default() };
        for word in path.split(|c: char| !c.is_ascii_alphanumeric()) {
            let lower = word.to_ascii_lowercase();
            if lower.starts_with("satellite") {
                source.scan = Some(Scan::Satellite);
            } else if lower.starts_with("quack") || lower.starts_with("hyperquack") {
                source.scan = Some(Scan::Hyperquack);
            } else if let Some(service) = Service::of(&lower) {
                source.service = Some(service);
            }
        }
        source
    }
}

fn role(name: &str) -> Option<Role> {
    let stem = name.split('.').next().unwrap_or("").to_ascii_lowercase();
    let exact = NAMES.iter().find(|(known, _)| *known == stem).map(|(_, role)| *role);
    exact.or_else(|| stem.contains("results").then_some(Role::Results))
}

const NAMES: &[(&str, Role)] = &[
    ("results", Role::Results),
    ("interference", Role::Results),
    ("interference_err", Role::Results),
    ("answers", Role::Results),
    ("answers_err", Role::Results),
    ("answers_control", Role::Controls),
    ("responses_control", Role::Controls),
    ("resolvers", Role::Resolvers),
    ("tagged_resolvers", Role::Resolvers),
    ("tagged_answers", Role::Tags),
    ("tagged_responses", Role::Tags),
    ("blockpages", Role::Pages),
    ("control_pages", Role::ControlPages),
    ("resolver_info", Role::Profiles),
    ("resolvers_profile", Role::Profiles),
];

/// The last `YYYY-MM-DD` of a path, with `-HH-MM-SS` behind it where it is there.
fn date(path: &str) -> Option<i64> {
    let bytes = path.as_bytes();
    (0..bytes.len()).rev().find_map(|at| {
        let starts_word =
            at == 0 || bytes.get(at - 1).is_some_and(|before| !before.is_ascii_digit());
        let text = path.get(at..)?;
        let day = text.get(..10)?;
        if !starts_word || time::micros(day).is_none() {
            return None;
        }
        let clock = text.get(10..19).and_then(|clock| {
            let clock = clock.strip_prefix('-')?.replace('-', ":");
            time::micros(&format!("{day}T{clock}"))
        });
        clock.or_else(|| time::micros(day))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let source = Source::of("raw/CP_Quack-echo-2020-11-14-07-54-47/results.json.gz");
        assert_eq!(source.scan, Some(Scan::Hyperquack));
        assert_eq!(source.service, Some(Service::Echo));
        assert_eq!(source.role, Some(Role::Results));
        // date -u -d '2020-11-14 07:54:47' +%s
        assert_eq!(source.started_us, Some(1_605_340_487_000_000));

        let source = Source::of("Satellitev1_2018-08-03/answers_control.json");
        assert_eq!((source.scan, source.role), (Some(Scan::Satellite), Some(Role::Controls)));
        assert_eq!(source.started_us, Some(1_533_254_400_000_000));

        let source = Source::of("https/CP-Quack-discard\\discard_results_v2.json");
        assert_eq!((source.service, source.role), (Some(Service::Discard), Some(Role::Results)));
        assert_eq!(Source::of(""), Source::default());
        assert_eq!(Source::of("x/notes.txt").role, None);
        assert_eq!(Source::of("é-2021-13-40/y").started_us, None);
    }

    #[test]
    fn every_named_file_has_its_role() {
        for (name, expected) in NAMES {
            assert_eq!(Source::of(&format!("a/{name}.json")).role, Some(*expected));
        }
        assert!(Role::Tags.is_side() && !Role::Results.is_side());
    }
}
