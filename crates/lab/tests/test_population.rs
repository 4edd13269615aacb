//! The national data set: what it holds is what its truth says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wirewitness_lab::Scenario;
use wirewitness_lab::population::score::{Found, Rule, score};
use wirewitness_lab::population::settings::{Counts, NonEventCounts};
use wirewitness_lab::population::table::{HEAD, Tally, write_row};
use wirewitness_lab::population::truth::{Kind, NonEventKind, Planted, Reach, Truth, Variety};
use wirewitness_lab::population::{Population, Row, Sample, Settings, TargetSet};
use wirewitness_model::verdict::Status;

const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;

/// A smaller country with events of every kind.
fn small(seed: u64) -> Settings {
    Settings {
        seed,
        networks: 12,
        volunteers: 160,
        targets: 2_000,
        dense_cells: 400,
        sparse_per_day: 2_000,
        days: 20,
        planted: Counts {
            national_blocks: 3,
            network_blocks: 14,
            partial_blocks: 6,
            throttlings: 6,
            list_blocks: 1,
            list_targets: 1_000,
            unblocks: 6,
            mechanism_changes: 6,
            shutdowns: 3,
            standing_blocks: 3,
        },
        non_events: NonEventCounts {
            cdn_moves: 4,
            server_outages: 6,
            control_outages: 1,
            broken_resolvers: 2,
            bad_volunteers: 1,
            volume_dips: 2,
            broken_ipv6: 2,
            captive_portals: 2,
            wrong_clocks: 2,
        },
        ..Settings::default()
    }
}

fn bytes(population: &Population) -> Vec<u8> {
    let mut out = HEAD.as_bytes().to_vec();
    for row in population.rows() {
        write_row(&mut out, &row).unwrap();
    }
    out
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_gives_others() {
    let first = Population::new(&small(1)).unwrap();
    let again = Population::new(&small(1)).unwrap();
    let other = Population::new(&small(2)).unwrap();
    assert_eq!(first.truth(), again.truth());
    assert!(first.truth() != other.truth());
    let (first, again, other) = (bytes(&first), bytes(&again), bytes(&other));
    assert!(first == again && first != other);
    assert!(first.len() > 5_000_000, "{}", first.len());
}

#[test]
fn the_truth_comes_back_from_its_json() {
    let population = Population::new(&small(3)).unwrap();
    let json = serde_json::to_string(population.truth()).unwrap();
    assert_eq!(&serde_json::from_str::<Truth>(&json).unwrap(), population.truth());
}

/// No seed is without room for what the default plants, nor the default at another size.
#[test]
fn every_seed_has_room_for_the_default() {
    for seed in 0..12 {
        let settings = Settings { seed, ..Settings::default() };
        let planned = Population::new(&settings);
        assert!(planned.is_ok(), "{seed}: {:?}", planned.err());
    }
    assert_eq!(Settings::sized(30, 40, 20_000), Settings::default());
    for (days, networks, targets) in
        [(10, 5, 200), (12, 1, 2_000), (14, 12, 100), (90, 40, 50_000), (365, 100, 700_000)]
    {
        for seed in 0..3 {
            let settings = Settings { seed, ..Settings::sized(days, networks, targets) };
            let planned = Population::new(&settings);
            assert!(planned.is_ok(), "{days} {networks} {targets}: {:?}", planned.err());
        }
    }
}

#[test]
fn as_many_of_everything_as_configured() {
    let settings = Settings::default();
    let population = Population::new(&settings).unwrap();
    let truth = population.truth();
    let mut counts: BTreeMap<Variety, u32> = BTreeMap::new();
    for event in &truth.events {
        *counts.entry(event.variety).or_default() += 1;
    }
    let planted = &settings.planted;
    let expected = BTreeMap::from([
        (Variety::National, planted.national_blocks),
        (Variety::Network, planted.network_blocks),
        (Variety::Partial, planted.partial_blocks),
        (Variety::Throttling, planted.throttlings),
        (Variety::List, planted.list_blocks),
        (Variety::Unblock, planted.unblocks),
        (Variety::MechanismChange, planted.mechanism_changes),
        (Variety::Shutdown, planted.shutdowns),
        (Variety::Standing, planted.standing_blocks),
    ]);
    assert_eq!(counts, expected);
    assert_eq!(planted.total(), 300);
    let mut counts: BTreeMap<NonEventKind, u32> = BTreeMap::new();
    for event in &truth.non_events {
        *counts.entry(event.kind).or_default() += 1;
    }
    let others = &settings.non_events;
    let expected = BTreeMap::from([
        (NonEventKind::CdnMove, others.cdn_moves),
        (NonEventKind::ServerOutage, others.server_outages),
        (NonEventKind::ControlOutage, others.control_outages),
        (NonEventKind::BrokenResolver, others.broken_resolvers),
        (NonEventKind::BadVolunteer, others.bad_volunteers),
        (NonEventKind::VolumeDip, others.volume_dips),
        (NonEventKind::BrokenIpv6, others.broken_ipv6),
        (NonEventKind::CaptivePortal, others.captive_portals),
        (NonEventKind::WrongClock, others.wrong_clocks),
    ]);
    assert_eq!(counts, expected);
    let ids: BTreeSet<&str> = truth.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), truth.events.len());
    for event in &truth.events {
        assert!(event.dense_cells > 0, "{event:?}");
        assert!(event.start_s <= event.settled_s && event.settled_s <= truth.end_s - DAY_S);
        for spell in &event.networks {
            assert!(truth.networks.contains(&spell.asn));
            let fits = |end_s| end_s > spell.start_s && end_s < truth.end_s;
            assert!(spell.end_s.is_none_or(fits), "{event:?}");
        }
    }
}

