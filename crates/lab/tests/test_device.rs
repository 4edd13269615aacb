//! Known devices on the wire: what their profiles say of each probe is what a client and a server see.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::middlebox::device::{Act, Device, DeviceSettings, shipped};
use wirewitness_lab::middlebox::names::Names;
use wirewitness_lab::{HostId, Lab, LinkId, LinkSpec, Placement, Topology};
use wirewitness_model::battery::lengths::Field;
use wirewitness_model::battery::rows::row_of;
use wirewitness_model::device::{Prediction, Profile};
use wirewitness_net::Net;

use crate::test_scenario::shipped as scenario;
use crate::world::ips;

mod answers;
mod quic;
mod resets;

const CENSORED: &str = "censored.example";
const HARMLESS: &str = "harmless.example";
const SERVER: &str = "192.0.2.80";

fn settings() -> DeviceSettings {
    DeviceSettings { names: Names::new([CENSORED]), ..DeviceSettings::default() }
}

fn profile(name: &str) -> Profile {
    shipped::profile(name).unwrap().unwrap()
}

/// client - device - border - server.
fn topology(name: &str, settings: &DeviceSettings) -> (Topology, [HostId; 2]) {
    let (topology, hosts, _) = tapped(name, settings);
    (topology, hosts)
}

/// The same, with the links of both ends.
fn tapped(name: &str, settings: &DeviceSettings) -> (Topology, [HostId; 2], [LinkId; 2]) {
    let mut topology = Topology::new(7);
    let client = topology.host("client", &ips(&["198.51.100.2"]));
    let server = topology.host("server", &ips(&[SERVER]));
    let gateway = topology.router("gateway", &ips(&["198.51.100.1"]));
    let border = topology.router("border", &ips(&["192.0.2.1"]));
    let access = topology.link(client, gateway, LinkSpec::delay(Duration::from_millis(5)));
    topology.link(gateway, border, LinkSpec::delay(Duration::from_millis(20)));
    let far = topology.link(server, border, LinkSpec::delay(Duration::from_millis(1)));
    topology.inside(gateway, &[access]);
    let profile = profile(name);
    let in_path = Device::needs_the_path(&profile, settings).unwrap();
    let placement = if in_path { Placement::InPath } else { Placement::OnPath };
    topology.middlebox(gateway, placement, Device::new(&profile, settings).unwrap());
    (topology, [client, server], [access, far])
}

/// A hello with its name in the middle of its extensions, and where its lengths stand.
struct Hello {
    bytes: Vec<u8>,
    lengths: Vec<(Field, usize, usize)>,
    last_extension: u32,
}

impl Hello {
    fn new(name: &str) -> Self {
        let (mut bytes, mut lengths) = (vec![22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3], Vec::new());
        bytes.extend([0x5a; 32]);
        lengths.extend([(Field::Record, 3, 2), (Field::Message, 6, 3)]);
        lengths.push((Field::SessionId, bytes.len(), 1));
        bytes.push(0);
        lengths.push((Field::CipherSuites, bytes.len(), 2));
        bytes.extend([0, 6, 0x13, 1, 0x13, 2, 0x13, 3]);
        lengths.push((Field::Compression, bytes.len(), 1));
        bytes.extend([1, 0]);
        let extensions = bytes.len();
        lengths.push((Field::Extensions, extensions, 2));
        bytes.extend([0, 0]);
        bytes.extend([0, 43, 0, 3, 2, 3, 4]);
        let len = name.len() as u8;
        lengths.push((Field::SniExtension, bytes.len() + 2, 2));
        lengths.push((Field::SniList, bytes.len() + 4, 2));
        lengths.push((Field::SniName, bytes.len() + 7, 2));
        bytes.extend([0, 0, 0, len + 5, 0, len + 3, 0, 0, len]);
        bytes.extend(name.as_bytes());
        bytes.extend([0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
        let last = bytes.len();
        bytes.extend([0, 21, 0, 60]);
        bytes.extend([0; 60]);
        let mut hello = Self { last_extension: (bytes.len() - last) as u32, bytes, lengths };
        let len = hello.bytes.len() as u32;
        hello.put((3, 2), len - 5);
        hello.put((6, 3), len - 9);
        hello.put((extensions, 2), len - extensions as u32 - 2);
        hello
    }

    fn put(&mut self, (at, width): (usize, usize), value: u32) {
        self.bytes[at..at + width].copy_from_slice(&value.to_be_bytes()[4 - width..]);
    }

    fn value(&self, (at, width): (usize, usize)) -> u32 {
        self.bytes[at..at + width].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    }

    /// Every lie about a length of it, with its name.
    fn lies(name: &str) -> Vec<(String, Vec<u8>)> {
        let honest = Self::new(name);
        let mut lies = Vec::new();
        for &(field, at, width) in &honest.lengths {
            let value = honest.value((at, width));
            for (vector, lie) in field.lies(value, honest.last_extension) {
                let mut hello = Self::new(name);
                hello.put((at, width), lie);
                lies.push((vector, hello.bytes));
            }
        }
        lies
    }
}

/// What both ends saw of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The server had all of it.
    arrived: bool,
    /// The client was answered or interrupted: the server never says a word.
    answered: bool,
}

impl Seen {
    fn is_blocked(&self) -> bool {
        self.answered || !self.arrived
    }
}

/// Sends a message to a port of its own.
async fn send(client: &HostNet, server: &HostNet, port: u16, message: &[u8]) -> Seen {
    let listener = server.listen(port).unwrap();
    let want = message.len();
    let sink = tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap();
        let mut got = vec![0; want];
        let whole = timeout(Duration::from_secs(3), stream.read_exact(&mut got)).await;
        let whole = matches!(whole, Ok(Ok(_)));
        // Nothing is said, not even goodbye, while the client listens.
        tokio::time::sleep(Duration::from_secs(8)).await;
        whole
    });
    let remote = SocketAddr::new(SERVER.parse().unwrap(), port);
    let mut stream = client.connect(remote).await.unwrap();
    stream.write_all(message).await.unwrap();
    let answer = timeout(Duration::from_secs(6), stream.read(&mut [0; 64])).await;
    let answered = answer.is_ok();
    Seen { arrived: sink.await.unwrap(), answered }
}

