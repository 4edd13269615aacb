//! The tables of docs/captures.md: of every capture, what is expected and what was found.

use std::fmt::Write as _;
use std::path::Path;

use wirewitness_analysis::tamper::Finding;
use wirewitness_analysis::tamper::finding::{Drop, DropGrade, Throttle};

use super::expected::{DROPS_ELSEWHERE, Setting, drops, pages, setting};
use super::sources::Sources;
use super::{Expected, Found, Got, expected, inspect, names};

/// All tables, as Markdown.
pub(crate) fn tables(folder: &Path) -> String {
    let files: Vec<String> =
        ["interference", "benign"].into_iter().flat_map(|part| names(folder, part)).collect();
    let (mut tables, mut sources) = (Tables::default(), Sources::default());
    for file in &files {
        let found = inspect(&folder.join(file));
        let (part, name) = file.split_once('/').expect("a folder and a name");
        if let Some(setting) = setting(name) {
            tables.transfer(name, setting, &found);
        }
        if part == "benign" {
            let claims = tables.benign(name, &found);
            sources.benign(name, found.got(), claims);
            continue;
        }
        let due = match expected(name) {
            Expected::Flows(due) => Some(due),
            Expected::NoClaim => None,
        };
        sources.interference(name, due, found.got());
        tables.interference(name, due, &found);
    }
    tables.text(&sources.table())
}

/// The rows so far.
#[derive(Debug, Default)]
struct Tables {
    forged: String,
    drops: String,
    transfers: String,
    pages: String,
    /// Benign files of which something was claimed.
    flagged: String,
    sums: Sums,
}

#[derive(Debug, Default)]
struct Sums {
    due: usize,
    told: usize,
    policers: [usize; 2],
    others: [usize; 2],
    benign: Got,
    drops: usize,
    pages: usize,
    slowed: usize,
    files: usize,
}

impl Tables {
    fn interference(&mut self, name: &str, due: Option<usize>, found: &Found) {
        let got = found.got();
        // What is due of the laboratory's transfers is in a table of their own.
        if setting(name).is_none() {
            self.forged_row(name, due, got);
        }
        self.drop_rows(name, found);
        self.page_row(name, found);
    }

    fn forged_row(&mut self, name: &str, due: Option<usize>, got: Got) {
        let Got { flows, injected, likely, undecided } = got;
        let told = injected + likely;
        let (due, verdict) = match due {
            Some(due) => {
                self.sums.due += due;
                self.sums.told += told.min(due);
                (due.to_string(), compared(told, due))
            }
            None => ("-".to_owned(), ""),
        };
        let row = format!("| {name} | {flows} | {due} | {injected} | {likely} | {undecided} |");
        let _ = writeln!(self.forged, "{row} {verdict} |");
    }

    fn drop_rows(&mut self, name: &str, found: &Found) {
        let mut told: Vec<&Drop> = found.findings.iter().filter_map(claimed_drop).collect();
        for due in drops(name) {
            let is_due = |it: &&Drop| {
                it.what == due.what && it.trigger.as_ref().is_some_and(|it| it.value == due.name)
            };
            let best = told.iter().copied().filter(is_due).map(|it| it.grade).max();
            told.retain(|it| !is_due(it));
            let (control, most) = if due.has_control {
                ("yes", DropGrade::Dropped)
            } else {
                ("no", DropGrade::Likely)
            };
            let verdict = compared(best.map_or(0, rank), rank(most));
            let row = format!("| {name} | {} | {} | {control} |", due.what, due.name);
            let _ =
                writeln!(self.drops, "{row} {} | {} | {verdict} |", word(Some(most)), word(best));
        }
        let elsewhere = DROPS_ELSEWHERE.iter().any(|start| name.starts_with(start));
        if elsewhere && told.is_empty() {
            let _ = writeln!(self.drops, "| {name} | - | - | no | - | - | |");
        }
        for it in told {
            let asked = it.trigger.as_ref().map_or("-", |it| &it.value);
            let control = if it.control.is_some() { "yes" } else { "no" };
            let row = format!("| {name} | {} | {asked} | {control} | - |", it.what);
            let _ = writeln!(self.drops, "{row} {} | not in the label |", word(Some(it.grade)));
        }
    }

    fn page_row(&mut self, name: &str, found: &Found) {
        let (due, told) = (pages(name), told_pages(found));
        if due + told.len() > 0 {
            let grades = told.join(", ");
            let verdict = compared(told.len(), due);
            let _ =
                writeln!(self.pages, "| {name} | {due} | {} | {grades} | {verdict} |", told.len());
        }
    }

    fn transfer(&mut self, name: &str, set: Setting, found: &Found) {
        let told = found.findings.iter().find_map(|it| match it {
            Finding::Throttle(it) => Some(&**it),
            _ => None,
        });
        let is_policer = told.is_some_and(|it| it.kind == "policer");
        let verdict = match (set.kind == "policer", is_policer) {
            (true, false) => "MISS",
            (false, true) => "FALSE",
            _ => "",
        };
        let sum =
            if set.kind == "policer" { &mut self.sums.policers } else { &mut self.sums.others };
        *sum = [sum[0] + 1, sum[1] + usize::from(is_policer)];
        let number = name.rsplit_once("-CP=").map_or(name, |(_, end)| end);
        let number = number.trim_end_matches(".pcap.xz");
        let burst = set.burst_bytes.map_or("default".into(), |it| (it / 1000).to_string());
        let row = format!("| CP={number} | {} | {} | {burst} |", set.kind, set.rate_bps / 1000);
        let got = told.map_or("- | - | - | - | -".into(), |it| throttled(it, set));
        let _ = writeln!(self.transfers, "{row} {got} | {verdict} |");
    }

