//! The attribution battery over the wire of the lab: its own far end, a path with known devices, and the name that comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wirewitness_analysis::attribution::evidence::{Value, What, evidence};
use wirewitness_analysis::attribution::ladder::{Attribution, attribute};
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::profile::schema::Family;
use wirewitness_lab::Scenario;
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::middlebox::device::{Device, DeviceSettings, shipped};
use wirewitness_model::battery::{Battery, Behaviour};
use wirewitness_net::Listen;
use wirewitness_net::raw::Raw;
use wirewitness_probe::Trust;
use wirewitness_probe::battery::{self, ConsentToken, FarEnd, Plan, Test};
use wirewitness_probe::helper::battery::fragments::count;
use wirewitness_probe::helper::battery::headers::watch;
use wirewitness_probe::helper::battery::{Bounds, Desk, Ports, take_in};
use wirewitness_probe::helper::{Access, Helper, Limits, PublicOnly, Standing, serve};

use crate::test_scenario::shipped as scenario;

mod confusion;
mod unseen;

const CONTROL: u16 = 8080;

fn catalogue() -> Catalogue {
    Catalogue::parse(shipped::SHIPPED.iter().copied()).unwrap()
}

/// The far end of a battery, on a host.
async fn far_end(net: &HostNet, token: ConsentToken) {
    let trust = Trust::new(Trust::mozilla(), net).unwrap();
    let standing =
        Standing { trust, rule: Arc::new(PublicOnly::default()), asns: Arc::new(|_| None) };
    let address = token.address;
    let desk = Arc::new(Desk::new(token, Bounds::default()));
    let helper = Helper::new(net.clone(), standing, Access::Public, Limits::default());
    let helper = helper.with_battery(Arc::clone(&desk));
    let listener = Listen::listen(net, (address, CONTROL).into()).await.unwrap();
    tokio::spawn(serve::<HostNet>(listener, None, Arc::new(helper)));
    let ports = Ports::open(net, address, &desk).await.unwrap();
    tokio::spawn(take_in(net.clone(), ports, Arc::clone(&desk)));
    if let Ok(pieces) = net.pieces() {
        desk.counts_fragments();
        tokio::spawn(count(net.clone(), pieces, Arc::clone(&desk)));
    }
    if let Ok(segments) = net.segments(&desk.token().tcp) {
        desk.records_headers();
        tokio::spawn(watch(net.clone(), segments, desk));
    }
}

/// Runs a battery on a scenario's path.
fn run(scenario: &Scenario, seed: u64, tests: &[Test]) -> Battery {
    let names = scenario.battery().unwrap();
    let plan = Plan {
        event: scenario.name().to_owned(),
        tests: tests.to_vec(),
        ..Plan::new(&names.trigger, &names.neutral, seed)
    };
    let ran = scenario.run(Some(seed), |running| async move {
        let helper = &running.helpers()[0];
        let address = helper.addresses[0];
        let tcp = (20_000..20_064).collect();
        // Injectors look at 53; the others are there so that a battery need not wait for one to rest.
        let udp = [53].into_iter().chain(20_100..20_160).collect();
        let server = std::net::SocketAddr::new(address, CONTROL);
        let token = ConsentToken::issue(server, tcp, udp, [7; 32]);
        far_end(&helper.net, token.clone()).await;
        let net = running.client("home").unwrap();
        let trust = Trust::new(Trust::mozilla(), &net).unwrap();
        let url = format!("http://{address}:{CONTROL}/").parse().unwrap();
        battery::run(&net, &FarEnd { url, token, trust }, &plan, &|_| {}).await
    });
    ran.unwrap().unwrap()
}

/// What a battery comes to: the first of each family, and the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    /// By family, and how the block showed itself.
    families: BTreeMap<(Family, Option<Behaviour>), Vec<String>>,
    verdict: String,
}

impl Named {
    fn of(battery: &Battery, catalogue: &Catalogue) -> Self {
        // Stored and read again, as a person would.
        let text = battery.to_json();
        let battery = Battery::from_json("battery.json", text.as_bytes()).unwrap();
        let evidence = evidence(&battery);
        let attribution: Attribution<'_> = attribute(&evidence, catalogue);
        let families = attribution.families.iter().map(|family| {
            // Those that are as probable as the first cannot be told from it.
            let best = family.ranked.first().map_or(0.0, |it| it.post);
            let alike = family.ranked.iter().take_while(|it| it.post > 0.9 * best);
            (
                (family.evidence.family, family.evidence.behaviour),
                alike.map(|it| it.who.word()).collect(),
            )
        });
        Self { families: families.collect(), verdict: attribution.verdict() }
    }