/// Sends messages through a device, each to a port of its own.
fn through(name: &str, settings: &DeviceSettings, messages: &[Vec<u8>]) -> Vec<Seen> {
    let (topology, [client, server]) = topology(name, settings);
    let messages = messages.to_vec();
    Lab::run(topology, |lab| async move {
        let (client, server) = (lab.net(client), lab.net(server));
        let mut seen = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            seen.push(send(&client, &server, 1000 + number as u16, message).await);
        }
        seen
    })
    .unwrap()
}

fn with_tls_cells() -> Vec<(&'static str, Profile)> {
    let all = shipped::SHIPPED.iter().map(|(name, _)| (*name, profile(name)));
    all.filter(|(_, it)| it.cells.keys().any(|(section, _)| *section == "tls")).collect()
}

#[test]
fn every_tls_cell_of_every_device_is_met_on_the_wire() {
    let devices = with_tls_cells();
    assert_eq!(devices.len(), 9);
    let censored = Hello::lies(CENSORED);
    let harmless = Hello::lies(HARMLESS);
    let messages: Vec<Vec<u8>> = [Hello::new(CENSORED).bytes, Hello::new(HARMLESS).bytes]
        .into_iter()
        .chain(censored.iter().chain(&harmless).map(|(_, bytes)| bytes.clone()))
        .collect();
    for (name, profile) in devices {
        let seen = through(name, &settings(), &messages);
        assert!(seen[0].is_blocked(), "{name}: the positive control");
        assert!(!seen[1].is_blocked(), "{name}: the baseline");
        let (of_censored, of_harmless) = seen[2..].split_at(censored.len());
        for ((vector, _), seen) in censored.iter().zip(of_censored) {
            let row = row_of("tls", vector).unwrap();
            let cell = &profile.cell("tls", row, 0).unwrap().is;
            assert_eq!(Prediction::Vector(seen.is_blocked()), *cell, "{name} {vector}");
        }
        assert!(of_harmless.iter().all(|it| !it.is_blocked()), "{name}: a negative control");
    }
}

#[test]
fn what_a_device_does_is_what_its_profile_says() {
    let message = [Hello::new(CENSORED).bytes];
    for (name, act, seen) in [
        ("pk_drop", None, Seen { arrived: false, answered: false }),
        ("kazakhstan", None, Seen { arrived: false, answered: false }),
        // Beside the path: the hello arrives all the same.
        ("pk_rst", None, Seen { arrived: true, answered: true }),
        ("gfw_i", None, Seen { arrived: true, answered: true }),
        ("henan", None, Seen { arrived: true, answered: true }),
        ("airtel_in", None, Seen { arrived: true, answered: true }),
        ("uzbekistan", None, Seen { arrived: true, answered: true }),
        // In the path, since it drops QUIC.
        ("tsg", None, Seen { arrived: false, answered: true }),
        ("tsg", Some(Act::Drop), Seen { arrived: false, answered: false }),
        // They have no plug-in for it.
        ("cn_inj1", None, Seen { arrived: true, answered: false }),
        ("gfw_quic", None, Seen { arrived: true, answered: false }),
        ("cisco", None, Seen { arrived: true, answered: false }),
    ] {
        let settings = DeviceSettings { tcp: act, ..settings() };
        assert_eq!(through(name, &settings, &message), [seen], "{name} {act:?}");
    }
}

#[test]
fn every_profile_has_a_path_for_the_battery() {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios")).unwrap()
    {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("attribution-") {
            let scenario = scenario(&name);
            assert_eq!(format!("{}.toml", scenario.name()), name);
            assert!(scenario.battery().is_some(), "{name}");
            all.push(name);
        }
    }
    for (profile, _) in shipped::SHIPPED {
        let name = format!("attribution-{}.toml", profile.replace('_', "-"));
        assert!(all.contains(&name), "{name}");
    }
}