/// Two events on one dense cell leave two days between them: there is a before and an after to each.
#[test]
fn events_on_a_cell_are_apart() {
    let population = Population::new(&Settings::default()).unwrap();
    let truth = population.truth();
    let mut by_cell: BTreeMap<(u32, u32), Vec<(&str, i64)>> = BTreeMap::new();
    for event in truth.events.iter().filter(|it| it.kind != Kind::Shutdown && it.is_to_be_found()) {
        for spell in &event.networks {
            let dense = population.dense(spell.asn).iter().copied();
            for target in dense.filter(|it| event.targets.contains(*it)) {
                let times = by_cell.entry((spell.asn, target)).or_default();
                times.push((&event.id, spell.start_s));
                times.extend(spell.end_s.map(|end_s| (event.id.as_str(), end_s)));
            }
        }
    }
    assert!(by_cell.len() > 800, "{}", by_cell.len());
    for (cell, mut times) in by_cell {
        times.sort_by_key(|(_, at_s)| *at_s);
        for pair in times.windows(2) {
            let near = pair[1].1 - pair[0].1 < 2 * DAY_S;
            assert!(pair[0].0 == pair[1].0 || !near, "{cell:?}: {times:?}");
        }
    }
}

/// As many dense cells as asked for, up to the most that may be.
#[test]
fn dense_cells_are_as_many_as_asked_for() {
    for (networks, targets) in [(1, 100), (7, 100), (9, 120), (40, 300), (100, 1_000)] {
        let dense_cells = networks * targets / 6;
        let settings = Settings {
            networks,
            targets,
            dense_cells,
            volunteers: 3 * networks,
            planted: none(),
            non_events: no_non_events(),
            ..Settings::default()
        };
        let population = Population::new(&settings).unwrap();
        let asns = &population.truth().networks;
        let cells: usize = asns.iter().map(|asn| population.dense(*asn).len()).sum();
        assert_eq!(cells, dense_cells as usize, "{networks} {targets}");
    }
}

#[test]
fn volumes_are_as_configured() {
    let mut settings = small(4);
    settings.planted.shutdowns = 0;
    settings.non_events.volume_dips = 0;
    let population = Population::new(&settings).unwrap();
    let (mut dense, mut sparse) = (0u32, 0u32);
    let mut cells: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for row in population.rows() {
        let cell = (row.point.network.asn, row.point.target);
        if population.dense(cell.0).binary_search(&cell.1).is_ok() {
            dense += 1;
            *cells.entry(cell).or_default() += 1;
        } else {
            sparse += 1;
        }
    }
    let near = |count: u32, wished: u32| (f64::from(count) / f64::from(wished) - 1.0).abs() < 0.04;
    assert!(near(dense, 400 * 20 * 20), "{dense}");
    assert!(near(sparse, 2_000 * 20), "{sparse}");
    assert_eq!(cells.len(), 400);
    let (least, most) = (cells.values().min().unwrap(), cells.values().max().unwrap());
    assert!(*least > 250 && *most < 550, "{least} {most}");
}

