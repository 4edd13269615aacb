//! The ladder and what is told: the published worked example, and each known failure of such tests.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use wirewitness_analysis::attribution::battery::Battery;
use wirewitness_analysis::attribution::evidence::evidence;
use wirewitness_analysis::attribution::profile::schema::{LENGTH_ROWS, QUIC_ROWS};
use wirewitness_analysis::attribution::profile::{Catalogue, Prediction};
use wirewitness_analysis::attribution::report::{FamilyReport, Report, report};

use super::shipped;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);

fn controls(hits: u32) -> Value {
    json!({"baseline": {"hits": 0, "trials": 20}, "positive": {"hits": hits, "trials": 20}})
}

fn probe(vector: &str, censored: bool) -> Value {
    let hits = if censored { 20 } else { 0 };
    json!({"vector": vector, "runs": [{"hits": hits, "trials": 20}, {"hits": hits, "trials": 20}]})
}

/// Probes of a parser that answers as this device does, in this configuration.
fn parser(id: &str, section: &'static str, configuration: usize, behaviour: &str) -> Value {
    let catalogue = shipped();
    let profile = catalogue.profile(id).unwrap();
    let quic: &[&'static str] = if section == "quic" { &QUIC_ROWS } else { &[] };
    let lengths = LENGTH_ROWS.iter().skip(usize::from(section == "quic"));
    let probes: Vec<Value> = lengths
        .chain(quic)
        .map(|row| {
            let is = &profile.cell(section, row, configuration).unwrap().is;
            probe(row, *is == Prediction::Vector(true))
        })
        .collect();
    json!({"behaviour": behaviour, "controls": controls(20), "probes": probes})
}

fn dns(reach: u8, flags: u16, compressed: bool) -> Value {
    let sweep = [0, 1, 2, 8, 15, 16, 17, 18, 19, 20];
    let probes: Vec<Value> =
        sweep.iter().map(|n| probe(&format!("pointers:{n}"), *n <= reach)).collect();
    let response = json!({"flags": flags, "name_compressed": compressed, "seen": 20});
    json!({"controls": controls(20), "probes": probes, "responses": [response]})
}

fn fragments(boundary: u32) -> Value {
    let sweep = [1, 2, 8, 45, 46, 64, 99, 100, 101, 102, 103, 128, 256, 500];
    let probes: Vec<Value> =
        sweep.iter().map(|n| probe(&format!("fragments:{n}"), *n == 1 || *n <= boundary)).collect();
    json!({"behaviour": "rst", "controls": controls(20), "probes": probes})
}

/// Resets to the client, two a trigger, with the arithmetic of TSG (addresses as a little-endian machine reads them).
fn tsg_resets() -> Value {
    let [source, destination] = [SERVER, CLIENT].map(|it| u32::from(it).swap_bytes());
    let packet = |v: u32| {
        let window = v + destination % 13;
        let ipid = (65_535 - i64::from(13 * v) + i64::from(source % window)).rem_euclid(65_536);
        json!({"to": "client", "flags": "rst_ack", "ttl": v % 200 + 48 - 9, "df": true,
               "ipid": ipid, "window": window})
    };
    let events: Vec<Value> =
        (0..6).map(|event| json!([packet(3000 + 2 * event), packet(3001 + 2 * event)])).collect();
    json!({"behaviour": "rst", "controls": controls(20), "events": events,
           "ends": {"client": CLIENT, "server": SERVER}})
}

/// Resets as Pakistan's were published: clear against fragments, RST with AE and reserved flags.
fn pk_resets() -> Value {
    let events: Vec<Value> = (0..8_u32)
        .map(|n| {
            let (ipid, window) = (n * 7919 % 65_536, 1 + n * 104_729 % 60_000);
            json!([{"to": "client", "flags": "rst_ae_reserved", "ttl": 57, "df": false,
                    "ipid": ipid, "window": window}])
        })
        .collect();
    json!({"behaviour": "rst", "controls": controls(20), "events": events})
}

fn battery(mut parts: Value) -> Battery {
    let fields = parts.as_object_mut().unwrap();
    fields.insert("format".into(), json!("wirewitness battery 1"));
    fields.entry("event").or_insert(json!("made up"));
    fields.entry("null_run").or_insert(json!({"hits": 0, "trials": 200}));
    Battery::from_json("made-up.json", parts.to_string().as_bytes()).unwrap()
}

fn told(parts: Value) -> Report {
    told_by(&battery(parts), &shipped())
}

fn told_by(battery: &Battery, catalogue: &Catalogue) -> Report {
    report(battery, &evidence(battery), catalogue)
}

fn family<'r>(report: &'r Report, word: &str) -> &'r FamilyReport {
    report.families.iter().find(|it| it.family.word() == word).unwrap()
}

