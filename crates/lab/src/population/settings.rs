//! What a country is made of: counts of everything, checked before anything is made.
//!
//! `default.toml` beside this file has every key with its default; `docs/population.md` explains them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A country, its volunteers and what is planted. Every number is invented unless `docs/population.md` says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where chance begins. The same settings give the same bytes.
    pub seed: u64,
    /// Two letters. `XA` to `XZ` are nobody's (ISO 3166-1, user-assigned).
    pub country: String,
    /// The first second, since 1970; a whole day.
    pub begin_s: i64,
    /// Local time less UTC, hours, -12 to 14: people sleep at night.
    pub utc_offset_hours: i32,
    /// Days of measurements, 1 to 3,660.
    pub days: u32,
    /// Networks, 1 to 1,000. Sizes fall as one over rank.
    pub networks: u32,
    /// Volunteers, at least three a network.
    pub volunteers: u32,
    /// Targets, 100 to 10,000,000. Popularity falls about as one over rank.
    pub targets: u32,
    /// Pairs of network and target that are measured densely.
    pub dense_cells: u32,
    /// Measurements a day of a dense cell, on average: 1 to 10,000.
    pub dense_per_day: u32,
    /// Measurements a day of all else together.
    pub sparse_per_day: u32,
    /// How many of a million measurements arrive hours to days late.
    pub late_per_million: u32,
    /// What is planted to be found.
    pub planted: Counts,
    /// What is planted to be told apart from it.
    pub non_events: NonEventCounts,
    /// How often a judge is wrong, or has nothing to say.
    pub noise: Noise,
}

/// How many events of every kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Counts {
    /// Blocks on every network.
    pub national_blocks: u32,
    /// Blocks on one to three networks.
    pub network_blocks: u32,
    /// Blocks that meet 15 to 45 of 100 measurements.
    pub partial_blocks: u32,
    /// Throttling below use, 60 to 90 of 100.
    pub throttlings: u32,
    /// Lists of many targets, blocked at once on every network.
    pub list_blocks: u32,
    /// Links on such a list, at most; a list has half of them or more.
    pub list_targets: u32,
    /// Blocks in force from the beginning, and then lifted.
    pub unblocks: u32,
    /// Blocks in force from the beginning that begin to be done otherwise.
    pub mechanism_changes: u32,
    /// Networks, or all of them, cut off.
    pub shutdowns: u32,
    /// Blocks in force from before the beginning to after the end: nothing happens to them.
    pub standing_blocks: u32,
}

/// How many of what is no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NonEventCounts {
    /// A site's names move to other addresses.
    pub cdn_moves: u32,
    /// Sites that are down for everybody.
    pub server_outages: u32,
    /// Hours in which nobody gets a control.
    pub control_outages: u32,
    /// One network's resolver answers wrongly for whatever it is asked.
    pub broken_resolvers: u32,
    /// One volunteer whose line reports everything blocked.
    pub bad_volunteers: u32,
    /// A network whose volunteers measure less, for days.
    pub volume_dips: u32,
    /// Volunteers whose IPv6 does not work.
    pub broken_ipv6: u32,
    /// Volunteers who are behind a login page on some days.
    pub captive_portals: u32,
    /// Volunteers whose clock is hours off.
    pub wrong_clocks: u32,
}

/// A judge's errors, each per million measurements. Networks differ: each has a fifth of these or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Noise {
    /// `blocked` where nothing is.
    pub false_blocked_per_million: u32,
    /// `down` where nothing is.
    pub false_down_per_million: u32,
    /// `insufficient`.
    pub insufficient_per_million: u32,
}

/// A mistake in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The key, with its table: `planted.list_targets`. Empty where no key is to blame.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

