//! Measurements in order of time, a quarter of an hour at once.

use wirewitness_model::point::{Network, Point};

use super::Population;
use super::country::NetworkPlan;
use super::draw::{Draw, per_mille};
use super::forces::Forces;
use super::judged::{Judge, Kept, Scene};
use super::settings::{DAY_S, HOUR_S};
use super::target_set::TargetSet;
use super::truth::NonEventKind;
use super::volunteer::{Fault, Volunteer};

/// One measurement, judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The verdict. Its time is that of the volunteer's clock, which may be off.
    pub point: Point,
    /// When it came in, seconds since 1970: within minutes, or hours to days late.
    pub arrived_s: i64,
}

/// All rows of a population, in the order in which they were made. See [`Population::rows`].
#[derive(Debug)]
pub struct Rows<'a> {
    population: &'a Population,
    judge: Judge<'a>,
    /// Targets that are dense somewhere.
    kept: TargetSet,
    /// The quarter of an hour that is drawn next, from 0.
    step: u32,
    /// What is drawn of this one: when it was made, and the row; the last first.
    ready: Vec<(i64, Row)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(population: &'a Population) -> Self {
        let settings = &population.settings;
        let forces = Forces::new(&population.truth);
        let country = &population.country;
        Self {
            population,
            judge: Judge::new(settings.seed, &settings.noise, forces),
            kept: (0..country.dense_targets).map(|rank| country.names.number(rank)).collect(),
            step: 0,
            ready: Vec::new(),
        }
    }

    /// How many quarters of an hour are left.
    pub fn steps_left(&self) -> u32 {
        (self.population.settings.days * STEPS_A_DAY).saturating_sub(self.step)
    }

    /// Rows in memory now: those of a quarter of an hour, at most.
    pub fn in_memory(&self) -> usize {
        self.ready.len()
    }

    /// Draws a quarter of an hour.
    fn draw_step(&mut self) {
        let from_s = self.population.settings.begin_s + i64::from(self.step) * STEP_S;
        for (at, network) in self.population.country.networks.iter().enumerate() {
            let words = [10, u64::from(self.step), at as u64];
            let mut draw = Draw::of(self.population.settings.seed, &words);
            self.network_step(network, from_s, &mut draw);
        }
        // Rows of one second stay as drawn.
        self.ready.sort_by_key(|(made_s, _)| *made_s);
        self.ready.reverse();
        self.step += 1;
    }

    fn network_step(&mut self, network: &'a NetworkPlan, from_s: i64, draw: &mut Draw) {
        let settings = &self.population.settings;
        let local_s = from_s + i64::from(settings.utc_offset_hours) * HOUR_S;
        let there = There::new(network, (from_s, local_s));
        let mood = self.mood_per_mille(network.asn, from_s, local_s);
        let of_day = |daily: f64| daily / f64::from(STEPS_A_DAY) * mood / 1000.0;
        let cells = network.dense.len() as f64;
        let dense = draw.poisson(of_day(cells * f64::from(settings.dense_per_day)));
        let size = f64::from(network.size_per_million) / 1_000_000.0;
        let sparse = draw.poisson(of_day(f64::from(settings.sparse_per_day) * size));
        for number in 0..dense.saturating_add(sparse) {
            let target = if number < dense {
                self.dense_target(network, from_s, draw)
            } else {
                Some(self.sparse_target(draw))
            };
            let (Some(target), Some(volunteer)) = (target, there.one(draw)) else { continue };
            let made_s = from_s + draw.between(0, STEP_S);
            if self.is_cut(network.asn, made_s, draw) {
                continue;
            }
            let row = self.row((network.asn, target), (volunteer, made_s), draw);
            self.ready.push((made_s, row));
        }
    }

    /// How much is measured, per mille of the average: by the hour, by the day (people's moods), and by who left.
    fn mood_per_mille(&self, asn: u32, at_s: i64, local_s: i64) -> f64 {
        let hour = usize::try_from(local_s.div_euclid(HOUR_S).rem_euclid(24)).unwrap_or(0);
        let of_hour = f64::from(HOURS.get(hour).copied().unwrap_or(1000));
        let day = u64::try_from(at_s.div_euclid(DAY_S)).unwrap_or(0);
        let seed = self.population.settings.seed;
        let of_day = f64::from(700 + per_mille(seed, &[11, u64::from(asn), day]) * 6 / 10);
        let dip = self.judge.forces().of_network(NonEventKind::VolumeDip, (asn, at_s));
        // Cells that rest make up for it elsewhere: volumes are as configured on average.
        let of_rest = 1000.0 / f64::from(1000 - REST_PER_MILLE);
        of_hour * of_day / 1000.0 * of_rest * if dip { 0.4 } else { 1.0 }
    }

    /// One of the network's dense targets; none where that cell rests on that day.
    fn dense_target(&self, network: &NetworkPlan, at_s: i64, draw: &mut Draw) -> Option<u32> {
        let target = draw.pick(&network.dense).copied()?;
        let day = u64::try_from(at_s.div_euclid(DAY_S)).unwrap_or(0);
        let words = [12, u64::from(network.asn), u64::from(target), day];
        let rests = per_mille(self.population.settings.seed, &words) < REST_PER_MILLE;
        (!rests).then_some(target)
    }

    /// A target of the long tail; one time of twenty, one that is dense elsewhere.
    fn sparse_target(&self, draw: &mut Draw) -> u32 {
        let country = &self.population.country;
        let (dense, all) = (country.dense_targets, self.population.settings.targets);
        if dense >= all || (dense > 0 && draw.chance(50_000)) {
            return country.names.number(draw.count(0, dense));
        }
        country.names.number(dense + draw.rank(all - dense, FLAT_RANKS))
    }

    fn is_cut(&self, asn: u32, at_s: i64, draw: &mut Draw) -> bool {
        let percent = self.judge.forces().cut_percent(asn, at_s);
        percent.is_some_and(|percent| draw.chance(percent * 10_000))
    }

    fn row(
        &self,
        (asn, target): (u32, u32),
        (volunteer, made_s): (&Volunteer, i64),
        draw: &mut Draw,
    ) -> Row {
        let is_kept = if self.kept.contains(target) { Kept::Yes } else { Kept::No };
        let scene = Scene { asn, target, at_s: made_s, volunteer, is_kept };
        let (status, mechanism) = self.judge.say(&scene, draw);
        let off_s = if let Fault::WrongClock(off_s) = volunteer.fault { off_s } else { 0 };
        let country = self.population.settings.country.as_bytes();
        let country = [0, 1].map(|at| country.get(at).copied().unwrap_or(b'?'));
        let point = Point {
            at_s: made_s + off_s,
            network: Network { country, asn },
            target,
            vantage: volunteer.vantage,
            resolver_asn: volunteer.resolver_asn,
            status,
            mechanism,
        };
        Row { point, arrived_s: self.arrival(asn, made_s, draw) }
    }

    /// Within ten minutes; some hours to three days late; after a shutdown, what was measured in it.
    fn arrival(&self, asn: u32, made_s: i64, draw: &mut Draw) -> i64 {
        let after = match self.judge.forces().cut_ends(asn, made_s) {
            Some(end_s) if draw.chance(700_000) => end_s.max(made_s),
            _ => made_s,
        };
        if draw.chance(self.population.settings.late_per_million) {
            return after + draw.between(HOUR_S, 3 * DAY_S);
        }
        after + draw.between(5, 600)
    }
}

