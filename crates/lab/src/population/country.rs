//! A country at rest: its networks, the volunteers on them, and what is measured how often.

use std::collections::BTreeSet;

use super::draw::{Draw, mixed};
use super::settings::{DAY_S, Settings};
use super::volunteer::Volunteer;

/// Networks, volunteers, cells.
#[derive(Debug)]
pub(super) struct Country {
    /// Largest first.
    pub(super) networks: Vec<NetworkPlan>,
    /// Dense targets that share their networks, as names of one service do.
    pub(super) services: Vec<Service>,
    /// Numbers of targets by popularity.
    pub(super) names: Names,
    /// Targets that are dense on any network: the first so many by popularity.
    pub(super) dense_targets: u32,
}

/// One network.
#[derive(Debug)]
pub(super) struct NetworkPlan {
    pub(super) asn: u32,
    /// Its share of the sparse measurements, per million.
    pub(super) size_per_million: u32,
    /// Targets that are measured densely on it, in order.
    pub(super) dense: Vec<u32>,
    /// The first is an unattended probe without a fault.
    pub(super) volunteers: Vec<Volunteer>,
}

/// Dense targets on the same networks.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) targets: Vec<u32>,
    /// Positions in [`Country::networks`].
    pub(super) networks: Vec<usize>,
}

impl Country {
    /// The country of these settings. They have been checked.
    pub(super) fn new(settings: &Settings) -> Self {
        let names = Names::new(settings.seed, settings.targets);
        let mut networks = networks(settings);
        let (services, dense_targets) = services(settings, &names);
        for service in &services {
            for at in &service.networks {
                if let Some(network) = networks.get_mut(*at) {
                    network.dense.extend(&service.targets);
                }
            }
        }
        for network in &mut networks {
            network.dense.sort_unstable();
        }
        Self { networks, services, names, dense_targets }
    }

    /// How many pairs of these networks and targets are dense.
    pub(super) fn dense_cells(&self, networks: &[usize], contains: impl Fn(u32) -> bool) -> u32 {
        let count = networks
            .iter()
            .filter_map(|at| self.networks.get(*at))
            .map(|network| network.dense.iter().filter(|target| contains(**target)).count());
        u32::try_from(count.sum::<usize>()).unwrap_or(u32::MAX)
    }
}

/// Numbers of targets: a target's number says nothing of its popularity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    count: u64,
    factor: u64,
    offset: u64,
}

impl Names {
    fn new(seed: u64, count: u32) -> Self {
        let count = u64::from(count.max(1));
        let mut factor = (mixed(seed, &[1]) % count).max(1);
        while common_divisor(factor, count) != 1 {
            factor = factor % count + 1;
        }
        Self { count, factor, offset: mixed(seed, &[2]) % count }
    }