fn says<'r>(report: &'r Report, id: &str) -> &'r str {
    &report.candidates.iter().find(|it| it.id == id).unwrap().says
}

fn full_tsg() -> Value {
    json!({
        "dns": [dns(17, 0x8180, true)],
        "fragments": [fragments(101)],
        "resets": [tsg_resets()],
        "tls": [parser("TSG", "tls", 0, "rst")],
        "quic": [parser("TSG", "quic", 0, "drop_to_server")],
    })
}

#[test]
fn the_published_example_of_a_saturated_parser() {
    let report = told(json!({
        "asn": "AS64500", "upstream": "AS64501",
        "tls": [parser("PK_DROP", "tls", 0, "drop_to_server")],
        "location": {"traces": [{"test_hops": 6, "control_hops": 14}]},
        "documentary": [{"claim": "made up", "grade": "B", "src": "nobody", "date": "2025"}],
    }));
    let tls = family(&report, "tls_parser");
    assert_eq!((tls.n_vec, tls.informative, tls.saturated), (24, 0, true));
    let post = |at: usize| (tls.ranked[at].id.as_str(), (tls.ranked[at].post * 100.0).round());
    assert_eq!([post(0), post(1)], [("PK_DROP", 99.0), ("KAZAKHSTAN", 1.0)]);
    assert_eq!(tls.contradictions_vs_tsg, Some(0));
    assert_eq!(tls.verdict, "inconclusive: saturated");
    let location = report.location.as_ref().unwrap();
    assert_eq!((location.onset_hop, location.mode), (Some(6), "in_path"));
    assert_eq!(location.inside_cgnat, "withheld");
    assert_eq!(report.verdict, "blocking confirmed; vendor not attributable from packets");
    assert!(report.documentary.iter().any(|it| it.device.as_deref() == Some("TSG")));
    // Devices that reset are not the ones that drop.
    assert!(tls.excluded.contains(&"PK_RST".to_owned()), "{:?}", tls.excluded);
    assert!(tls.hidden.contains(&"TSG".to_owned()), "{:?}", tls.hidden);
}

#[test]
fn a_whole_battery_of_tsg_is_its_class_and_its_code() {
    let report = told(full_tsg());
    assert_eq!(report.verdict, "same device class as TSG");
    assert_eq!(report.tsg_lineage.len(), 4, "{:?}", report.tsg_lineage);
    assert_eq!(report.location.as_ref().unwrap().injector_hops, Some((9, 9)));
    let first = &report.candidates[0];
    assert_eq!(first.id, "TSG");
    assert!(first.ln_lr_next > 100_f64.ln(), "{}", first.ln_lr_next);
    assert_eq!(first.families.len(), 7, "{:?}", first.families);
}

#[test]
fn pakistans_resets_contradict_tsg_as_was_published() {
    // Its parser alone does not: what it censors beyond TSG may be another device's doing.
    let parser_alone = told(json!({"tls": [parser("PK_RST", "tls", 0, "rst")]}));
    assert_eq!(family(&parser_alone, "tls_parser").contradictions_vs_tsg, Some(0));
    assert_ne!(says(&parser_alone, "TSG"), "contradicts TSG");
    let report = told(json!({
        "tls": [parser("PK_RST", "tls", 0, "rst")],
        "resets": [pk_resets()],
        "fragments": [fragments(1)],
    }));
    assert_eq!(says(&report, "TSG"), "contradicts TSG");
    let headers = family(&report, "rst_static");
    assert_eq!(headers.contradictions["TSG"], ["df", "flags"]);
    assert_eq!(report.verdict, "same device class as PK_RST");
    // What documents say of a device that packets refute is not put beside them.
    assert!(report.documentary.iter().all(|it| it.device.as_deref() != Some("TSG")));
    assert!(report.tsg_lineage.is_empty());
}

