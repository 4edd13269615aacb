//! Forged resets as evidence.

use super::{Evidence, Value, sorted};
use crate::attribution::arithmetic::seed::{By, Fields, SeedKey, seed_key};
use crate::attribution::battery::{End, Packet, ResetTest};
use crate::attribution::profile::schema::Family;

/// What the headers say, and what the arithmetic between them says.
pub(in crate::attribution) fn families(test: &ResetTest) -> [Evidence; 2] {
    let [mut headers, mut key] = [Family::RstStatic, Family::RstPrng].map(Evidence::new);
    for evidence in [&mut headers, &mut key] {
        evidence.behaviour = Some(test.behaviour);
        evidence.controls = Some(test.controls);
        evidence.forged = test.events.iter().map(|it| it.len() as u32).sum();
    }
    single(test, &mut headers);
    groups(test, &mut headers);
    tell_key(&mut key, key_of(test));
    [headers, key]
}

/// The key as cells, and what follows from it.
pub(in crate::attribution) fn tell_key(key: &mut Evidence, found: SeedKey) {
    match &found {
        SeedKey::TooFew if key.forged > 0 => {
            key.notes.push("too few different packets for a key".to_owned());
        }
        SeedKey::TooFew => {}
        SeedKey::Stable(stable) => {
            // A network that rewrites times to live hides that they are tied, so only that they are says anything.
            if stable.hops.is_some() {
                key.value(SECTION, "ttl_tied", Value::Flag(true));
            } else {
                key.notes.push(
                    "times to live do not follow the counter: fixed by the device, or rewritten on the way".to_owned(),
                );
            }
            key.value(SECTION, "stable_k", Value::SeedKey(found));
        }
        SeedKey::Undefined | SeedKey::Inconsistent => {
            key.value(SECTION, "stable_k", Value::SeedKey(found));
        }
    }
}

const SECTION: &str = "tcp_injection";

/// What each packet has by itself.
fn single(test: &ResetTest, evidence: &mut Evidence) {
    let packets = || test.events.iter().flatten();
    let Some(first) = packets().next() else { return };
    if packets().all(|it| it.df == first.df) {
        evidence.value(SECTION, "df", Value::Flag(first.df));
    } else {
        evidence.notes.push("both set and clear against fragments: several devices".to_owned());
    }
    evidence.value(SECTION, "flags", Value::Words(sorted(packets().map(|it| it.flags.clone()))));
    let numbers = |field: fn(&Packet) -> u64| Value::Numbers(sorted(packets().map(field)));
    evidence.value(SECTION, "observed_ttl", numbers(|it| it.ttl.into()));
    evidence.value(SECTION, "ipid", numbers(|it| it.ipid.into()));
    evidence.value(SECTION, "window", numbers(|it| it.window.into()));
    let payload =
        |it: &Packet| if it.payload.is_empty() { "none".to_owned() } else { it.payload.clone() };
    evidence.value(SECTION, "payload", Value::Words(sorted(packets().map(payload))));
}

/// What packets of one trigger, to one end, have together.
fn groups(test: &ResetTest, evidence: &mut Evidence) {
    let groups: Vec<Vec<&Packet>> = test
        .events
        .iter()
        .flat_map(|event| {
            [End::Client, End::Server]
                .map(|end| event.iter().filter(|it| it.to == end).collect::<Vec<_>>())
        })
        .filter(|group| !group.is_empty())
        .collect();
    if groups.is_empty() {
        return;
    }
    let counts = sorted(groups.iter().map(|it| it.len() as u64));
    evidence.value(SECTION, "count_per_side", Value::Numbers(counts));
    let several: Vec<&Vec<&Packet>> = groups.iter().filter(|it| it.len() > 1).collect();
    if !several.is_empty() {
        let alike = several.iter().all(|it| it.windows(2).all(|pair| pair.first() == pair.last()));
        evidence.value(SECTION, "identical", Value::Flag(alike));
        let steps = several.iter().flat_map(|it| it.windows(2)).filter_map(step);
        evidence.value(SECTION, "window_step", Value::Numbers(sorted(steps)));
    }
    let captured = sorted(test.captured.iter().copied());
    if captured == [End::Client, End::Server] {
        let ends = sorted(test.events.iter().flatten().map(|it| it.to));
        let sides = match ends.as_slice() {
            [End::Client] => "client",
            [End::Server] => "server",
            _ => "both",
        };
        evidence.value(SECTION, "sides", Value::Words(vec![sides.to_owned()]));
    }
}

fn step(pair: &[&Packet]) -> Option<u64> {
    let (first, last) = (pair.first()?, pair.last()?);
    Some(last.window.wrapping_sub(first.window).into())
}

/// The key, from packets to one end alone: the ends of the arithmetic are those of the packet.
pub(in crate::attribution) fn key_of(test: &ResetTest) -> SeedKey {
    let of = |end: End| {
        let packets = test.events.iter().flatten().filter(|it| it.to == end);
        let fields: Vec<Fields> = packets
            .map(|it| Fields { window: it.window, identification: it.ipid, ttl: it.ttl })
            .collect();
        let ends = test.ends.map(|it| match end {
            End::Client => (it.server, it.client),
            End::Server => (it.client, it.server),
        });
        seed_key(&fields, ends)
    };
    let [to_client, to_server] = [End::Client, End::Server].map(of);
    if rank(&to_server) > rank(&to_client) { to_server } else { to_client }
}

/// What says more, higher: a key first, by addresses, over the most packets.
pub(in crate::attribution) fn rank(key: &SeedKey) -> (u8, bool, usize) {
    match key {
        SeedKey::TooFew => (0, false, 0),
        SeedKey::Undefined => (1, false, 0),
        SeedKey::Inconsistent => (2, false, 0),
        SeedKey::Stable(stable) => (3, matches!(stable.by, By::Addresses(_)), stable.packets),
    }
}
