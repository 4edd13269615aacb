//! Where every number of the profiles comes from: one line a cell.

use std::io::Write;

use serde::Serialize;
use wirewitness_analysis::attribution::profile::{Catalogue, Cells, Grade, Profile};

use crate::output::clean;

/// A cell, and where it comes from.
#[derive(Debug, Serialize)]
struct Line<'a> {
    device: &'a str,
    /// Other set-ups of the device have a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a str>,
    cell: String,
    is: String,
    source: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    place: &'a str,
    date: &'a str,
    grade: Grade,
}

/// Prints all of them. How many there were, and which have no source or date: none, or the profile would not have been read.
pub(crate) fn print(
    catalogue: &Catalogue,
    json: bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    for profile in catalogue.profiles() {
        let lines = lines(profile);
        if json {
            for line in &lines {
                serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
            }
            continue;
        }
        writeln!(out, "{}: {}", profile.id, clean(&profile.name, 200))?;
        for (key, source) in &profile.sources {
            let (title, date) = (clean(&source.title, 300), clean(&source.date, 40));
            writeln!(out, "  [{}] {title} ({date}, grade {:?})", clean(key, 40), source.grade)?;
        }
        for line in &lines {
            let of = line.configuration.map_or(String::new(), |it| format!(" ({})", clean(it, 80)));
            let place = if line.place.is_empty() {
                String::new()
            } else {
                format!(" {}", clean(line.place, 120))
            };
            let (source, date) = (clean(line.source, 40), clean(line.date, 40));
            writeln!(
                out,
                "  {}{of} = {}: {source}{place}, {date}",
                line.cell,
                clean(&line.is, 200)
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn lines(profile: &Profile) -> Vec<Line<'_>> {
    let others = profile.configurations.iter().map(|it| (Some(it.name.as_str()), &it.cells));
    std::iter::once((None, &profile.cells))
        .chain(others)
        .flat_map(|(configuration, cells)| of(profile, configuration, cells))
        .collect()
}

fn of<'a>(
    profile: &'a Profile,
    configuration: Option<&'a str>,
    cells: &'a Cells,
) -> impl Iterator<Item = Line<'a>> {
    cells.iter().map(move |((section, key), cell)| {
        let source = profile.sources.get(&cell.source);
        Line {
            device: &profile.id,
            configuration,
            cell: format!("{section}.{key}"),
            is: cell.is.words(),
            source: &cell.source,
            title: source.map_or("", |it| &it.title),
            place: &cell.table,
            date: &cell.date,
            grade: source.map_or(Grade::D, |it| it.grade),
        }
    })
}