#[test]
fn country_network_and_documents_are_no_evidence() {
    let plain = told(full_tsg());
    for (asn, country, upstream) in
        [("AS17557", "PK", "PTCL"), ("AS4134", "CN", "Chinanet"), ("AS64500", "XA", "none")]
    {
        let mut parts = full_tsg();
        parts["asn"] = json!(asn);
        parts["country"] = json!(country);
        parts["upstream"] = json!(upstream);
        parts["documentary"] = json!([
            {"claim": "it is another device", "grade": "A", "src": "a court", "date": "2026"}
        ]);
        let other = told(parts);
        assert_eq!((&other.families, &other.candidates), (&plain.families, &plain.candidates));
        assert_eq!((&other.verdict, &other.apart), (&plain.verdict, &plain.apart));
    }
    // The claims of profiles weigh nothing either.
    let mut files = super::files();
    for (_, text) in &mut files {
        *text = text.split("\n[[documentary]]").next().unwrap().to_owned();
    }
    let pairs = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let silent = told_by(&battery(full_tsg()), &Catalogue::parse(pairs).unwrap());
    assert_eq!(silent.candidates, plain.candidates);
}

#[test]
fn a_substring_matcher_has_no_parser() {
    let mut parts = json!({"tls": [parser("KAZAKHSTAN", "tls", 0, "drop_both")]});
    parts["tls"][0]["probes"].as_array_mut().unwrap().truncate(9);
    parts["tls"][0]["substring"] = json!([probe("alpn", true)]);
    let report = told(parts);
    let tls = family(&report, "tls_parser");
    assert_eq!(tls.informative, 0);
    assert!(tls.verdict.contains("where no parser looks for it"), "{}", tls.verdict);
    assert!(report.candidates.iter().all(|it| it.families.is_empty()));
}

#[test]
fn a_control_that_does_not_fire_asks_for_sixty_trials() {
    let mut parts = json!({"tls": [parser("TSG", "tls", 0, "rst")]});
    parts["tls"][0]["controls"] = controls(15);
    let report = told(parts.clone());
    let tls = family(&report, "tls_parser");
    assert!(tls.void.as_ref().unwrap().ends_with("15 of 20 trials: 60 are needed"), "{tls:?}");
    assert!(report.candidates.is_empty());
    parts["tls"][0]["controls"]["positive"] = json!({"hits": 45, "trials": 60});
    let wide = told(parts.clone());
    let why = family(&wide, "tls_parser").void.clone().unwrap();
    assert!(why.contains("45 of 60 trials only (0.63 to 0.84)"), "{why}");
    parts["tls"][0]["controls"] =
        json!({"baseline": {"hits": 20, "trials": 20}, "positive": {"hits": 20, "trials": 20}});
    let both = told(parts);
    assert!(family(&both, "tls_parser").void.as_ref().unwrap().contains("harmless request"));
    assert_eq!(both.verdict, "inconclusive");
}

#[test]
fn nothing_that_betrays_an_address_is_told() {
    let mut parts = full_tsg();
    parts["event"] = json!("seen from 203.0.113.77 by 2001:db8::77");
    parts["window"] = json!(["2026-01-01T05:23:11Z", "2026-01-02T00:00:00Z"]);
    parts["dns"][0]["responses"][0]["answers"] = json!(["203.0.113.99"]);
    parts["pages"] =
        json!([{"status": 403, "body": "You, 203.0.113.5, may not", "via": "1.1 203.0.113.6"}]);
    parts["resets"].as_array_mut().unwrap().push(json!({
        "behaviour": "fin", "controls": controls(20),
        "events": [[{"to": "client", "flags": "fin", "ttl": 61, "df": true, "ipid": 31007, "window": 1977,
                     "payload": "3230332e302e3131332e35"}]]
    }));
    let battery = battery(parts);
    let text = serde_json::to_string(&told_by(&battery, &shipped())).unwrap();
    for address in ["203.0.113", "2001:db8", "192.0.2.10", "198.51.100.20", "3230332e", "05:23"] {
        assert!(!text.contains(address), "{address}: {text}");
    }
    for packet in battery.resets.iter().flat_map(|it| &it.events).flatten() {
        for number in [packet.ipid, packet.window] {
            assert!(!text.contains(&number.to_string()), "{number}");
        }
    }
    assert!(text.contains("k=13 over 12 packets"));
}

#[test]
fn reset_and_drop_are_two_devices() {
    let report = told(json!({
        "tls": [parser("PK_RST", "tls", 0, "rst"), parser("PK_DROP", "tls", 0, "drop_to_server")],
    }));
    assert_eq!(report.devices_at_least, 2);
    // Each is compared with devices that do what it does.
    assert_eq!(report.families[0].ranked[0].id, "PK_RST");
    assert_eq!(report.families[1].ranked[0].id, "PK_DROP");
    assert_eq!(report.verdict, "consistent with PK_RST (not exclusive)");
}