/// Measurements that say anything and have no line's fault, counted by event: (blocked, all).
fn recount(population: &Population) -> BTreeMap<String, [(u32, u32); 2]> {
    let truth = population.truth();
    let faulty: BTreeSet<u64> = truth.non_events.iter().filter_map(|it| it.vantage).collect();
    let disturbed = |kind, row: &Row| {
        truth.non_events.iter().any(|it| {
            it.kind == kind
                && it.networks.contains(&row.point.network.asn)
                && it.targets.contains(row.point.target)
                && (it.start_s..it.end_s).contains(&row.point.at_s)
        })
    };
    let mut counts: BTreeMap<String, [(u32, u32); 2]> = BTreeMap::new();
    for row in population.rows() {
        let point = &row.point;
        if point.status == Status::Insufficient || faulty.contains(&point.vantage) {
            continue;
        }
        let asn = point.network.asn;
        let blocks = truth.events.iter().filter(|it| it.kind != Kind::Shutdown);
        let on_it: Vec<&Planted> = blocks
            .filter(|it| it.targets.contains(point.target) && it.asns().any(|it| it == asn))
            .filter(|it| {
                population.dense(asn).binary_search(&point.target).is_ok() && it.dense_cells > 0
            })
            .collect();
        let in_force = on_it.iter().any(|it| it.in_force(asn, point.at_s).is_some());
        for event in on_it {
            let own = point.resolver_asn == asn;
            let within = event.in_force(asn, point.at_s).is_some();
            let met = event.reach == Reach::All && event.before.is_none() || own;
            let troubled = disturbed(NonEventKind::BrokenResolver, &row)
                || disturbed(NonEventKind::CdnMove, &row)
                || disturbed(NonEventKind::ServerOutage, &row);
            if (within && !met) || (!within && in_force) || troubled {
                continue;
            }
            let count = &mut counts.entry(event.id.clone()).or_default()[usize::from(within)];
            count.0 += u32::from(point.status == Status::Blocked);
            count.1 += 1;
        }
    }
    counts
}

#[test]
fn shares_within_and_without_events_are_those_planted() {
    let population = Population::new(&small(5)).unwrap();
    let counts = recount(&population);
    let mut checked = 0;
    for event in population.truth().events.iter().filter(|it| it.kind != Kind::Shutdown) {
        let [outside, within] = counts.get(&event.id).copied().unwrap_or_default();
        // A dense cell has twenty a day; most events last for days.
        assert!(within.1 > 10, "{event:?}: {within:?}");
        let (part, whole) = (f64::from(within.0), f64::from(within.1));
        let share = f64::from(event.share_percent) / 100.0;
        // Four standard errors of a count of chance, and the judge's own errors.
        let error = 4.0 * (share * (1.0 - share) / whole).sqrt() + 0.02;
        assert!((part / whole - share).abs() < error, "{event:?}: {within:?}");
        let (part, whole) = (f64::from(outside.0), f64::from(outside.1));
        assert!(part <= whole * 0.03 + 4.0, "{event:?}: {outside:?}");
        checked += 1;
    }
    assert_eq!(checked, small(5).planted.total() - 3 + 3);
}

