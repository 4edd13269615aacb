//! Devices that nobody has described, met over the wire: a profile drawn from a seed drives the middlebox, and the catalogue does not have it.
//!
//! Two readings of "differs from every profile in six rows or more" are kept apart: devices drawn at random, of which nearly all differ in more, and
//! devices that stand at a distance of exactly so many rows from the nearest profile. The figures of docs/attribution.md are printed by
//!
//! ```sh
//! UNSEEN=100 cargo test --release -p wirewitness-lab --test runner -- --ignored --nocapture unseen
//! ```

use std::time::Duration;

use wirewitness_analysis::attribution::profile::Prediction;
use wirewitness_analysis::attribution::profile::schema::LENGTH_ROWS;
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::{Lab, LinkSpec, Placement, Topology};
use wirewitness_model::device::Profile;

use super::*;
use crate::numbers::Numbers;
use crate::world::ips;

/// Rows in which an unseen device differs from every profile, at least.
const FAR: usize = 6;

type Rows = Vec<bool>;

/// What each profile censors, in each of its configurations.
fn known(catalogue: &Catalogue) -> Vec<Rows> {
    let of = |profile: &Profile, number: usize| -> Option<Rows> {
        let is = |row: &&'static str| {
            Some(profile.cell("tls", row, number)?.is == Prediction::Vector(true))
        };
        LENGTH_ROWS.iter().map(is).collect()
    };
    let all = catalogue.profiles().iter();
    all.flat_map(|it| {
        let count = it.configurations_of("tls").len();
        (0..count).filter_map(move |number| of(it, number)).collect::<Vec<_>>()
    })
    .collect()
}

/// What every two of them censor together: sets of two are weighed as well, and what looks like one is called one.
fn sets(known: &[Rows]) -> Vec<Rows> {
    let both = |one: &Rows, other: &Rows| -> Rows {
        one.iter().zip(other).map(|(one, other)| *one || *other).collect()
    };
    known.iter().flat_map(|one| known.iter().map(move |other| both(one, other))).collect()
}

/// Rows in which it differs from the nearest profile.
fn distance(rows: &Rows, known: &[Rows]) -> usize {
    let of = |it: &Rows| it.iter().zip(rows).filter(|(one, other)| one != other).count();
    known.iter().map(of).min().unwrap_or(0)
}

/// Every row drawn anew.
fn drawn(numbers: &mut Numbers, known: &[Rows]) -> Rows {
    loop {
        let rows: Rows = LENGTH_ROWS.iter().map(|_| numbers.next() >> 63 == 1).collect();
        if distance(&rows, known) >= FAR {
            return rows;
        }
    }
}

/// A profile with so many rows changed, that is no nearer to any other.
fn changed(numbers: &mut Numbers, known: &[Rows], changes: usize) -> Rows {
    loop {
        let mut rows = known[(numbers.next() % known.len() as u64) as usize].clone();
        let mut at = std::collections::BTreeSet::new();
        while at.len() < changes {
            at.insert((numbers.next() % rows.len() as u64) as usize);
        }
        at.into_iter().for_each(|it| rows[it] = !rows[it]);
        if distance(&rows, known) == changes {
            return rows;
        }
    }
}

fn profile(rows: &Rows) -> Profile {
    let mut text =
        "id = \"UNSEEN\"\nname = \"A device that nobody has described\"\nabout = \"Drawn.\"\n\
         [source.DRAWN]\ntitle = \"Drawn from a seed\"\ndate = \"unknown\"\ngrade = \"D\"\n[tls]\n"
            .to_owned();
    for (row, censors) in LENGTH_ROWS.iter().zip(rows) {
        let is = if *censors { "censored" } else { "bypass" };
        text += &format!("\"{row}\" = {{ is = \"{is}\", source = \"DRAWN\" }}\n");
    }
    text += "[position]\nbehaviours = { is = [\"rst\"], source = \"DRAWN\" }\n";
    Profile::parse("unseen.toml", &text).unwrap()
}