/// Who measures on a network in a step, by weight.
struct There<'a> {
    /// Each with the sum of the weights up to theirs.
    sums: Vec<(u64, &'a Volunteer)>,
}

impl<'a> There<'a> {
    fn new(network: &'a NetworkPlan, (at_s, local_s): (i64, i64)) -> Self {
        let mut sum = 0;
        let present = network.volunteers.iter().filter(|it| it.measures(at_s, local_s));
        let sums = present.map(|volunteer| {
            sum += u64::from(volunteer.weight);
            (sum, volunteer)
        });
        Self { sums: sums.collect() }
    }

    fn one(&self, draw: &mut Draw) -> Option<&'a Volunteer> {
        let total = self.sums.last().map_or(0, |(sum, _)| *sum);
        let at = draw.below(total);
        let place = self.sums.partition_point(|(sum, _)| *sum <= at);
        self.sums.get(place).map(|(_, volunteer)| *volunteer)
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while self.ready.is_empty() {
            if self.steps_left() == 0 {
                return None;
            }
            self.draw_step();
        }
        self.ready.pop().map(|(_, row)| row)
    }
}

/// Seconds that are drawn at once.
const STEP_S: i64 = 900;

/// Steps of a day.
const STEPS_A_DAY: u32 = 96;

/// Cells of a thousand that nobody measures on a day: lists are shuffled.
const REST_PER_MILLE: u32 = 20;

/// So many targets of the tail are about equally popular.
const FLAT_RANKS: u32 = 64;

/// Measurements by the hour of the local day, per mille of the average. Invented: phones charge at night, people read in
/// the evening.
const HOURS: [u32; 24] = [
    700, 550, 450, 400, 400, 450, 600, 800, 950, 1050, 1100, 1150, 1200, 1150, 1150, 1200, 1250,
    1300, 1350, 1450, 1500, 1450, 1250, 1150,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_average_to_one() {
        assert_eq!(HOURS.iter().sum::<u32>(), 24_000);
    }
}
