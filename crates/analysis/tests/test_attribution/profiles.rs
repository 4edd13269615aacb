//! The shipped profiles: counts that were published of the same tables.

use std::collections::BTreeMap;

use wirewitness_analysis::attribution::profile::schema::{LENGTH_ROWS, QUIC_ROWS};
use wirewitness_analysis::attribution::profile::{Prediction, Profile};

use super::shipped;

/// Rows of a device in its usual configuration: true for censored.
fn rows(profile: &Profile, section: &'static str) -> Vec<bool> {
    let lengths = LENGTH_ROWS.iter().skip(usize::from(section == "quic"));
    let versions: &[&'static str] = if section == "quic" { &QUIC_ROWS } else { &[] };
    let row = |key: &&'static str| match profile.cell(section, key, 0).unwrap().is {
        Prediction::Vector(censored) => censored,
        _ => panic!("{key} is no vector"),
    };
    lengths.chain(versions).map(row).collect()
}

fn of(section: &'static str, ids: &[&str]) -> BTreeMap<String, Vec<bool>> {
    let catalogue = shipped();
    let rows = |id: &&str| ((*id).to_owned(), rows(catalogue.profile(id).unwrap(), section));
    ids.iter().map(rows).collect()
}

const TLS: [&str; 9] =
    ["TSG", "GFW_I", "GFW_II", "GFW_III", "HENAN", "KAZAKHSTAN", "MYANMAR", "PK_RST", "PK_DROP"];
const QUIC: [&str; 5] = ["TSG", "GFW_QUIC", "KAZAKHSTAN", "MYANMAR", "PK_QUIC"];

fn differ(one: &[bool], other: &[bool]) -> usize {
    one.iter().zip(other).filter(|(one, other)| one != other).count()
}

/// Rows that the first censors and the second lets through.
fn contradict(one: &[bool], other: &[bool]) -> usize {
    one.iter().zip(other).filter(|(one, other)| **one && !**other).count()
}

#[test]
fn every_device_of_the_tables_is_there_and_every_cell_has_a_source() {
    let catalogue = shipped();
    let ids: Vec<&str> = catalogue.profiles().iter().map(|it| it.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "AIRTEL_IN",
            "BLUE_COAT",
            "CISCO",
            "CN_INJ1",
            "CN_INJ2",
            "CN_INJ3",
            "FORTINET",
            "GFW_20250820",
            "GFW_I",
            "GFW_II",
            "GFW_III",
            "GFW_QUIC",
            "HENAN",
            "IRAN",
            "KAZAKHSTAN",
            "MYANMAR",
            "NETSWEEPER",
            "PALO_ALTO",
            "PK_DNS",
            "PK_DROP",
            "PK_QUIC",
            "PK_RST",
            "RU_TSPU",
            "SANDVINE_PACKETLOGIC",
            "TSG",
            "TURKMENISTAN",
            "UZBEKISTAN",
            "VAS_EXPERTS",
        ]
    );
    for profile in catalogue.profiles() {
        let others = profile.configurations.iter().flat_map(|it| it.cells.values());
        for cell in profile.cells.values().chain(others) {
            assert!(profile.sources.contains_key(&cell.source), "{}: {cell:?}", profile.id);
            assert!(!cell.date.is_empty(), "{}: {cell:?}", profile.id);
        }
    }
    assert_eq!(catalogue.hash().len(), 64);
}

#[test]
fn tls_differs_from_tsg_as_often_as_was_counted() {
    // Myanmar 9: the paper says 8, which counts the doubled and the largest length of the SNI list as one.
    let rows = of("tls", &TLS);
    for (id, rows_that_differ, contradictions) in [
        ("GFW_II", 3, 1),
        ("KAZAKHSTAN", 14, 0),
        ("MYANMAR", 9, 7),
        ("PK_DROP", 16, 0),
        ("PK_RST", 9, 0),
        ("GFW_I", 7, 1),
        ("GFW_III", 5, 2),
        ("HENAN", 7, 0),
    ] {
        assert_eq!(differ(&rows["TSG"], &rows[id]), rows_that_differ, "{id}");
        assert_eq!(contradict(&rows["TSG"], &rows[id]), contradictions, "{id}");
    }
    assert_eq!(rows["PK_DROP"].iter().filter(|censored| **censored).count(), 24);
    assert_eq!(rows["KAZAKHSTAN"].iter().filter(|censored| **censored).count(), 22);
}

#[test]
fn pairs_of_devices_differ_as_often_as_was_counted() {
    let rows = of("tls", &TLS);
    for (one, other, rows_that_differ) in [
        ("GFW_II", "GFW_III", 4),
        ("GFW_I", "HENAN", 4),
        ("KAZAKHSTAN", "PK_DROP", 2),
        ("PK_RST", "GFW_I", 6),
        ("PK_RST", "HENAN", 6),
        ("MYANMAR", "GFW_II", 6),
    ] {
        assert_eq!(differ(&rows[one], &rows[other]), rows_that_differ, "{one} {other}");
    }
    let nearest = |id: &str| {
        let others = TLS.iter().filter(|other| **other != id);
        others.map(|other| differ(&rows[id], &rows[*other])).min().unwrap()
    };
    assert_eq!((nearest("PK_RST"), nearest("MYANMAR")), (6, 6));
}