#[test]
fn an_unknown_cell_speaks_neither_for_nor_against() {
    let full = told(json!({"tls": [parser("GFW_III", "tls", 0, "rst")]}));
    let mut files = super::files();
    let (_, text) = files.iter_mut().find(|(name, _)| name == "henan.toml").unwrap();
    let cell =
        "\"message_len:zero\" = { is = \"censored\", source = \"P26\", table = \"table 12\" }";
    assert!(text.contains(cell));
    *text = text.replace(cell, "\"message_len:zero\" = \"unknown\"");
    let pairs = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let catalogue = Catalogue::parse(pairs).unwrap();
    let other = told_by(&battery(json!({"tls": [parser("GFW_III", "tls", 0, "rst")]})), &catalogue);
    let of = |report: &Report, id: &str| {
        report.candidates.iter().find(|it| it.id == id).map(|it| it.ln_lr).unwrap()
    };
    // The others are weighed as before; Henan is spared one mismatch, and gains nothing by it.
    assert_eq!(of(&full, "GFW_III"), of(&other, "GFW_III"));
    assert!(
        of(&other, "HENAN") >= of(&full, "HENAN") && of(&other, "HENAN") < of(&other, "GFW_III")
    );
    let dns = told(json!({"dns": [dns(17, 0x8180, true)]}));
    assert!(family(&dns, "dns_parser").unmeasured.contains(&"PK_DNS".to_owned()));
}

#[test]
fn what_cannot_be_told_apart_is_said_and_what_would_tell() {
    // In DNS, the second injector of China equals TSG.
    let dns = told(json!({"dns": [dns(17, 0x8180, true)]}));
    assert_eq!(dns.verdict, "consistent with CN_INJ2, TSG (not exclusive)");
    assert_eq!(dns.tsg_lineage.len(), 1);
    // In TLS, TSG before July 2023 equals the second injector of the Great Firewall.
    let tls = told(json!({"tls": [parser("GFW_II", "tls", 0, "rst")]}));
    assert!(tls.verdict.contains("GFW_II") && tls.verdict.contains("TSG"), "{}", tls.verdict);
    assert!(tls.apart.iter().any(|it| it.cell == "fragment_boundary"), "{:?}", tls.apart);
    assert!(tls.apart.iter().all(|it| it.family.word() != "tls_parser"), "those are decided");
    let tsg = tls.families[0].ranked.iter().find(|it| it.id == "TSG").unwrap();
    assert_eq!(tsg.configuration.as_deref(), Some("SSL plug-in before 2023-07-03"));
}

#[test]
fn an_injector_that_answers_nothing_is_not_asked() {
    let mut parts = json!({"dns": [dns(17, 0x8180, true)]});
    parts["dns"][0]["probes"] = json!([probe("pointers:0", false), probe("pointers:17", false)]);
    parts["dns"][0]["responses"] = json!([]);
    let report = told(parts);
    let parser = family(&report, "dns_parser");
    assert!(parser.notes[0].starts_with("not applicable"), "{:?}", parser.notes);
    assert!(parser.contradictions.is_empty() && parser.n_vec == 0);
}

#[test]
fn signature_and_reassembly_switched_off_are_tsg_still() {
    let mut parts = full_tsg();
    parts["fragments"] = json!([fragments(1)]);
    parts["resets"][0]["events"] = json!([]);
    let report = told(parts);
    assert_ne!(says(&report, "TSG"), "contradicts TSG");
    let frag = family(&report, "ip_fragments");
    let tsg = frag.ranked.iter().find(|it| it.id == "TSG").unwrap();
    assert_eq!(tsg.configuration.as_deref(), Some("reassembly off"));
}

#[test]
fn a_clean_path_is_no_interference() {
    let quiet: Vec<Value> = LENGTH_ROWS.iter().map(|row| probe(row, false)).collect();
    let report =
        told(json!({"tls": [{"behaviour": "rst", "controls": controls(0), "probes": quiet}]}));
    assert_eq!(report.verdict, "no interference observed");
    assert_eq!((report.devices_at_least, report.candidates.len()), (0, 0));
}

#[test]
fn any_part_of_a_battery_can_be_scored() {
    let parts = full_tsg();
    for key in parts.as_object().unwrap().keys() {
        let report = told(json!({key.as_str(): parts[key]}));
        assert!(!report.verdict.is_empty() && !report.families.is_empty(), "{key}");
    }
    let empty = told(json!({}));
    assert_eq!((empty.verdict.as_str(), empty.families.len()), ("inconclusive", 0));
}