/// A shutdown is a collapse of the volume, and nothing else about it is blocked.
#[test]
fn shutdowns_take_the_volume_away() {
    let population = Population::new(&small(6)).unwrap();
    let truth = population.truth();
    let cuts: Vec<&Planted> = truth.events.iter().filter(|it| it.kind == Kind::Shutdown).collect();
    assert_eq!(cuts.len(), 3);
    let mut counts = vec![(0u32, 0u32); cuts.len()];
    let mut late = 0;
    for row in population.rows() {
        let made_s = row.point.at_s;
        for (cut, count) in cuts.iter().zip(&mut counts) {
            for spell in cut.networks.iter().filter(|it| it.asn == row.point.network.asn) {
                let end_s = spell.end_s.unwrap_or(truth.end_s);
                let within = (spell.start_s..end_s).contains(&made_s);
                // The same hours a week before or after.
                let apart = [-7 * DAY_S, 7 * DAY_S].into_iter().filter(|by| {
                    (truth.begin_s..truth.end_s - DAY_S).contains(&(spell.start_s + by))
                });
                let other =
                    apart.into_iter().any(|by| (spell.start_s + by..end_s + by).contains(&made_s));
                count.0 += u32::from(within);
                count.1 += u32::from(other);
                late += u32::from(within && row.arrived_s >= end_s);
            }
        }
    }
    for (cut, (within, other)) in cuts.iter().zip(counts) {
        assert!(within * 8 < other, "{cut:?}: {within} {other}");
    }
    assert!(late > 0);
}

/// What each kind of non-event does is in the rows, and is not a block of anything.
#[test]
fn non_events_look_as_they_should() {
    let population = Population::new(&small(7)).unwrap();
    let mut counts: BTreeMap<NonEventKind, BTreeMap<Status, u32>> = BTreeMap::new();
    for row in population.rows() {
        let point = &row.point;
        let on = population.truth().non_events.iter().filter(|it| {
            (it.start_s..it.end_s).contains(&point.at_s)
                && it.networks.contains(&point.network.asn)
                && it.vantage.is_none_or(|vantage| vantage == point.vantage)
                && it.targets.contains(point.target)
        });
        for non_event in on {
            let of_kind = counts.entry(non_event.kind).or_default();
            *of_kind.entry(point.status).or_default() += 1;
        }
    }
    let share = |kind, status| {
        let of_kind = &counts[&kind];
        let all: u32 = of_kind.values().sum();
        assert!(all > 100, "{kind:?}: {of_kind:?}");
        f64::from(of_kind.get(&status).copied().unwrap_or(0)) / f64::from(all)
    };
    // Blocks that are in force go on meanwhile, and hide some of it.
    let least = [
        (NonEventKind::ServerOutage, Status::Down, 0.6),
        (NonEventKind::ControlOutage, Status::Insufficient, 0.8),
        (NonEventKind::BrokenResolver, Status::Blocked, 0.25),
        (NonEventKind::BrokenResolver, Status::Insufficient, 0.1),
        (NonEventKind::BadVolunteer, Status::Blocked, 0.93),
        (NonEventKind::BrokenIpv6, Status::Insufficient, 0.25),
        (NonEventKind::CaptivePortal, Status::Insufficient, 0.15),
        (NonEventKind::CdnMove, Status::Insufficient, 0.08),
        (NonEventKind::VolumeDip, Status::Ok, 0.3),
        (NonEventKind::WrongClock, Status::Ok, 0.3),
    ];
    for (kind, status, least) in least {
        assert!(share(kind, status) > least, "{kind:?}: {:?}", counts[&kind]);
    }
}

/// A dip is a network that measures about two fifths of the usual.
#[test]
fn dips_take_some_of_the_volume() {
    let mut settings = small(10);
    settings.planted.shutdowns = 0;
    let dipped = Population::new(&settings).unwrap();
    let dips = dipped.truth().non_events.iter().filter(|it| it.kind == NonEventKind::VolumeDip);
    for dip in dips {
        let of_network = dipped.rows().filter(|row| row.point.network.asn == dip.networks[0]);
        let within = of_network.filter(|row| (dip.start_s..dip.end_s).contains(&row.point.at_s));
        let days = (dip.end_s - dip.start_s) as f64 / DAY_S as f64;
        let usual = dipped.dense(dip.networks[0]).len() as f64 * 20.0 * days;
        let part = within.count() as f64 / usual;
        assert!((0.25..0.75).contains(&part), "{dip:?}: {part}");
    }
}

