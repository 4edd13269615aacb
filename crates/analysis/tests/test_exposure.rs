//! The audit over a person's day: each channel with its severity and count; what remains behind a VPN; what is refused.

use wirewitness_analysis::exposure::channel::Severity::{Critical, High, Low, Medium};
use wirewitness_analysis::exposure::compare::{Became, compare};
use wirewitness_analysis::exposure::mask::Values;
use wirewitness_analysis::exposure::report::State;
use wirewitness_analysis::exposure::{Audit, Refusal, Report, Settings, Whose};
use wirewitness_wire::file::{Step, Walk};
use wirewitness_wire::link::{Carried, innermost};

use crate::life::{self, Life};

fn settings(values: Values, devices: Whose) -> Settings {
    Settings { salt: [3; 32], values, devices, named: Vec::new() }
}

fn audit_bytes(file: &[u8], settings: Settings) -> Result<Report, Refusal> {
    let (mut walk, mut rest, mut audit) = (Walk::default(), file, Audit::new(settings));
    loop {
        let (used, step) = walk.step(rest);
        if let Step::Packet(record) = &step
            && let Ok(Carried::Ip(packet)) = innermost(record.link, record.bytes)
        {
            audit.packet(record, &packet);
        }
        if matches!(step, Step::More(_)) || used == 0 {
            return audit.finish();
        }
        rest = &rest[used..];
    }
}

fn audit(life: &Life) -> Report {
    audit_bytes(&life.file(), settings(Values::Shown, Whose::One)).unwrap()
}

#[test]
fn a_whole_day_shows_every_channel_with_its_severity_and_count() {
    let report = audit(&life::whole_day());
    assert_eq!(report.devices, 1);
    let worst = [
        High, Low, Critical, Medium, Medium, Medium, Medium, High, Critical, High, Critical,
        Critical, High, Low, Medium, Low, Critical, Medium, Medium, Medium, High, Medium,
    ];
    for (channel, severity) in report.channels.iter().zip(worst) {
        assert_eq!(channel.severity, Some(severity), "{} {}", channel.number, channel.id);
        let state = if channel.number == 21 { State::NotInCaptures } else { State::Found };
        assert_eq!(channel.state, state, "{}", channel.id);
        assert!(!channel.close.is_empty());
    }
    for (id, count) in [
        ("dns.name", 1),
        // DNS over TLS by name and by protocol, DNS over HTTPS by name.
        ("encrypted_dns.use", 3),
        ("http.address", 2),
        ("http.cookie", 2),
        ("http.secret", 3),
        ("http.form", 1),
        ("http.agent", 2),
        ("http.revocation", 1),
        ("tls.name", 12),
        ("tls.hidden", 1),
        ("tls.certificate", 1),
        ("quic.name", 1),
        ("tunnel.protocol", 4),
        ("tunnel.weak", 1),
        ("tunnel.tor", 1),
        ("tunnel.provider", 1),
        ("calls.parties", 2),
        ("calls.key", 1),
        ("calls.sound", 1),
        ("peer.address", 1),
        ("peer.setup", 1),
        // IMAP has it on the line of the user.
        ("login.secret", 4),
        ("login.user", 3),
        ("mail.address", 2),
        ("mail.content", 5),
        ("mail.upgrade", 1),
        ("telemetry.clear", 3),
        ("telemetry.service", 1),
        ("things.client", 3),
        ("things.topic", 2),
        ("things.secret", 1),
        ("time.question", 1),
        ("time.clock", 1),
        ("push.use", 2),
        ("check.use", 1),
        ("update.plain", 1),
        ("remote.use", 3),
        ("remote.user", 1),
        ("local.name", 3),
        ("local.service", 2),
        ("local.system", 2),
        ("messenger.use", 1),
        ("ipv6.hardware", 1),
    ] {
        assert_eq!(report.reading(id).map(|it| it.count), Some(count), "{id}");
    }
}

