//! Batteries and profiles of devices: any bytes are one, or a mistake that is named.
//!
//! - What was read, written and read again is the same, and so is all that follows from it.
//! - Scores never panic, against shipped profiles or a strange one, and what they call probabilities are some.
//! - An error is at a place of the text.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wirewitness_analysis::attribution::battery::{Battery, BatteryError};
use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::{Catalogue, Profile, ProfileError};
use wirewitness_analysis::attribution::report::{Report, report};

/// Some of the shipped profiles.
const DEVICES: [(&str, &str); 5] = [
    ("tsg.toml", include_str!("../../scenarios/devices/tsg.toml")),
    ("gfw_ii.toml", include_str!("../../scenarios/devices/gfw_ii.toml")),
    ("kazakhstan.toml", include_str!("../../scenarios/devices/kazakhstan.toml")),
    ("myanmar.toml", include_str!("../../scenarios/devices/myanmar.toml")),
    ("netsweeper.toml", include_str!("../../scenarios/devices/netsweeper.toml")),
];
static SHIPPED: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(DEVICES).expect("shipped profiles are right"));
/// The batteries that strange profiles are held against.
static BATTERIES: LazyLock<[Battery; 2]> = LazyLock::new(|| {
    [
        &include_bytes!("../../examples/attribution/resets.json")[..],
        &include_bytes!("../../examples/attribution/silence.json")[..],
    ]
    .map(|text| Battery::from_json("example", text).expect("an example is right"))
});

fuzz_target!(|bytes: &[u8]| {
    match Battery::from_json("fuzz", bytes) {
        Ok(battery) => of_battery(&battery),
        Err(error) => of_mistake(&error, bytes),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        match Profile::parse("fuzz", text) {
            Ok(profile) => of_profile(profile, text),
            Err(ProfileError::TooLong { .. }) => {}
            Err(error) => assert!(error.to_string().starts_with("fuzz: "), "{error}"),
        }
    }
});

fn of_battery(battery: &Battery) {
    let json = battery.to_json();
    let again = Battery::from_json("fuzz", json.as_bytes());
    // Indented and with states, a file may come to be longer than one may be.
    if let Err(BatteryError::TooLong { .. }) = again {
        return;
    }
    let again = again.expect("what was written can be read");
    assert_eq!(again.to_json(), json);
    let told = told(battery, &SHIPPED);
    assert_eq!(told, self::told(&again, &SHIPPED));
}

fn of_mistake(error: &BatteryError, bytes: &[u8]) {
    assert!(error.to_string().starts_with("fuzz: "), "{error}");
    if let BatteryError::NotJson { line, .. } = error {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!((1..=lines).contains(line), "{error}");
    }
}

fn of_profile(profile: Profile, text: &str) {
    let table: toml::Table = toml::from_str(text).expect("a profile is TOML");
    let written = toml::to_string(&table).expect("what was read can be written");
    match Profile::parse("fuzz", &written) {
        Err(ProfileError::TooLong { .. }) => {}
        again => assert_eq!(again.as_ref(), Ok(&profile)),
    }
    let taken = DEVICES
        .iter()
        .copied()
        .filter(|(_, text)| Profile::parse("", text).is_ok_and(|shipped| shipped.id != profile.id));
    let catalogue = Catalogue::parse(taken.chain([("fuzz", text)])).expect("each id once");
    assert_eq!(catalogue.profile(&profile.id), Some(&profile));
    for battery in BATTERIES.iter() {
        told(battery, &catalogue);
    }
    let twice = Catalogue::parse([("one", text), ("other", text)]);
    assert!(matches!(twice, Err(ProfileError::Key { .. })));
}

/// What follows from a battery, after a look at its numbers.
fn told(battery: &Battery, catalogue: &Catalogue) -> Report {
    let report = report(battery, &evidence(battery), catalogue);
    assert!(!report.verdict.is_empty());
    for family in &report.families {
        assert!(family.informative <= family.decided, "{family:?}");
        // Hypotheses under 0.005 are left out, and the others are rounded to four digits.
        assert!(family.ranked.iter().all(|it| (0.0..=1.0).contains(&it.post)), "{family:?}");
        let sum: f64 = family.ranked.iter().map(|it| it.post).sum();
        assert!(sum <= 1.01, "{sum}: {family:?}");
        assert!(family.ranked.windows(2).all(|two| two[0].post >= two[1].post), "{family:?}");
    }
    for it in &report.candidates {
        assert!(it.ln_lr.is_finite() && it.ln_lr_next.is_finite(), "{it:?}");
        assert!(catalogue.profile(&it.id).is_some(), "{it:?}");
    }
    report
}