/// What a battery over a path with this device comes to: who reads TLS so, and the verdict.
fn met(rows: &Rows, seed: u64, catalogue: &Catalogue) -> (Vec<String>, String) {
    let mut topology = Topology::new(seed);
    let client = topology.host("home", &ips(&["10.0.0.2"]));
    let server = topology.host("far-end", &ips(&["192.88.99.10"]));
    let gateway = topology.router("gateway", &ips(&["10.0.0.1"]));
    let border = topology.router("border", &ips(&["192.88.99.1"]));
    let access = topology.link(client, gateway, LinkSpec::delay(Duration::from_millis(10)));
    topology.link(gateway, border, LinkSpec::delay(Duration::from_millis(25)));
    topology.link(server, border, LinkSpec::delay(Duration::from_millis(3)));
    topology.inside(gateway, &[access]);
    let settings =
        DeviceSettings { names: Names::new(["censored.example"]), ..DeviceSettings::default() };
    let device = Device::new(&profile(rows), &settings).unwrap();
    topology.middlebox(gateway, Placement::OnPath, device);
    let plan = Plan {
        event: "unseen".to_owned(),
        tests: vec![Test::Tls],
        ..Plan::new("censored.example", "harmless.example", seed)
    };
    let ran = Lab::run(topology, |lab| async move {
        let server_at = std::net::SocketAddr::from(([192, 88, 99, 10], CONTROL));
        let token = ConsentToken::issue(server_at, (20_000..20_064).collect(), vec![53], [7; 32]);
        far_end(&lab.net(server), token.clone()).await;
        let net = lab.net(client);
        let trust = Trust::new(Trust::mozilla(), &net).unwrap();
        let url = format!("http://{server_at}/").parse().unwrap();
        battery::run(&net, &FarEnd { url, token, trust }, &plan, &|_| {}).await
    });
    let named = Named::of(&ran.unwrap().unwrap(), catalogue);
    (named.first(Family::TlsParser).to_vec(), named.verdict)
}

#[test]
fn a_device_that_nobody_has_described_is_unknown_over_the_wire() {
    let catalogue = catalogue();
    let known = known(&catalogue);
    // Nine devices, three of TSG's builds.
    assert_eq!(known.len(), 11);
    let (mut numbers, sets) = (Numbers(1), sets(&known));
    for seed in 1..=3 {
        let (first, verdict) = met(&drawn(&mut numbers, &sets), seed, &catalogue);
        assert_eq!(first, ["UNKNOWN"], "{seed}");
        assert_eq!(verdict, "blocking confirmed; vendor not attributable from packets", "{seed}");
    }
}

#[test]
#[ignore = "minutes: prints figures"]
fn figures_of_unseen_devices() {
    let catalogue = catalogue();
    let known = known(&catalogue);
    let many = std::env::var("UNSEEN").ok().and_then(|it| it.parse().ok()).unwrap_or(100);
    let mut kinds = vec![("drawn", None)];
    kinds.extend([6, 7, 8].map(|it| ("changed", Some(it))));
    for (kind, changes) in kinds {
        let mut numbers = Numbers(changes.map_or(2, |it| 10 + it as u64));
        let (mut names, mut verdicts): (BTreeMap<String, u32>, BTreeMap<String, u32>) =
            (BTreeMap::new(), BTreeMap::new());
        let (mut distances, mut unknown): (BTreeMap<usize, u32>, u32) = (BTreeMap::new(), 0);
        for seed in 1..=many {
            let rows = match changes {
                None => drawn(&mut numbers, &known),
                Some(changes) => changed(&mut numbers, &known, changes),
            };
            *distances.entry(distance(&rows, &known)).or_default() += 1;
            let (first, verdict) = met(&rows, seed, &catalogue);
            unknown += u32::from(first == ["UNKNOWN"]);
            *names.entry(first.join(" or ")).or_default() += 1;
            *verdicts.entry(verdict).or_default() += 1;
        }
        println!("\n{kind} {changes:?}: UNKNOWN {unknown} of {many}; distances {distances:?}");
        println!("    {names:?}\n    {verdicts:?}");
    }
}