#[test]
fn coverage_and_hours_of_the_day() {
    let report = audit(&life::whole_day());
    let coverage = &report.coverage;
    assert_eq!((coverage.greetings, coverage.with_ech_extension, coverage.surely_ech), (13, 1, 0));
    assert_eq!((coverage.dns_plain, coverage.dns_encrypted), (1, 2));
    assert!(coverage.clear_bytes > 0 && coverage.clear_bytes < coverage.bytes);
    // 08, 09 and 11 o'clock.
    let begins: Vec<i64> =
        report.hours.iter().map(|it| it.begins_ns / 3_600_000_000_000 % 24).collect();
    assert_eq!(begins, [8, 9, 11]);
    assert!(report.hours[0].services.contains(&"WhatsApp"));
    assert!(report.names.iter().any(|it| it.name == "shop.example" && it.ways == ["DNS", "HTTP"]));
    // Most connections name themselves; the port that says nothing does not.
    assert!(coverage.named > 15 && coverage.named < coverage.connections);
    // The one that announced itself.
    assert_eq!(report.counters.neighbours, 1);
}

#[test]
fn no_correspondent_neighbour_or_secret_is_ever_shown() {
    for values in [Values::Shown, Values::Masked] {
        let report = audit_bytes(&life::whole_day().file(), settings(values, Whose::One)).unwrap();
        let all = serde_json::to_string(&report).unwrap();
        let secrets = [
            "topsecretcookie",
            "tokenvalue",
            "opensesame!",
            "secretpass",
            "YTpi",
            "Neighbours",
            "correspondent.example",
            "hello\\r",
        ];
        for word in secrets.iter().chain(&life::CORRESPONDENTS) {
            assert!(!all.contains(word), "{word} with {values:?}");
        }
        let own = ["shop.example", "356938035643809", "Alices-phone", "198.51.100.60"];
        for word in own {
            assert_eq!(all.contains(word), values == Values::Shown, "{word} with {values:?}");
        }
    }
}

#[test]
fn what_remains_behind_a_vpn() {
    let (before, after) = (audit(&life::whole_day()), audit(&life::behind_vpn()));
    let [tunnel] = after.tunnels.as_slice() else { panic!("{:?}", after.tunnels) };
    assert_eq!((tunnel.protocol, tunnel.endpoint.as_str()), ("WireGuard", "198.51.100.60"));
    assert_eq!((tunnel.packets, tunnel.bytes), (401, [148 + 200 * 700, 200 * 1200]));
    assert_eq!((tunnel.dns_beside, tunnel.ipv6_beside, tunnel.others_beside), (1, 1, 0));
    let found: Vec<u8> =
        after.channels.iter().filter(|it| it.state == State::Found).map(|it| it.number).collect();
    assert_eq!(found, [1, 4, 8, 22]);
    assert_eq!(after.reading("ipv6.beside_tunnel").map(|it| it.count), Some(1));
    let comparison = compare(&before, &after);
    let became = |id: &str| comparison.changes.iter().find(|it| it.id == id).map(|it| it.verdict);
    assert_eq!(became("http.address"), Some(Became::Gone));
    assert_eq!(became("tls.name"), Some(Became::Fewer));
    assert_eq!(became("dns.name"), Some(Became::Same));
    assert_eq!(became("ipv6.beside_tunnel"), Some(Became::New));
}

#[test]
fn where_all_is_encrypted_nothing_is_critical_or_high() {
    let report = audit(&life::harmless());
    for channel in report.channels.iter().filter(|it| it.state == State::Found) {
        assert!(channel.severity < Some(High), "{}", channel.id);
    }
    assert_eq!(report.coverage.clear_bytes, 0);
    assert_eq!(report.coverage.named_share(), Some(100));
}