#[test]
fn one_row_tells_nothing_and_some_split_the_devices_in_half() {
    let rows = of("tls", &TLS);
    let entropy = |at: usize| {
        let share = rows.values().filter(|rows| rows[at]).count() as f64 / rows.len() as f64;
        let bits = |share: f64| if share == 0.0 { 0.0 } else { -share * share.log2() };
        bits(share) + bits(1.0 - share)
    };
    let place = |row: &str| LENGTH_ROWS.iter().position(|it| *it == row).unwrap();
    let silent: Vec<&str> =
        (0..24).filter(|at| entropy(*at) == 0.0).map(|at| LENGTH_ROWS[at]).collect();
    assert_eq!(silent, ["extensions_len:exclude_last_ext"]);
    for row in [
        "message_len:zero",
        "message_len:double",
        "message_len:half",
        "message_len:ffff",
        "extensions_len:zero",
        "sni_ext_len:zero|half",
        "sni_ext_len:double",
    ] {
        assert!((entropy(place(row)) - 0.99).abs() < 0.005, "{row}: {}", entropy(place(row)));
    }
}

#[test]
fn quic_differs_from_tsg_as_often_as_was_counted() {
    // Kazakhstan 9: the paper says 8, by the same merged rows.
    let rows = of("quic", &QUIC);
    for (id, rows_that_differ, contradictions) in
        [("KAZAKHSTAN", 9, 2), ("MYANMAR", 11, 6), ("PK_QUIC", 12, 2), ("GFW_QUIC", 8, 2)]
    {
        assert_eq!(differ(&rows["TSG"], &rows[id]), rows_that_differ, "{id}");
        assert_eq!(contradict(&rows["TSG"], &rows[id]), contradictions, "{id}");
    }
    let v2 = rows["TSG"].len() - 5;
    let blocking: Vec<&String> = rows.iter().filter(|it| it.1[v2]).map(|it| it.0).collect();
    assert_eq!(blocking, ["PK_QUIC"], "the only one that blocks version 2");
}

#[test]
fn the_rows_condense_to_the_papers_other_table() {
    // Table 8 by field: B all bypass, X all blocked, V both. Its published copies on the web have errors in eleven cells.
    let fields: [(&str, &[&str]); 8] = [
        ("BBBBBBBXX", &["record_len"]),
        ("BBBBBBXBX", &["session_id_len", "cipher_suites_len"]),
        ("BBBBBBXXX", &["compression_len"]),
        ("BBBXBBVBX", &["sni_name_len"]),
        ("BXBBVBXXX", &["sni_ext_len"]),
        ("VVVBXBXXX", &["message_len"]),
        ("VVXVXVXVX", &["extensions_len"]),
        ("XXXXXBXXX", &["sni_list_len"]),
    ];
    let order = [
        "TSG",
        "GFW_I",
        "GFW_II",
        "GFW_III",
        "HENAN",
        "MYANMAR",
        "KAZAKHSTAN",
        "PK_RST",
        "PK_DROP",
    ];
    let rows = of("tls", &TLS);
    for (expected, fields) in fields {
        let word = |id: &&str| {
            let of_fields = LENGTH_ROWS
                .iter()
                .zip(&rows[*id])
                .filter(|(row, _)| fields.contains(&row.split_once(':').unwrap().0));
            let censored: Vec<bool> = of_fields.map(|(_, censored)| *censored).collect();
            match (censored.contains(&true), censored.contains(&false)) {
                (true, false) => 'X',
                (false, true) => 'B',
                _ => 'V',
            }
        };
        let condensed: String = order.iter().map(word).collect();
        assert_eq!(condensed, expected, "{fields:?}");
    }
}

#[test]
fn tsg_before_2023_07_reads_tls_as_the_second_injector_of_the_gfw_does() {
    let catalogue = shipped();
    let (tsg, gfw) = (catalogue.profile("TSG").unwrap(), catalogue.profile("GFW_II").unwrap());
    let names = tsg.configurations_of("tls");
    let older = names.iter().position(|name| *name == "SSL plug-in before 2023-07-03").unwrap();
    for row in LENGTH_ROWS {
        let is = |profile: &Profile, at| profile.cell("tls", row, at).unwrap().is.clone();
        assert_eq!(is(tsg, older), is(gfw, 0), "{row}");
    }
}

#[test]
fn unknown_cells_are_not_guessed() {
    let catalogue = shipped();
    for (id, section, key) in [
        ("PK_DNS", "dns", "flags"),
        ("PK_RST", "tcp_injection", "observed_ttl"),
        ("PK_RST", "tcp_injection", "ipid"),
        ("MYANMAR", "tcp_injection", "sides"),
        ("RU_TSPU", "ip", "fragment_boundary"),
        ("GFW_20250820", "tcp_injection", "df"),
        ("TSG", "residual", "seconds"),
        ("IRAN", "tcp_injection", "flags"),
    ] {
        assert!(catalogue.profile(id).unwrap().cell(section, key, 0).is_none(), "{id} {key}");
    }
}