/// What is in memory is sized by the plan and a quarter of an hour of rows, whatever the list or the length.
#[test]
fn a_list_of_650_000_links_takes_no_room() {
    let settings = Settings {
        targets: 700_000,
        days: 12,
        planted: Counts { list_blocks: 1, list_targets: 650_000, ..none() },
        non_events: no_non_events(),
        ..Settings::default()
    };
    let population = Population::new(&settings).unwrap();
    let list = &population.truth().events[0];
    assert!((200_000..=650_000).contains(&list.targets.len()), "{}", list.targets.len());
    assert!(list.targets.ranges().len() < 1_000, "{}", list.targets.ranges().len());
    let json = serde_json::to_string(population.truth()).unwrap();
    assert!(json.len() < 100_000, "{}", json.len());
    let mut rows = population.rows();
    let (mut count, mut most, mut blocked) = (0u32, 0, 0u32);
    while let Some(row) = rows.next() {
        most = most.max(rows.in_memory());
        count += 1;
        let is_sparse =
            population.dense(row.point.network.asn).binary_search(&row.point.target).is_err();
        blocked += u32::from(row.point.status == Status::Blocked && is_sparse);
    }
    assert!(count > 500_000 && most < 3_000, "{count} {most}");
    assert!(blocked > 5_000, "{blocked}");
}

/// Nothing comes in before it is measured, and as much is hours late as configured.
#[test]
fn some_arrive_late() {
    let settings = Settings { planted: none(), non_events: no_non_events(), ..small(9) };
    let (mut all, mut late) = (0u32, 0u32);
    let mut last_s = 0;
    for row in Population::new(&settings).unwrap().rows() {
        let after_s = row.arrived_s - row.point.at_s;
        assert!((5..3 * DAY_S).contains(&after_s), "{row:?}");
        assert!(row.point.at_s >= last_s, "{row:?}");
        last_s = row.point.at_s;
        late += u32::from(after_s >= HOUR_S);
        all += 1;
    }
    let share = f64::from(late) / f64::from(all);
    assert!((0.028..0.032).contains(&share), "{late} of {all}");
}

fn none() -> Counts {
    Counts {
        national_blocks: 0,
        network_blocks: 0,
        partial_blocks: 0,
        throttlings: 0,
        list_blocks: 0,
        list_targets: 1,
        unblocks: 0,
        mechanism_changes: 0,
        shutdowns: 0,
        standing_blocks: 0,
    }
}

fn no_non_events() -> NonEventCounts {
    NonEventCounts {
        cdn_moves: 0,
        server_outages: 0,
        control_outages: 0,
        broken_resolvers: 0,
        bad_volunteers: 0,
        volume_dips: 0,
        broken_ipv6: 0,
        captive_portals: 0,
        wrong_clocks: 0,
    }
}

/// Where nothing is planted, hardly anything is blocked: what the judge gets wrong.
#[test]
fn an_open_country_has_only_the_judges_errors() {
    let settings = Settings {
        dense_cells: 400,
        sparse_per_day: 1_000,
        planted: none(),
        non_events: no_non_events(),
        ..Settings::default()
    };
    let mut tally = Tally::default();
    Population::new(&settings).unwrap().rows().for_each(|row| tally.add(&row));
    assert_eq!(tally.rows, tally.ok + tally.down + tally.blocked + tally.insufficient);
    let share = |count: u64| count as f64 / tally.rows as f64;
    assert!((0.001..0.006).contains(&share(tally.blocked)), "{tally:?}");
    assert!((0.01..0.06).contains(&share(tally.insufficient)), "{tally:?}");
    assert!(share(tally.ok) > 0.92, "{tally:?}");
}

