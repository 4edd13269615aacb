//! Measurements over time: bars, and the same numbers as a table.

use std::fmt::Write as _;

use wirewitness_model::case::Tally;

use super::blocks::{Block, Cell, Chart, Column, Mark, Table};
use super::{Told, short_day};
use crate::words::Words;

/// Measurements of some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// What was measured. Vantages are those of the day with most.
    pub tally: Tally,
}

/// The days in at most [`MOST`] periods of equal length, gaps included.
pub fn periods(timeline: &[(i64, Tally)]) -> Vec<Period> {
    let (Some((first, _)), Some((last, _))) = (timeline.first(), timeline.last()) else {
        return Vec::new();
    };
    let span = last.saturating_sub(*first).saturating_add(1);
    let mut length = 1;
    while span > length * MOST {
        // Days, then whole weeks, so that each period has as many week-ends.
        length = if length == 1 { 7 } else { length * 2 };
    }
    let count = span.div_euclid(length) + i64::from(span.rem_euclid(length) > 0);
    let mut periods: Vec<Period> = (0..count)
        .map(|at| Period {
            first: first + at * length,
            last: (first + at * length + length - 1).min(*last),
            tally: Tally::default(),
        })
        .collect();
    for (day, tally) in timeline {
        let at = usize::try_from((day - first).div_euclid(length)).unwrap_or(usize::MAX);
        if let Some(period) = periods.get_mut(at) {
            period.tally = period.tally.with(*tally);
        }
    }
    periods
}

pub(super) fn blocks(told: &Told<'_>) -> Vec<Block> {
    let words = told.words;
    let periods = periods(&told.case.timeline);
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return Vec::new() };
    let length = periods.get(1).map_or(1, |second| second.first - first.first);
    let says = match u64::try_from(length).unwrap_or(1) {
        1 => words.say("report-timeline-says"),
        days => words.say_with("report-timeline-weeks", &[("days", days.into())]),
    };
    let says = format!("{says}. {}", words.say("report-timeline-gap"));
    let most = periods.iter().map(|it| it.tally.all()).max().unwrap_or_default();
    let chart = Chart {
        says: says.clone(),
        bars: periods
            .iter()
            .map(|it| [it.tally.blocked, it.tally.down, it.tally.ok, it.tally.insufficient])
            .collect(),
        legend: legend(words),
        ends: [short_day(words, first.first), short_day(words, last.last)],
        most: (most, words.count(most)),
    };
    vec![
        Block::Heading("timeline", words.say("report-timeline")),
        Block::Chart(chart),
        Block::Table(table(words, says, &periods)),
    ]
}

/// What marks stand for.
pub(super) fn legend(words: &Words) -> Vec<(Mark, String)> {
    let of = |mark: Mark| (mark, words.say(&format!("status-{}", mark.word())));
    Mark::ALL.map(of).to_vec()
}

fn table(words: &Words, caption: String, periods: &[Period]) -> Table {
    let number = |id: &str| Column { title: words.say(id), is_number: true };
    let days = Column { title: words.say("report-col-days"), is_number: false };
    let head = [
        "report-col-measurements",
        "report-col-blocked",
        "report-col-down",
        "report-col-ok",
        "report-col-insufficient",
        "report-col-vantages",
    ];
    let rows = periods.iter().map(|period| {
        let tally = period.tally;
        let days = if period.first == period.last {
            short_day(words, period.first)
        } else {
            let (first, last) = (short_day(words, period.first), short_day(words, period.last));
            words.say_with("report-days", &[("first", first.into()), ("last", last.into())])
        };
        let counts = [tally.blocked, tally.down, tally.ok, tally.insufficient, tally.vantages];
        let mut row = vec![Cell::words(days), Cell::words(words.count(tally.all()))];
        // Nothing measured is not the same as none found.
        let is_gap = tally.all() == 0;
        row.extend(counts.map(|it| Cell::words(if is_gap { "–".into() } else { words.count(it) })));
        row
    });
    Table {
        caption,
        head: std::iter::once(days).chain(head.map(number)).collect(),
        rows: rows.collect(),
        after: None,
    }
}

/// The bars as SVG of [`WIDTH`] and [`HEIGHT`], without text. Colours are classes of the style sheet.
pub(super) fn svg(chart: &Chart, is_rtl: bool) -> String {
    let mut out = String::new();
    let count = chart.bars.len().max(1);
    let width = WIDTH / count;
    for (at, bar) in chart.bars.iter().enumerate() {
        let wide = (width * 4 / 5).clamp(1, WIDTH / 12);
        let x = if is_rtl { WIDTH - at * width - wide } else { at * width };
        let mut floor = 0;
        for (mark, value) in Mark::ALL.into_iter().zip(bar) {
            let top = scaled(floor + value, chart.most.0);
            let bottom = scaled(floor, chart.most.0);
            floor += value;
            if *value > 0 {
                let _ = write!(
                    out,
                    "<rect class=\"m-{}\" x=\"{x}\" y=\"{}\" width=\"{wide}\" height=\"{}\"/>",
                    mark.word(),
                    HEIGHT - top,
                    (top - bottom).max(2),
                );
            }
        }
    }
    out
}

/// A count as a height; whole numbers, so that every machine says the same.
fn scaled(count: u64, most: u64) -> u64 {
    (u128::from(count) * u128::from(HEIGHT) / u128::from(most.max(1))).try_into().unwrap_or(HEIGHT)
}

/// Units of the drawing.
pub(super) const WIDTH: usize = 1_000;
/// The same.
pub(super) const HEIGHT: u64 = 200;
/// Bars that a phone and a sheet of paper can show.
pub const MOST: i64 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(days: &[i64]) -> Vec<(i64, Tally)> {
        days.iter().map(|day| (*day, Tally { ok: 1, ..Tally::default() })).collect()
    }

    #[test]
    fn every_day_is_in_one_period_and_gaps_are_seen() {
        let short = periods(&measured(&[20_000, 20_003]));
        assert_eq!(short.iter().map(|it| it.tally.ok).collect::<Vec<_>>(), [1, 0, 0, 1]);
        for last in [39, 40, 279, 280, 281, 36_524] {
            let days: Vec<i64> = (0..=last).collect();
            let periods = periods(&measured(&days));
            assert!(periods.len() as i64 <= MOST, "{last}: {}", periods.len());
            assert_eq!(periods.iter().map(|it| it.tally.ok).sum::<u64>(), last as u64 + 1);
        }
        assert!(periods(&[]).is_empty());
    }
}