    /// Counts a benign file in; how much was claimed of it, beside injections.
    fn benign(&mut self, name: &str, found: &Found) -> usize {
        let got = found.got();
        let drops = found.findings.iter().filter_map(claimed_drop).count();
        let pages = told_pages(found).len();
        let policers = found.findings.iter().filter(|it| is_policer(it)).count();
        self.sums.benign.add(got);
        self.sums.drops += drops;
        self.sums.pages += pages;
        self.sums.slowed += found.findings.iter().filter(|it| is_slowed(it)).count();
        self.sums.files += 1;
        let claims = drops + pages + policers;
        if got.injected + got.likely + claims > 0 {
            let _ = writeln!(
                self.flagged,
                "| {name} | {} | {} | {drops} | {pages} | {policers} |",
                got.injected, got.likely
            );
        }
        claims
    }

    fn text(&self, sources: &str) -> String {
        let sums = &self.sums;
        let Got { flows, injected, likely, undecided } = sums.benign;
        let [policers, called] = sums.policers;
        let [others, falsely] = sums.others;
        let mut text = format!(
            "## Connections with forged packets\n\n{} of {} are found.\n\n\
             | capture | flows | expected | injected | likely | undecided | |\n|---|---|---|---|---|---|---|\n{}\n",
            sums.told, sums.due, self.forged
        );
        let _ = write!(
            text,
            "## Drops\n\n| capture | what | asked for | control | expected | got | |\n|---|---|---|---|---|---|---|\n{}\n",
            self.drops
        );
        let _ = write!(
            text,
            "## Policers, shapers and losses\n\n{called} of {policers} policers are called so, and {falsely} of {others} others.\n\n\
             | transfer | went through | kbit/s | burst, kB | got | confidence | kbit/s | of the configured | burst, kB | |\n\
             |---|---|---|---|---|---|---|---|---|---|\n{}\n",
            self.transfers
        );
        let _ = write!(
            text,
            "## Block pages\n\n| capture | expected | got | grades | |\n|---|---|---|---|---|\n{}\n",
            self.pages
        );
        let _ = write!(
            text,
            "## Benign captures\n\n| files | flows | injected | likely | undecided | drops | block pages | policers | other slow transfers |\n\
             |---|---|---|---|---|---|---|---|---|\n\
             | {} | {flows} | {injected} | {likely} | {undecided} | {} | {} | {falsely} | {} |\n\n",
            sums.files, sums.drops, sums.pages, sums.slowed
        );
        if !self.flagged.is_empty() {
            let head = "| capture | injected | likely | drops | block pages | policers |\n|---|---|---|---|---|---|\n";
            let _ = writeln!(text, "{head}{}", self.flagged);
        }
        let _ = write!(text, "## By source\n\n{sources}");
        text
    }
}

/// A drop that is more than silence.
fn claimed_drop(finding: &Finding) -> Option<&Drop> {
    match finding {
        Finding::Drop(it) if it.grade > DropGrade::Undecided => Some(it),
        _ => None,
    }
}

fn told_pages(found: &Found) -> Vec<&'static str> {
    let page = |it: &Finding| match it {
        Finding::Blockpage(it) => Some(it.grade),
        _ => None,
    };
    found.findings.iter().filter_map(page).collect()
}

fn is_policer(finding: &Finding) -> bool {
    matches!(finding, Finding::Throttle(it) if it.kind == "policer")
}

/// Slowed in another way than by a policer.
fn is_slowed(finding: &Finding) -> bool {
    matches!(finding, Finding::Throttle(it) if it.kind != "policer")
}

fn throttled(it: &Throttle, set: Setting) -> String {
    let rate = it.rate_bps.map_or("open".into(), |rate| (rate / 1000).to_string());
    let share = |rate: u64| format!("{:.1} %", rate as f64 * 100.0 / set.rate_bps as f64);
    let share = it.rate_bps.map_or("-".into(), share);
    let burst = it.burst_bytes.map_or("-".into(), |it| (it / 1000).to_string());
    format!("{} | {} | {rate} | {share} | {burst}", it.kind, it.confidence)
}

fn rank(grade: DropGrade) -> usize {
    match grade {
        DropGrade::Undecided => 0,
        DropGrade::Likely => 1,
        DropGrade::Dropped => 2,
    }
}

fn word(grade: Option<DropGrade>) -> &'static str {
    match grade {
        None => "-",
        Some(DropGrade::Undecided) => "undecided",
        Some(DropGrade::Likely) => "likely",
        Some(DropGrade::Dropped) => "dropped",
    }
}

fn compared(got: usize, due: usize) -> &'static str {
    match got.cmp(&due) {
        std::cmp::Ordering::Less => "MISS",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "FALSE",
    }
}