#[test]
fn mistakes_name_the_key() {
    let cases: [(&str, &str, &str); 16] = [
        ("days = 0", "days", "1 to 3660"),
        ("networks = 0", "networks", "1 to 1000"),
        ("volunteers = 5", "volunteers", "120 to 1000000"),
        ("targets = 3", "targets", "100 to 10000000"),
        ("dense_cells = 999999", "dense_cells", "0 to 133333"),
        ("dense_cells = 0", "dense_cells", "more than 0 where something is planted"),
        ("dense_per_day = 0", "dense_per_day", "1 to 10000"),
        ("sparse_per_day = 4000000000", "dense_per_day", "at most 50000000 measurements a day"),
        ("country = \"xa\"", "country", "two capital letters"),
        ("begin_s = 7", "begin_s", "midnight"),
        ("utc_offset_hours = 15", "utc_offset_hours", "-12 to 14"),
        ("days = 5", "days", "at least 10"),
        ("[planted]\nlist_targets = 20001", "planted.list_targets", "at most `targets`"),
        ("[planted]\nnational_blocks = 400", "planted.national_blocks", "fewer"),
        ("[non_events]\nwrong_clocks = 90", "non_events.wrong_clocks", "a sixteenth"),
        ("[noise]\nfalse_down_per_million = 60000", "noise.false_down_per_million", "0 to 50000"),
    ];
    for (text, key, expected) in cases {
        let settings = Settings::parse(text).unwrap();
        let error = Population::new(&settings).unwrap_err();
        assert_eq!(error.key, key, "{text}: {error}");
        assert!(error.expected.contains(expected), "{text}: {error}");
        assert!(error.to_string().starts_with(&format!("{key}: expected ")), "{error}");
    }
    for (text, key) in [
        ("seed = 1\ndais = 3", "dais"),
        ("days = \"x\"", "days"),
        ("[planted]\nshutdowns = -1", "planted.shutdowns"),
        ("[planted]\n\n[noise]\nloud = 1", "noise.loud"),
    ] {
        let error = Settings::parse(text).unwrap_err();
        assert_eq!(error.key, key, "{text}: {error}");
    }
    assert!(Settings::parse(&"#".repeat(70_000)).is_err());
}

/// The file of defaults says what the code does, and every key is explained.
#[test]
fn the_file_of_defaults_is_true_and_documented() {
    let text = Settings::DEFAULT_TOML;
    assert_eq!(Settings::parse(text).unwrap(), Settings::default());
    let is_key = |line: &&str| line.starts_with('#') && line.contains(" = ");
    let uncommented: Vec<&str> = text
        .lines()
        .filter(|line| is_key(line) || line.starts_with('['))
        .map(|line| line.trim_start_matches('#'))
        .collect();
    assert_eq!(Settings::parse(&uncommented.join("\n")).unwrap(), Settings::default());
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/population.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    // As many keys as fields: none is missing from the file.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/population/settings.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let fields = source.lines().filter_map(|line| {
        let (key, _) = line.strip_prefix("    pub ")?.split_once(':')?;
        (!key.contains(' ')).then_some(key)
    });
    for key in
        fields.filter(|key| !["planted", "non_events", "noise", "key", "expected"].contains(key))
    {
        assert!(text.contains(&format!("#{key} = ")), "{key} is not in default.toml");
        assert!(docs.contains(&format!("`{key}`")), "{key} is not in docs/population.md");
    }
    for column in HEAD.trim().split(',') {
        assert!(docs.contains(&format!("`{column}`")), "{column} is not in docs/population.md");
    }
}

/// Somebody who finds all of it, an hour late.
fn oracle(truth: &Truth) -> Vec<Found> {
    let to_find = truth.events.iter().filter(|event| event.is_to_be_found());
    to_find
        .map(|event| Found {
            kind: event.kind,
            targets: event.targets.clone(),
            networks: event.asns().collect(),
            start_s: event.start_s + HOUR_S / 2,
            end_s: event.end_s,
            said_s: event.start_s + HOUR_S,
        })
        .collect()
}

#[test]
fn who_finds_all_has_a_full_score_and_who_finds_nothing_none() {
    let population = Population::new(&Settings::default()).unwrap();
    let truth = population.truth();
    let found = oracle(truth);
    let full = score(&found, truth, &Rule::default());
    assert_eq!((full.planted, full.found, full.fragments, full.wrong), (300, 300, 0, 0));
    assert_eq!((full.precision, full.recall), (1.0, 1.0));
    assert_eq!(full.median_delay_s, Some(HOUR_S));
    assert!(full.missed.is_empty() && full.by_non_event.is_empty());
    let nothing = score(&[], truth, &Rule::default());
    assert_eq!((nothing.found, nothing.precision, nothing.recall), (0, 1.0, 0.0));
    assert_eq!((nothing.missed.len(), nothing.median_delay_s), (300, None));
}