    /// The number of the target of this rank: each number once.
    pub(super) fn number(&self, rank: u32) -> u32 {
        let number = (u64::from(rank) * self.factor + self.offset) % self.count;
        u32::try_from(number).unwrap_or(0)
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// Numbers of networks that no operator has: documentation (RFC 5398), then private use (RFC 6996).
pub(super) fn asn(at: u32) -> u32 {
    match at {
        0..14 => 64_496 + at,
        14..30 => 65_536 + (at - 14),
        _ => 4_200_000_000 + (at - 30),
    }
}

/// Resolvers for everybody: the two last numbers of the first documentation range.
pub(super) const PUBLIC_RESOLVERS: [u32; 2] = [64_510, 64_511];

fn networks(settings: &Settings) -> Vec<NetworkPlan> {
    let harmonic: u64 = (1..=u64::from(settings.networks)).map(|rank| 1_000_000 / rank).sum();
    let spare = settings.volunteers - settings.networks * 3;
    let last_s = settings.begin_s + i64::from(settings.days) * DAY_S;
    let mut plans = Vec::new();
    for at in 0..settings.networks {
        let weight = 1_000_000 / u64::from(at + 1);
        let size = u32::try_from(weight * 1_000_000 / harmonic.max(1)).unwrap_or(0);
        let more = u64::from(spare) * weight / harmonic.max(1);
        let count = 3 + u32::try_from(more).unwrap_or(0);
        let asn = asn(at);
        let one = |number| {
            let mut draw = Draw::of(settings.seed, &[3, u64::from(at), u64::from(number)]);
            Volunteer::new(&mut draw, (asn, number), (settings.begin_s, last_s))
        };
        let volunteers = (0..count).map(one).collect();
        plans.push(NetworkPlan { asn, size_per_million: size, dense: Vec::new(), volunteers });
    }
    plans
}

/// Half of the cells are of targets that are dense everywhere; the rest are of services on some networks.
fn services(settings: &Settings, names: &Names) -> (Vec<Service>, u32) {
    let mut draw = Draw::of(settings.seed, &[4]);
    let all: Vec<usize> = (0..settings.networks as usize).collect();
    let mut services = Vec::new();
    let mut rank = 0;
    let mut left = settings.dense_cells;
    let everywhere = (left / 2 / settings.networks).min(settings.targets / 4);
    for _ in 0..everywhere {
        services.push(Service { targets: vec![names.number(rank)], networks: all.clone() });
        rank += 1;
        left -= settings.networks;
    }
    while left > 0 && rank < settings.targets {
        let group = draw.some(&all, settings.networks.div_ceil(8) as usize);
        let width = u32::try_from(group.len()).unwrap_or(1).max(1);
        // Whole targets while there is room, then one on the networks that are left.
        let wished = (left / width).clamp(1, SERVICE).min(settings.targets - rank);
        let networks: Vec<usize> = group
            .into_iter()
            .take(left.min(width) as usize)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let targets: Vec<u32> = (rank..rank + wished).map(|rank| names.number(rank)).collect();
        left -= wished * left.min(width);
        rank += wished;
        services.push(Service { targets, networks });
    }
    (services, rank)
}

/// Targets of a service that is not everywhere.
const SERVICE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_cells_as_asked_for() {
        for (networks, cells) in [(40, 2_000), (1, 17), (7, 100), (40, 3), (3, 0)] {
            let settings = Settings { networks, dense_cells: cells, ..Settings::default() };
            let country = Country::new(&settings);
            let dense: usize = country.networks.iter().map(|it| it.dense.len()).sum();
            assert_eq!(dense, cells as usize, "{networks}");
            for network in &country.networks {
                assert!(network.dense.windows(2).all(|pair| pair[0] < pair[1]));
            }
            let targets = country.services.iter().map(|it| it.targets.len()).sum::<usize>();
            assert_eq!(targets, country.dense_targets as usize);
        }
    }

    #[test]
    fn every_target_has_one_number() {
        for count in [100, 101, 20_000] {
            let names = Names::new(9, count);
            let numbers: BTreeSet<u32> = (0..count).map(|rank| names.number(rank)).collect();
            assert_eq!((numbers.len(), numbers.last()), (count as usize, Some(&(count - 1))));
        }
    }

    #[test]
    fn sizes_are_heavy_tailed_and_numbers_are_nobodys() {
        let country = Country::new(&Settings::default());
        let sizes: Vec<u32> = country.networks.iter().map(|it| it.size_per_million).collect();
        assert!(sizes[0] > 200_000 && sizes[39] < 10_000, "{sizes:?}");
        assert!((990_000..=1_000_000).contains(&sizes.iter().sum::<u32>()));
        let volunteers: usize = country.networks.iter().map(|it| it.volunteers.len()).sum();
        assert!((560..=600).contains(&volunteers), "{volunteers}");
        for network in &country.networks {
            let asn = network.asn;
            assert!(
                (64_496..=64_511).contains(&asn)
                    || (65_536..=65_551).contains(&asn)
                    || asn >= 4_200_000_000
            );
            assert!(!PUBLIC_RESOLVERS.contains(&asn));
        }
    }
}
