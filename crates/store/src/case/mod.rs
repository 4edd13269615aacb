//! What the archive answers to a question, counted: the ground of a report ([`wirewitness_model::case`]).
//!
//! Every list has a bound, every order is whole, and nothing that names who measured is asked for: the same commit gives the same [`Case`].
//! In reading order: `sql`: the questions. `cells`: answers as plain values. `events`: statements that touch the question.

mod cells;
mod events;
mod sql;

use wirewitness_model::case::{
    Case, Judge, Listed, Measured, Mechanism, Network, Question, Rule, Source, Tally, Target,
};

use crate::archive::Archive;
use crate::query::{QueryError, Session};
use crate::table::sha256;
use cells::Row;

/// Most rows of `measurements` that may be asked for.
pub const MOST_LISTED: usize = 10_000;

/// Asks one commit of the archive.
///
/// # Errors
/// The question names no country, network, name or day that can be; the archive cannot be read.
pub async fn read_case(
    archive: &Archive,
    session: &Session,
    question: &Question,
) -> Result<Case, QueryError> {
    let filter = sql::Filter::of(question)?;
    let asked = Asked { session, filter: &filter };
    let mut case = Case { question: question.clone(), commit: archive.commit(), ..Case::default() };
    asked.totals(&mut case).await?;
    case.origins = asked.all(sql::ORIGINS, |row| (row.text(0), row.number(1))).await?;
    case.timeline = asked.all(sql::TIMELINE, |row| (row.signed(0), tally(row, 1))).await?;
    case.networks.rows = asked.networks().await?;
    case.targets.rows = asked.all(sql::TARGETS, target).await?;
    case.mechanisms = asked.all(sql::MECHANISMS, mechanism).await?;
    case.rules = asked.all(sql::RULES, rule).await?;
    case.cannot_tell = asked.all(sql::CANNOT_TELL, |row| (row.text(0), row.number(1))).await?;
    case.judges = asked.judges().await?;
    case.sources = asked.sources().await?;
    case.events = events::read(session, question).await?;
    let listed = question.listed.min(MOST_LISTED);
    let list = sql::MEASUREMENTS.replace("{LISTED}", &listed.to_string());
    case.measurements.rows = asked.all(&list, measured).await?;
    Ok(case)
}

struct Asked<'a> {
    session: &'a Session,
    filter: &'a sql::Filter,
}

impl Asked<'_> {
    async fn all<T>(&self, sql: &str, of: impl Fn(&Row<'_>) -> T) -> Result<Vec<T>, QueryError> {
        let mut rows = Vec::new();
        for batch in self.session.rows(&self.filter.put_into(sql)).await? {
            rows.extend(cells::rows(&batch, &of)?);
        }
        Ok(rows)
    }

    async fn totals(&self, case: &mut Case) -> Result<(), QueryError> {
        let totals = self.all(sql::TOTALS, |row| {
            let days = row.optional(10).zip(row.optional(11));
            (tally(row, 0), [7, 8, 9, 12, 13].map(|at| row.number(at)), days)
        });
        for (total, [countries, networks, targets, blocking, blocked], days) in totals.await? {
            (case.total, case.countries, case.days) = (total, countries, days);
            (case.networks.all, case.targets.all) = (networks, targets);
            (case.blocking_networks, case.blocked_targets) = (blocking, blocked);
            case.measurements.all = total.all();
        }
        Ok(())
    }

    async fn networks(&self) -> Result<Vec<Network>, QueryError> {
        let mut networks = self.all(sql::NETWORKS, network).await?;
        let names = self.all(sql::NETWORK_NAMES, |row| (row.optional(0), row.text(1))).await?;
        for network in &mut networks {
            let asn = network.asn.map(i64::from);
            let name = names.iter().find(|(number, _)| *number == asn);
            network.name = name.map(|(_, name)| name.clone()).filter(|name| !name.is_empty());
        }
        Ok(networks)
    }

    /// Which judges gave the verdicts, and what the files of the archive say of them.
    async fn judges(&self) -> Result<Vec<Judge>, QueryError> {
        let described = self.all(sql::JUDGES_DESCRIBED, |row| row.text(0)).await?;
        let mut judges = self
            .all(sql::JUDGES, |row| Judge {
                name: row.text(0),
                count: row.number(1),
                ..Judge::default()
            })
            .await?;
        for text in described {
            let name: String = sha256(text.as_bytes()).chars().take(16).collect();
            if let Some(judge) = judges.iter_mut().find(|judge| judge.name == name) {
                describe(judge, &text);
            }
        }
        Ok(judges)
    }

    async fn sources(&self) -> Result<Listed<Source>, QueryError> {
        let all = self.all(sql::SOURCES_COUNTED, |row| row.number(0)).await?;
        let rows = self.all(sql::SOURCES, |row| Source {
            sha256: row.text(0),
            bytes: row.number(1),
            format: row.text(2),
            records: row.number(3),
            refused: row.number(4),
        });
        Ok(Listed { rows: rows.await?, all: all.into_iter().sum() })
    }
}

/// What the ledger says of a judge: program, hash of its rules, files.
fn describe(judge: &mut Judge, text: &str) {
    let Ok(said) = serde_json::from_str::<serde_json::Value>(text) else { return };
    let word = |value: &serde_json::Value, key: &str| {
        value.get(key).and_then(|it| it.as_str()).unwrap_or_default().to_owned()
    };
    judge.program = Some((word(&said, "program"), word(&said, "rules")));
    for kind in ["fingerprints", "asn"] {
        let files = said.get(kind).and_then(|it| it.as_array());
        judge.files.extend(
            files.into_iter().flatten().map(|file| (word(file, "name"), word(file, "sha256"))),
        );
    }
}

/// `ok, down, blocked, insufficient, vantages, networks, targets`, from this column on.
fn tally(row: &Row<'_>, from: usize) -> Tally {
    Tally {
        ok: row.number(from),
        down: row.number(from + 1),
        blocked: row.number(from + 2),
        insufficient: row.number(from + 3),
        vantages: row.number(from + 4),
        networks: row.number(from + 5),
        targets: row.number(from + 6),
    }
}

fn network(row: &Row<'_>) -> Network {
    Network {
        country: row.text(0),
        asn: row.asn(1),
        name: None,
        tally: tally(row, 2),
        witnesses: row.number(9),
        confidence: [row.number(10), row.number(11), row.number(12)],
        targets_blocked: row.number(13),
        days: (row.signed(14), row.signed(15)),
    }
}

fn target(row: &Row<'_>) -> Target {
    Target {
        name: row.text(0),
        tally: tally(row, 1),
        witnesses: row.number(8),
        networks_blocked: row.number(9),
    }
}

fn mechanism(row: &Row<'_>) -> Mechanism {
    Mechanism {
        word: row.text(0),
        status: row.text(1),
        count: row.number(2),
        networks: row.number(3),
        vantages: row.number(4),
    }
}

fn rule(row: &Row<'_>) -> Rule {
    Rule { id: row.text(0), version: row.number(1), count: row.number(2) }
}

fn measured(row: &Row<'_>) -> Measured {
    Measured {
        id: row.text(0),
        day: row.signed(1),
        target: row.text(2),
        country: row.text(3),
        asn: row.asn(4),
        status: row.text(5),
        mechanism: Some(row.text(6)).filter(|word| !word.is_empty()),
        confidence: row.text(7),
        rule: row.text(8),
    }
}