#[test]
fn what_is_wrong_is_counted_by_what_it_is_of() {
    let population = Population::new(&small(8)).unwrap();
    let truth = population.truth();
    let of = |kind| truth.non_events.iter().find(|it| it.kind == kind).unwrap();
    let bad = of(NonEventKind::BadVolunteer);
    let event = truth.events.iter().find(|it| it.variety == Variety::National).unwrap();
    let base = oracle(truth);
    let right = base
        .iter()
        .find(|it| it.start_s == event.start_s + HOUR_S / 2 && it.networks.len() == 12)
        .unwrap();
    // A network at a time: one event and eleven fragments.
    let parts: Vec<Found> =
        right.networks.iter().map(|asn| Found { networks: vec![*asn], ..right.clone() }).collect();
    let scored = score(&parts, truth, &Rule::default());
    assert_eq!((scored.found, scored.right, scored.fragments, scored.wrong), (1, 12, 11, 0));
    assert!((scored.precision_whole - 1.0 / 12.0).abs() < 1e-9);
    // Another kind, another time, other targets: none of it counts.
    let unplanted: TargetSet = (0..truth.targets)
        .filter(|target| {
            !truth.events.iter().any(|it| it.kind != Kind::Shutdown && it.targets.contains(*target))
        })
        .take(5)
        .collect();
    let wrong = [
        Found { kind: Kind::MechanismChange, ..right.clone() },
        Found { start_s: right.start_s - 3 * DAY_S, ..right.clone() },
        Found { targets: unplanted.clone(), ..right.clone() },
        Found { networks: Vec::new(), ..right.clone() },
    ];
    let scored = score(&wrong, truth, &Rule::default());
    assert_eq!((scored.found, scored.right, scored.wrong), (0, 0, 4), "{scored:?}");
    // A block of what nobody blocked, where a volunteer's line is bad.
    let of_bad = Found {
        kind: Kind::Block,
        targets: unplanted,
        networks: bad.networks.clone(),
        start_s: bad.start_s + 2 * DAY_S,
        end_s: None,
        said_s: bad.start_s + 3 * DAY_S,
    };
    let scored = score(std::slice::from_ref(&of_bad), truth, &Rule::default());
    assert_eq!((scored.wrong, scored.wrong_at.as_slice()), (1, [0].as_slice()));
    assert_eq!(scored.of_nothing + scored.by_non_event.values().sum::<usize>(), 1);
    assert_eq!(scored.of_nothing, 0, "{scored:?}");
}

#[test]
fn ends_and_standing_blocks_are_known_and_lifting_may_be_told_as_an_end() {
    let population = Population::new(&Settings::default()).unwrap();
    let truth = population.truth();
    let as_found = |event: &Planted| Found {
        kind: event.kind,
        targets: event.targets.clone(),
        networks: event.asns().collect(),
        start_s: event.start_s,
        end_s: event.end_s,
        said_s: event.start_s,
    };
    let ended =
        truth.events.iter().find(|it| it.kind == Kind::Block && it.end_s.is_some()).unwrap();
    let end = Found { kind: Kind::Unblock, start_s: ended.end_s.unwrap(), ..as_found(ended) };
    let standing = truth.events.iter().find(|it| it.variety == Variety::Standing).unwrap();
    let stands = Found { start_s: truth.begin_s + HOUR_S, ..as_found(standing) };
    let scored = score(&[end, stands.clone()], truth, &Rule::default());
    assert_eq!((scored.known, scored.right, scored.wrong), (2, 0, 0), "{scored:?}");
    let later = Found { start_s: truth.begin_s + 9 * DAY_S, ..stands };
    assert_eq!(score(&[later], truth, &Rule::default()).wrong, 1);
    let lifted = truth.events.iter().find(|it| it.variety == Variety::Unblock).unwrap();
    let as_block = Found {
        kind: Kind::Block,
        start_s: truth.begin_s,
        end_s: Some(lifted.start_s + HOUR_S),
        said_s: lifted.start_s + 5 * HOUR_S,
        ..as_found(lifted)
    };
    let scored = score(&[as_block], truth, &Rule::default());
    assert_eq!((scored.found, scored.median_delay_s), (1, Some(5 * HOUR_S)), "{scored:?}");
}

/// A cell as the careless finder sees it: whether it is blocked, where it has said, and the last that said anything.
type Seen = (Option<bool>, Vec<(i64, bool)>);

