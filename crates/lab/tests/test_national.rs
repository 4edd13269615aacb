//! What the detector finds of a small made-up country: the whole way from rows to a score. `benches/national.rs` does the same at
//! full size.

use wirewitness_analysis::events::{self, find};
use wirewitness_lab::population::score::{Rule, score};
use wirewitness_lab::population::truth::Variety;
use wirewitness_lab::population::{Population, Settings};
use wirewitness_model::point::Point;

use crate::statements::statements;

#[test]
fn most_of_a_small_country_is_found_and_little_else() {
    let population = Population::new(&Settings::sized(16, 8, 1_000)).unwrap();
    let mut points: Vec<Point> = population.rows().map(|row| row.point).collect();
    let report = find(&mut points, &events::Settings::default());
    let scored = score(&statements(&report), population.truth(), &Rule::default());
    println!("{} points, {scored:#?}", points.len());
    assert_eq!(report.dropped, 0);
    assert!(scored.planted >= 25, "{scored:#?}");
    // 27 of 30 were found when this was written, with one wrong statement.
    let (planted, found) = scored.by_variety[&Variety::Network];
    assert!(10 * found >= 8 * planted, "{scored:#?}");
    assert!(scored.recall > 0.75 && scored.precision > 0.8, "{scored:#?}");
}