impl SettingsError {
    pub(super) fn at(key: &str, expected: impl Into<String>) -> Self {
        Self { key: key.to_owned(), expected: expected.into() }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Every key with its default, as TOML.
    pub const DEFAULT_TOML: &'static str = include_str!("default.toml");

    /// Reads settings; keys that are not there have their defaults. They are checked by [`Settings::check`].
    ///
    /// # Errors
    /// Text that is not such settings, with the key where one is to blame.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        if text.len() > MAX_TEXT {
            return Err(SettingsError::at("", format!("at most {MAX_TEXT} bytes")));
        }
        toml::from_str(text).map_err(|error| {
            let line_end = error.span().map_or(0, |span| span.start);
            let before = text.get(..line_end).unwrap_or_default();
            let line = text.lines().nth(before.matches('\n').count()).unwrap_or_default();
            let key = line.split('=').next().unwrap_or_default().trim();
            let table = before.lines().rev().find_map(|it| it.trim().strip_prefix('['));
            let table = table.and_then(|it| it.split(']').next());
            let key = table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}"));
            let message = error.message().replace('\n', " ");
            SettingsError { key, expected: format!("settings of docs/population.md ({message})") }
        })
    }

    /// Checks every key alone and against the others.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.ranges()?;
        if self.country.len() != 2 || !self.country.bytes().all(|it| it.is_ascii_uppercase()) {
            return Err(SettingsError::at("country", "two capital letters"));
        }
        if self.begin_s % DAY_S != 0 || !(0..=MAX_BEGIN_S).contains(&self.begin_s) {
            return Err(SettingsError::at("begin_s", "midnight of a day of 1970 to 2999"));
        }
        if !(-12..=14).contains(&self.utc_offset_hours) {
            return Err(SettingsError::at("utc_offset_hours", "-12 to 14"));
        }
        let daily = u64::from(self.dense_cells) * u64::from(self.dense_per_day);
        if daily + u64::from(self.sparse_per_day) > MAX_DAILY {
            let expected = format!("at most {MAX_DAILY} measurements a day, dense and sparse");
            return Err(SettingsError::at("dense_per_day", expected));
        }
        let kinds = &self.planted;
        if kinds.list_blocks > 0 && kinds.list_targets > self.targets {
            return Err(SettingsError::at("planted.list_targets", "at most `targets`"));
        }
        if self.dense_cells == 0 && (kinds.total() > 0 || self.non_events.of_targets() > 0) {
            let expected = "more than 0 where something is planted: nobody could see it";
            return Err(SettingsError::at("dense_cells", expected));
        }
        if kinds.total() > 0 && self.days < MIN_DAYS {
            let expected = format!("at least {MIN_DAYS} where something is planted");
            return Err(SettingsError::at("days", expected));
        }
        Ok(())
    }

    fn ranges(&self) -> Result<(), SettingsError> {
        let cells = u64::from(self.networks) * u64::from(self.targets);
        let cells = u32::try_from(cells / 6).unwrap_or(u32::MAX);
        let (planted, others, noise) = (&self.planted, &self.non_events, &self.noise);
        let faulty = [
            ("broken_ipv6", others.broken_ipv6),
            ("captive_portals", others.captive_portals),
            ("wrong_clocks", others.wrong_clocks),
            ("bad_volunteers", others.bad_volunteers),
        ];
        let ranges = [
            ("days", self.days, 1, 3_660),
            ("networks", self.networks, 1, 1_000),
            ("volunteers", self.volunteers, self.networks.saturating_mul(3), 1_000_000),
            ("targets", self.targets, 100, 10_000_000),
            ("dense_cells", self.dense_cells, 0, cells.min(MAX_CELLS)),
            ("dense_per_day", self.dense_per_day, 1, 10_000),
            ("late_per_million", self.late_per_million, 0, 500_000),
            ("planted.list_targets", planted.list_targets, 1, 10_000_000),
            ("noise.false_blocked_per_million", noise.false_blocked_per_million, 0, 50_000),
            ("noise.false_down_per_million", noise.false_down_per_million, 0, 50_000),
            ("noise.insufficient_per_million", noise.insufficient_per_million, 0, 500_000),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(SettingsError::at(key, format!("{least} to {most}")));
            }
        }
        let counts = planted.all().into_iter().map(|(key, count)| ("planted", key, count));
        let counts =
            counts.chain(others.all().into_iter().map(|(key, it)| ("non_events", key, it)));
        for (table, key, count) in counts {
            if count > MAX_COUNT {
                let expected = format!("at most {MAX_COUNT}");
                return Err(SettingsError::at(&format!("{table}.{key}"), expected));
            }
        }
        // One volunteer of each network has no fault, and each has one at most.
        let room = self.volunteers / 4;
        for (key, value) in faulty {
            if value > room / 4 {
                let expected = format!("at most a sixteenth of `volunteers`, {}", room / 4);
                return Err(SettingsError::at(&format!("non_events.{key}"), expected));
            }
        }
        Ok(())
    }
}

impl Counts {
    /// Events to be found: all but what stands.
    pub fn total(&self) -> u32 {
        let to_find = self.all().into_iter().filter(|(key, _)| *key != "standing_blocks");
        to_find.fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Every count with its key.
    fn all(&self) -> [(&'static str, u32); 9] {
        [
            ("national_blocks", self.national_blocks),
            ("network_blocks", self.network_blocks),
            ("partial_blocks", self.partial_blocks),
            ("throttlings", self.throttlings),
            ("list_blocks", self.list_blocks),
            ("unblocks", self.unblocks),
            ("mechanism_changes", self.mechanism_changes),
            ("shutdowns", self.shutdowns),
            ("standing_blocks", self.standing_blocks),
        ]
    }
}

impl NonEventCounts {
    fn of_targets(&self) -> u32 {
        self.cdn_moves.saturating_add(self.server_outages)
    }

    /// Every count with its key.
    fn all(&self) -> [(&'static str, u32); 9] {
        [
            ("cdn_moves", self.cdn_moves),
            ("server_outages", self.server_outages),
            ("control_outages", self.control_outages),
            ("broken_resolvers", self.broken_resolvers),
            ("bad_volunteers", self.bad_volunteers),
            ("volume_dips", self.volume_dips),
            ("broken_ipv6", self.broken_ipv6),
            ("captive_portals", self.captive_portals),
            ("wrong_clocks", self.wrong_clocks),
        ]
    }
}

/// Seconds of a day.
pub(super) const DAY_S: i64 = 86_400;

/// Seconds of an hour.
pub(super) const HOUR_S: i64 = 3_600;

/// An event needs days before it and after it.
const MIN_DAYS: u32 = 10;

/// Measurements a day. What is in memory at once is a quarter of an hour of them.
const MAX_DAILY: u64 = 50_000_000;

/// Of dense cells: the plan is held in memory.
pub(super) const MAX_CELLS: u32 = 200_000;

/// Of each kind of event: the plan is held in memory.
const MAX_COUNT: u32 = 10_000;

/// Midnight of 2999-12-31.
const MAX_BEGIN_S: i64 = 32_503_593_600;

/// Bytes of a settings file.
const MAX_TEXT: usize = 1 << 16;
