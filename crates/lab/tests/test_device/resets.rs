//! The key of forged resets, from what each end captured: by address, blind behind address translation, and none of other devices.

use std::net::Ipv4Addr;

use wirewitness_analysis::attribution::arithmetic::seed::{By, Fields, SeedKey, seed_key};
use wirewitness_lab::capture::{Record, Way};
use wirewitness_lab::frame::flags;
use wirewitness_lab::middlebox::nat::Nat;

use super::*;

/// Where the client is, and where the world sees it behind translation.
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

/// What a host's own stack sends of itself has no window.
fn resets(records: &[Record]) -> Vec<Fields> {
    let of = |record: &Record| {
        let packet = record.frame.packet()?;
        let tcp = packet.tcp().filter(|tcp| tcp.has(flags::RST) && tcp.window != 0)?;
        let (window, identification) = (tcp.window, packet.identification);
        Some(Fields { window, identification, ttl: packet.ttl })
    };
    records.iter().filter(|it| it.way == Way::In).filter_map(of).collect()
}

/// Resets that client and server get of twelve triggers.
fn captured(topology: Topology, hosts: [HostId; 2], links: [LinkId; 2]) -> [Vec<Fields>; 2] {
    Lab::run(topology, |lab| async move {
        links.iter().for_each(|link| lab.tap(*link));
        let (client, server) = (lab.net(hosts[0]), lab.net(hosts[1]));
        for port in 1000..1012 {
            send(&client, &server, port, &Hello::new(CENSORED).bytes).await;
        }
        links.map(|link| resets(&lab.records(link)))
    })
    .unwrap()
}

fn key(found: &SeedKey) -> Option<(u16, bool)> {
    match found {
        SeedKey::Stable(stable) => Some((stable.k, stable.by == By::Blind)),
        _ => None,
    }
}

#[test]
fn the_key_of_a_device_is_found_at_both_ends_and_none_of_others() {
    for (name, expected) in [
        ("tsg", Some((13, false))),
        ("gfw_ii", Some((13, false))),
        ("gfw_i", None),
        ("henan", None),
        ("pk_rst", None),
        ("myanmar", None),
        ("airtel_in", None),
        ("sandvine_packetlogic", None),
        ("uzbekistan", None),
        ("gfw_20250820", None),
    ] {
        let (topology, hosts, links) = tapped(name, &settings());
        let [to_client, to_server] = captured(topology, hosts, links);
        assert_eq!(key(&seed_key(&to_client, Some((FAR, CLIENT)))), expected, "{name}");
        let found = key(&seed_key(&to_server, Some((CLIENT, FAR))));
        let one_sided = ["henan", "airtel_in"].contains(&name);
        assert!(one_sided || found == expected, "{name} {found:?}");
    }
}

#[test]
fn without_its_signature_a_device_has_no_key() {
    let off = DeviceSettings { configurations: vec!["signature off".to_owned()], ..settings() };
    let (topology, hosts, links) = tapped("tsg", &off);
    let [to_client, _] = captured(topology, hosts, links);
    assert_eq!(seed_key(&to_client, Some((FAR, CLIENT))), SeedKey::Inconsistent);
}

/// client - device - translation - border - server: the device sees an address that the server does not.
fn behind_translation(name: &str) -> [Vec<Fields>; 2] {
    let mut topology = Topology::new(3);
    let client = topology.host("client", &ips(&["100.64.3.9"]));
    let stand_in = topology.host("public-address", &[PUBLIC.into()]);
    let server = topology.host("server", &ips(&[SERVER]));
    let gateway = topology.router("gateway", &ips(&["100.64.0.1"]));
    let carrier = topology.router("carrier", &ips(&["203.0.113.1"]));
    let border = topology.router("border", &ips(&["192.0.2.1"]));
    let link = |ms| LinkSpec::delay(Duration::from_millis(ms));
    let access = topology.link(client, gateway, link(5));
    let inner = topology.link(gateway, carrier, link(5));
    topology.link(stand_in, carrier, link(1));
    topology.link(carrier, border, link(20));
    let far = topology.link(server, border, link(1));
    topology.inside(gateway, &[access]);
    topology.inside(carrier, &[inner]);
    let device = Device::new(&profile(name), &settings()).unwrap();
    topology.middlebox(gateway, Placement::OnPath, device);
    topology.middlebox(carrier, Placement::InPath, Nat::new(PUBLIC.into()));
    captured(topology, [client, server], [access, far])
}

#[test]
fn behind_translation_only_the_blind_estimator_finds_the_key() {
    let [to_client, to_server] = behind_translation("tsg");
    assert!(to_server.len() >= 12, "{}", to_server.len());
    // The server knows the public address, the device knew the other.
    assert_eq!(key(&seed_key(&to_server, Some((PUBLIC, FAR)))), Some((13, true)));
    let inside = "100.64.3.9".parse().unwrap();
    assert_eq!(key(&seed_key(&to_client, Some((FAR, inside)))), Some((13, false)));
    for name in ["gfw_i", "pk_rst", "gfw_20250820"] {
        let [_, to_server] = behind_translation(name);
        assert_eq!(key(&seed_key(&to_server, Some((PUBLIC, FAR)))), None, "{name}");
    }
}

/// Identifications of a narrow range leave few of the counter's values: the same few packets, too few for a key.
#[test]
fn few_different_packets_are_too_few() {
    let (topology, hosts, links) = tapped("gfw_iii", &settings());
    let [to_client, _] = captured(topology, hosts, links);
    assert!(to_client.iter().all(|it| (39_190..=39_219).contains(&it.identification)));
    assert_eq!(seed_key(&to_client, Some((FAR, CLIENT))), SeedKey::TooFew);
}