#[test]
fn captures_of_others_are_refused() {
    let of = |devices, whose| {
        audit_bytes(&life::household(devices).file(), settings(Values::Masked, whose))
            .map(|it| it.devices)
    };
    assert_eq!(of(1, Whose::One), Ok(1));
    assert_eq!(of(2, Whose::One), Err(Refusal::Several(2)));
    assert_eq!(of(4, Whose::AllMine), Ok(4));
    assert_eq!(of(5, Whose::AllMine), Err(Refusal::Many));
    assert_eq!(of(0, Whose::AllMine), Err(Refusal::NoDevice));
}

#[test]
fn the_same_capture_and_salt_give_the_same_report() {
    let file = life::whole_day().file();
    let once = || {
        serde_json::to_string(&audit_bytes(&file, settings(Values::Masked, Whose::One)).unwrap())
            .unwrap()
    };
    assert_eq!(once(), once());
}

/// Bytes changed, cut and repeated, from a fixed seed. `WW_ROUNDS` asks for more of them.
#[test]
fn damaged_packets_are_no_trouble() {
    let rounds = option_env!("WW_ROUNDS").and_then(|it| it.parse().ok()).unwrap_or(40_u32);
    let (life, mut state) = (life::whole_day(), 0x9e37_79b9_7f4a_7c15_u64);
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % below.max(1)
    };
    let mut read = 0;
    for _ in 0..rounds {
        let mut odd = Life::new();
        for (at_ns, frame) in &life.frames {
            let mut frame = frame.clone();
            for _ in 0..random(4) {
                // Mostly behind the addresses, so that there still is a device.
                let at = if random(8) == 0 {
                    random(frame.len())
                } else {
                    34 + random(frame.len() - 34)
                };
                frame[at] = [0, 0xff, 0x7f, frame[at] ^ 1, random(256) as u8][random(5)];
            }
            if random(6) == 0 {
                frame.truncate(14 + random(frame.len() - 14));
            }
            for _ in 0..=random(2) {
                odd.frames.push((*at_ns, frame.clone()));
            }
        }
        let report = audit_bytes(&odd.file(), settings(Values::Shown, Whose::AllMine));
        if let Ok(report) = report {
            read += 1;
            assert!(report.coverage.named <= report.coverage.connections);
            assert!(serde_json::to_string(&report).unwrap().len() < 1 << 20);
        }
    }
    assert!(read > 0);
}

#[test]
fn real_captures_of_apps_say_sensible_things() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/captures/benign");
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("SKIPPED: no real inputs at ../shared/data");
        return;
    };
    let mut read = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("ndpi_") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        match audit_bytes(&file, settings(Values::Masked, Whose::AllMine)) {
            Ok(report) => {
                read += 1;
                let found: Vec<_> = report
                    .channels
                    .iter()
                    .flat_map(|it| &it.readings)
                    .map(|it| (it.id, it.count))
                    .collect();
                eprintln!(
                    "{name}: {} devices {:?} {found:?}",
                    report.devices,
                    report.coverage.named_share()
                );
            }
            Err(refusal) => eprintln!("{name}: {refusal}"),
        }
    }
    assert!(read > 30, "{read}");
}

/// Writes pieces of the days as seeds: `cargo test -p wirewitness-analysis -- --ignored seeds_for_the_fuzzer`.
#[test]
#[ignore = "writes files of the project"]
fn seeds_for_the_fuzzer() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/exposure");
    std::fs::create_dir_all(folder).unwrap();
    for (name, day) in [("day", life::whole_day()), ("vpn", life::behind_vpn())] {
        let mut piece = Life::new();
        for (number, frame) in day.frames.iter().take(250).enumerate() {
            piece.frames.push(frame.clone());
            let len = piece.file().len();
            if len > 2_500 || number + 1 == day.frames.len() {
                if len <= 4_096 && number % 3 == 0 {
                    std::fs::write(format!("{folder}/{name}{number:03}"), piece.file()).unwrap();
                }
                piece.frames.clear();
            }
        }
    }
}
