//! An attribution as a person reads it: the verdict, then family by family what was seen against what each candidate predicts.

use std::fmt::Write as _;

use wirewitness_analysis::attribution::profile::Grade;
use wirewitness_analysis::attribution::report::{
    CandidateReport, CellReport, FamilyReport, Report,
};

use crate::output::clean;

/// All of it.
pub(crate) fn words(file: &str, report: &Report) -> String {
    let mut text = String::new();
    head(&mut text, file, report);
    for family in &report.families {
        family_words(&mut text, family);
    }
    candidates(&mut text, &report.candidates);
    apart(&mut text, report);
    foot(&mut text, report);
    text
}

fn head(text: &mut String, file: &str, report: &Report) {
    let _ = writeln!(text, "{}: {}", clean(file, 300), clean(&report.event, 300));
    if let Some(about) = &report.about {
        let _ = writeln!(text, "  {}", clean(about, 300));
    }
    let _ = writeln!(text, "\nVERDICT  {}", report.verdict);
    match report.tsg_lineage.as_slice() {
        [] => {
            let _ = writeln!(text, "         code of the lineage of TSG: not shown");
        }
        grounds => {
            let _ = writeln!(text, "         TSG code lineage, by");
            for ground in grounds {
                let _ = writeln!(text, "           {ground}");
            }
        }
    }
    if report.devices_at_least > 1 {
        let _ = writeln!(text, "         {} devices on the path at least", report.devices_at_least);
    }
    if let Some(location) = &report.location {
        let hop = location.onset_hop.map_or("not known".to_owned(), |it| format!("hop {it}"));
        let _ = write!(text, "         where: {hop}, {}", location.mode.replace('_', "-"));
        if let Some((low, high)) = location.injector_hops {
            let hops = if low == high { low.to_string() } else { format!("{low} to {high}") };
            let _ = write!(text, "; {hops} hops from where resets were captured");
        }
        text.push('\n');
    }
}

fn family_words(text: &mut String, family: &FamilyReport) {
    let behaviour = family.behaviour.map_or("", |it| it.kind());
    let _ = writeln!(text, "\n{} {behaviour}: {}", family.family, family.verdict);
    let _ = writeln!(
        text,
        "  {} of {} cells decided, {} of them tell devices apart",
        family.decided, family.n_vec, family.informative
    );
    table(text, &family.cells);
    let ranked: Vec<String> = family
        .ranked
        .iter()
        .take(6)
        .map(|it| match &it.configuration {
            Some(name) => format!("{} {:.2} ({})", it.id, it.post, clean(name, 80)),
            None => format!("{} {:.2}", it.id, it.post),
        })
        .collect();
    if !family.cells.is_empty() && !ranked.is_empty() {
        line(text, "probable here", &ranked.join(", "));
    }
    let refuted: Vec<String> =
        family.contradictions.iter().map(|(id, cells)| format!("{id} ({})", cells.len())).collect();
    line(text, "contradicted (cells)", &refuted.join(", "));
    line(text, "does other things", &family.excluded.join(", "));
    line(text, "may stand behind unseen", &family.hidden.join(", "));
    for note in &family.notes {
        line(text, "note", &clean(note, 300));
    }
}

fn line(text: &mut String, name: &str, says: &str) {
    if !says.is_empty() {
        let _ = writeln!(text, "  {name}: {says}");
    }
}

/// Columns are as wide as what is in them.
fn table(text: &mut String, cells: &[CellReport]) {
    let Some(first) = cells.iter().max_by_key(|it| it.predicted.len()) else { return };
    let ids: Vec<&String> = first.predicted.keys().collect();
    let mut head = vec!["CELL".to_owned(), "SEEN".to_owned()];
    head.extend(ids.iter().map(|id| (*id).clone()));
    let mut rows = vec![head];
    for cell in cells {
        let seen = match cell.counts {
            Some(counts) => format!("{} {}/{}", cell.seen, counts.hits, counts.trials),
            None => clean(&cell.seen, 40),
        };
        let mut row = vec![clean(&cell.probe, 40), seen];
        row.extend(ids.iter().map(|id| match cell.predicted.get(*id) {
            None => "?".to_owned(),
            Some(it) if it.fits == Some(false) => format!("{} !", clean(&it.is, 30)),
            Some(it) => clean(&it.is, 30),
        }));
        rows.push(row);
    }
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count()).max()
    };
    let widths: Vec<usize> = (0..ids.len() + 2).map(|it| width(it).unwrap_or(0)).collect();
    for row in &rows {
        let mut line = String::from("   ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:<width$} ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Devices that are told of at the end, at most.
const SHOWN: usize = 8;

fn candidates(text: &mut String, candidates: &[CandidateReport]) {
    if candidates.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nOver all families (logarithm of the ratio over an unknown device, over the next best)"
    );
    for it in candidates.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "  {:<22} {:>7.1} {:>7.1}  {}",
            it.id,
            tenths(it.ln_lr),
            tenths(it.ln_lr_next),
            it.says
        );
        if !it.contradictions.is_empty() {
            let shown: Vec<&str> = it.contradictions.iter().map(String::as_str).take(4).collect();
            let more = it.contradictions.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(text, "{:42}by {}{more}", "", shown.join(", "));
        }
    }
    if let Some(more) = candidates.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more devices");
    }
}

fn apart(text: &mut String, report: &Report) {
    let _ = writeln!(text, "\nWhat would tell the remaining candidates apart");
    for it in &report.apart {
        let predicts: Vec<String> =
            it.predicts.iter().map(|(id, is)| format!("{id} {}", clean(is, 60))).collect();
        let _ = writeln!(text, "  {} {}: {}", it.family, it.cell, predicts.join(", "));
    }
    if report.apart.is_empty() {
        let _ = writeln!(text, "  no cell of the profiles that is still open does");
    }
}

fn foot(text: &mut String, report: &Report) {
    let _ = writeln!(text, "\nWhat else can explain it");
    for alternative in &report.alternatives {
        let _ = writeln!(text, "  {alternative}");
    }
    if !report.documentary.is_empty() {
        let _ = writeln!(
            text,
            "\nWhat documents say, of candidates and of what was measured (no part of any number above)"
        );
        for it in &report.documentary {
            let device = it.device.as_deref().unwrap_or("the file");
            let grade = match it.grade {
                Grade::A => "A",
                Grade::B => "B",
                Grade::C => "C",
                Grade::D => "D",
            };
            let (claim, src) = (clean(&it.claim, 200), clean(&it.src, 200));
            let _ = writeln!(
                text,
                "  {device}: {claim} (grade {grade}; {src}, {})",
                clean(&it.date, 40)
            );
        }
    }
    let hash = report.catalogue.sha256.get(..12).unwrap_or_default();
    let _ = writeln!(text, "\n{} profiles, {hash}", report.catalogue.devices);
}

/// As it is printed: nothing is never minus nothing.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0 + 0.0
}