    fn first(&self, family: Family) -> &[String] {
        let mut found = self.families.iter().filter(|((of, _), _)| *of == family);
        found.next().map_or(&[], |(_, names)| names.as_slice())
    }
}

/// What is not as it should be on a path, in a million.
#[derive(Clone, Copy, Default)]
struct Flaws {
    /// Packets lost on the client's line.
    loss: u32,
    /// Triggers on which a device does not act.
    idle: u32,
}

/// A path with these devices.
fn path(devices: &[&str], flaws: Flaws) -> Scenario {
    let Flaws { loss, idle } = flaws;
    let mut text = format!(
        "name = \"path\"\nabout = \"A path.\"\n\
         [battery]\ntrigger = \"censored.example\"\nneutral = \"harmless.example\"\n\
         [[gateway]]\nname = \"gateway\"\naddresses = [\"10.0.0.1\"]\nuplink = {{ delay_ms = 25 }}\n\
         [[client]]\nname = \"home\"\naddresses = [\"10.0.0.2\"]\ngateway = \"gateway\"\n\
         access = {{ delay_ms = 10, loss_per_million = {loss} }}\n\
         [[helper]]\nname = \"far-end\"\nnames = [\"far-end.example\"]\n\
         addresses = [\"192.88.99.10\"]\nlink = {{ delay_ms = 3 }}\n"
    );
    for device in devices {
        let profile = shipped::profile(device).unwrap().unwrap();
        let in_path = Device::needs_the_path(&profile, &DeviceSettings::default()).unwrap();
        let placement = if in_path { "in-path" } else { "on-path" };
        text += &format!(
            "[[middlebox]]\ngateway = \"gateway\"\nplacement = \"{placement}\"\nsource = \"its profile\"\n\
             device = {{ profile = \"{device}\", names = [\"censored.example\"], idle_per_million = {idle} }}\n"
        );
    }
    Scenario::parse("path.toml", &text).unwrap()
}

/// The first of a family, as a battery of some tests on a scenario's path has it.
fn first(name: &str, tests: &[Test], family: Family) -> Vec<String> {
    let battery = run(&scenario(&format!("attribution-{name}.toml")), 1, tests);
    let facts = battery.run.as_ref().unwrap();
    assert_eq!((facts.ended.as_deref(), facts.connections < 1_500), (None, true), "{name}");
    Named::of(&battery, &catalogue()).first(family).to_vec()
}

fn tls(names: &[(&str, &str)]) {
    for (name, expected) in names {
        assert_eq!(first(name, &[Test::Tls], Family::TlsParser), [*expected], "{name}");
    }
}

#[test]
fn devices_that_reset_are_named_by_how_they_read_tls() {
    tls(&[
        ("tsg", "TSG"),
        ("gfw-i", "GFW_I"),
        ("gfw-ii", "GFW_II"),
        ("gfw-iii", "GFW_III"),
        ("henan", "HENAN"),
    ]);
}

#[test]
fn devices_that_drop_and_others_are_named_by_how_they_read_tls() {
    tls(&[
        ("myanmar", "MYANMAR"),
        ("pk-rst", "PK_RST"),
        // Saturated: named, and good for nothing.
        ("pk-drop", "PK_DROP"),
        ("kazakhstan", "KAZAKHSTAN"),
    ]);
}

#[test]
fn where_nobody_interferes_nobody_is_named() {
    tls(&[("clean", "NONE"), ("lossy", "NONE")]);
}

#[test]
fn dns_injectors_are_named_as_far_as_they_can_be_told_apart() {
    for (name, expected) in [
        ("tsg", &["CN_INJ2", "TSG"][..]),
        ("cn-inj2", &["CN_INJ2", "TSG"]),
        ("cn-inj1", &["CN_INJ1"]),
        ("cn-inj3", &["CN_INJ3"]),
        ("iran", &["IRAN"]),
        ("turkmenistan", &["TURKMENISTAN"]),
        ("pk-dns", &["UNKNOWN"]),
    ] {
        assert_eq!(first(name, &[Test::Dns], Family::DnsResponse), expected, "{name}");
    }
}