/// A finder without any care: cell by cell, four blocked of the last six that say anything are a block, one at most is
/// none. What comes before its first state is no news.
fn careless(population: &Population) -> Vec<Found> {
    let mut states: BTreeMap<(u32, u32), Seen> = BTreeMap::new();
    let mut found = Vec::new();
    for row in population.rows() {
        let point = &row.point;
        let cell = (point.network.asn, point.target);
        let is_dense = population.dense(cell.0).binary_search(&cell.1).is_ok();
        if point.status == Status::Insufficient || !is_dense {
            continue;
        }
        let (state, last) = states.entry(cell).or_default();
        last.push((point.at_s, point.status == Status::Blocked));
        if last.len() < 6 {
            continue;
        }
        let blocked = last.iter().filter(|(_, blocked)| *blocked).count();
        let now = match blocked {
            4.. => true,
            0 | 1 => false,
            _ => state.unwrap_or_default(),
        };
        if state.is_some_and(|before| before != now) {
            let first = last.iter().find(|(_, blocked)| *blocked == now);
            found.push(Found {
                kind: if now { Kind::Block } else { Kind::Unblock },
                targets: TargetSet::from_iter([cell.1]),
                networks: vec![cell.0],
                start_s: first.map_or(point.at_s, |(at_s, _)| *at_s),
                end_s: None,
                said_s: point.at_s,
            });
        }
        *state = Some(now);
        last.remove(0);
    }
    found
}

/// The set is neither trivial nor hopeless: without any care full blocks are found, partial ones are not, one event is
/// hundreds, and faults of lines and resolvers are taken for events.
#[test]
fn a_careless_finder_finds_full_blocks_and_is_fooled() {
    // The figures of docs/population.md are of three seeds; one is enough for every day.
    let shown = std::env::var("WW_SCORES").is_ok();
    for seed in 1..=if shown { 3 } else { 1 } {
        let population = Population::new(&Settings { seed, ..Settings::default() }).unwrap();
        let found = careless(&population);
        let scored = score(&found, population.truth(), &Rule::default());
        if shown {
            println!("{seed}: {} found, {scored:#?}", found.len());
        }
        let part = |variety| {
            let (planted, found) = scored.by_variety[&variety];
            f64::from(u32::try_from(found).unwrap()) / f64::from(u32::try_from(planted).unwrap())
        };
        assert!(part(Variety::National) > 0.9 && part(Variety::Network) > 0.9, "{scored:?}");
        assert!(part(Variety::Unblock) > 0.9, "{scored:?}");
        assert!(part(Variety::Partial) < 0.8, "{scored:?}");
        assert_eq!((part(Variety::Shutdown), part(Variety::MechanismChange)), (0.0, 0.0));
        assert!(scored.fragments > 500 && scored.precision < 0.7, "{scored:?}");
        for kind in [NonEventKind::BrokenResolver, NonEventKind::BadVolunteer] {
            assert!(scored.by_non_event_kind[&kind].1 > 50, "{scored:?}");
        }
        assert!(scored.median_delay_s.unwrap() < 12 * HOUR_S, "{scored:?}");
    }
}

/// A moment of the country is a scenario that the lab takes, with truths of both kinds.
#[test]
fn a_moment_is_a_scenario() {
    for seed in 1..=3 {
        let population = Population::new(&small(seed)).unwrap();
        let at_s = population.noon();
        assert!((at_s - population.truth().begin_s - 10 * DAY_S - 12 * HOUR_S) < 2 * DAY_S);
        let text = population.scenario(&Sample { at_s, networks: 4, targets: 20 });
        let scenario = Scenario::parse("moment", &text).unwrap_or_else(|error| panic!("{error}"));
        assert!(scenario.clients().count() <= 4);
        assert!((10..=20).contains(&scenario.targets().len()), "{}", scenario.targets().len());
        let blocked =
            scenario.truths().iter().filter(|truth| truth.status == Status::Blocked).count();
        let all = scenario.truths().len();
        assert!(blocked > 3 && blocked < all, "{blocked} of {all}");
        assert_eq!(all, scenario.clients().count() * scenario.targets().len());
    }
}