#[test]
fn how_many_fragments_a_device_joins_is_measured_as_its_profile_has_it() {
    // Of two that stand beside each other the boundary falls between: all that was tried up to it, and the next.
    for (name, at, next) in [
        ("tsg", 101, Some(102)),
        ("gfw-i", 500, None),
        ("gfw-ii", 102, Some(103)),
        ("gfw-iii", 0, Some(2)),
        ("henan", 0, Some(2)),
        ("kazakhstan", 0, Some(2)),
        ("pk-rst", 0, Some(2)),
        ("pk-drop", 500, None),
        ("myanmar", 500, None),
    ] {
        let scenario = scenario(&format!("attribution-{name}.toml"));
        let battery = run(&scenario, 1, &[Test::Fragments]);
        let facts = battery.run.as_ref().unwrap();
        assert_eq!((facts.ended.as_deref(), facts.skipped.len()), (None, 0), "{name} {facts:?}");
        let evidence = evidence(&battery);
        let fragments = evidence.iter().find(|it| it.family == Family::IpFragments).unwrap();
        let boundary = What::Value(Value::Boundary { at, next });
        assert_eq!(fragments.seen.len(), 1, "{name} {fragments:?}");
        assert_eq!(fragments.seen[0].what, boundary, "{name}");
        for probe in battery.fragments.iter().flat_map(|it| &it.probes) {
            assert_eq!(probe.negative.unwrap().hits, 0, "{name} {}", probe.vector);
        }
        let profile = shipped::profile(&name.replace('-', "_")).unwrap().unwrap();
        let named = Named::of(&battery, &catalogue());
        assert!(named.first(Family::IpFragments).contains(&profile.id), "{name} {named:?}");
    }
}

#[test]
fn that_no_fragment_is_joined_is_nobodys_mark_where_nobody_acts_on_the_name() {
    let battery = run(&scenario("attribution-clean.toml"), 1, &[Test::Fragments]);
    let found = evidence(&battery);
    let fragments = found.iter().find(|it| it.family == Family::IpFragments).unwrap();
    assert!(fragments.seen.is_empty() && fragments.notes[0].starts_with("not applicable"));
    let named = Named::of(&battery, &catalogue());
    assert!(named.verdict.contains("no interference"), "{named:?}");
}

#[test]
fn pages_name_their_maker() {
    for (name, expected) in [
        ("fortinet", "FORTINET"),
        ("cisco", "CISCO"),
        ("palo-alto", "PALO_ALTO"),
        ("netsweeper", "NETSWEEPER"),
        ("blue-coat", "BLUE_COAT"),
        ("vas-experts", "VAS_EXPERTS"),
    ] {
        assert_eq!(first(name, &[Test::Http], Family::Blockpage), [expected], "{name}");
    }
}

#[test]
fn resets_at_the_far_end_tell_their_device() {
    // The time to live of GFW_II, 255, is that of an observer on the device's own link; here a router is between. Of Sandvine two
    // cells are known, and what is drawn for the others is generic: TSG, of which five are known, explains it better.
    for (name, headers, has_key) in [
        ("tsg", Some("TSG"), true),
        ("gfw-i", Some("GFW_I"), false),
        ("gfw-ii", None, true),
        ("pk-rst", Some("PK_RST"), false),
        ("sandvine-packetlogic", None, false),
    ] {
        let scenario = scenario(&format!("attribution-{name}.toml"));
        let battery = run(&scenario, 1, &[Test::Resets]);
        let named = Named::of(&battery, &catalogue());
        assert!(
            headers.is_none_or(|it| named.first(Family::RstStatic) == [it]),
            "{name} {named:?}"
        );
        let found = format!("{:?}", evidence(&battery));
        assert_eq!(found.contains("Stable(Stable { k: 13"), has_key, "{name} {found}");
    }
}

#[test]
fn devices_are_named_by_how_they_read_quic() {
    for (name, expected) in [
        ("tsg", "TSG"),
        ("gfw-quic", "GFW_QUIC"),
        ("kazakhstan", "KAZAKHSTAN"),
        ("myanmar", "MYANMAR"),
        ("pk-quic", "PK_QUIC"),
        ("clean", "NONE"),
    ] {
        let scenario = scenario(&format!("attribution-{name}.toml"));
        let battery = run(&scenario, 1, &[Test::Quic]);
        let named = Named::of(&battery, &catalogue());
        assert_eq!(battery.run.unwrap().ended, None, "{name}");
        assert_eq!(named.first(Family::QuicParser), [expected], "{name}");
    }
}
