//! Bundles that somebody made to deceive or to hurt.

use wirewitness_evidence::container::{Reader, Writer, is_name};
use wirewitness_evidence::leaves::{Leaf, Leaves};
use wirewitness_evidence::manifest::{Kind, Manifest};
use wirewitness_evidence::verify::{Trust, verify};

use crate::made::{bundle, bundle_of};

#[test]
fn names_that_lead_elsewhere() {
    for name in [
        "../x",
        "a/../x",
        "/etc/passwd",
        "a//b",
        "a/b/c",
        "",
        ".",
        "a/.b",
        "a\\b",
        "a b",
        "ä",
        "C:x",
        "a/",
        "a\0b",
    ] {
        assert!(!is_name(name), "{name}");
        assert!(Writer::new(Vec::new()).member(name, b"").is_err(), "{name}");
    }
    let long = "x".repeat(81);
    assert!(!is_name(&long) && is_name(&long[1..]));
}

fn manifest() -> Manifest {
    let bundle = bundle();
    let mut reader = Reader::new(bundle.as_slice());
    reader.next_member().unwrap();
    Manifest::from_bytes(&reader.whole(1 << 20).unwrap()).unwrap()
}

#[test]
fn manifests_that_no_bundle_has() {
    let good = manifest();
    let spoiled: [fn(&mut Manifest); 9] = [
        |it| it.items[0].path = "measurements/../../x".to_owned(),
        |it| it.items[0].path = "/measurements/x".to_owned(),
        |it| it.items[0].path = "captures/x".to_owned(),
        |it| it.items[1].path = "sha256".to_owned(),
        |it| it.items.push(it.items[0].clone()),
        |it| {
            let mut twin = it.items[0].clone();
            twin.path = "measurements/A.JSONL".to_owned();
            it.items.push(twin);
        },
        |it| it.items[0].root = it.items[0].root.to_uppercase(),
        |it| it.sealed_at = "yesterday".to_owned(),
        |it| it.format = "wirewitness bundle 2".to_owned(),
    ];
    for (number, spoil) in spoiled.iter().enumerate() {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert!(Manifest::from_bytes(&bad.to_bytes()).is_err(), "{number}");
    }
    let text = String::from_utf8(good.to_bytes()).unwrap();
    for bad in [
        text.replacen('{', "{\"more\":1,", 1),
        text.replacen('{', "{\"note\":\"x\",", 1),
        format!("{text} x"),
        "[".repeat(100_000),
    ] {
        assert!(Manifest::from_bytes(bad.as_bytes()).is_err(), "{}", bad.get(..40).unwrap());
    }
}

#[test]
fn a_header_that_promises_gigabytes_costs_nothing() {
    let mut bundle = bundle();
    // The length in the first header, and its sum with it: 8 GiB less a byte.
    let length = b"77777777777\0";
    bundle[124..136].copy_from_slice(length);
    bundle[148..156].copy_from_slice(b"        ");
    let sum: u32 = bundle[..512].iter().map(|it| u32::from(*it)).sum();
    bundle[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = verify(bundle.as_slice(), &Trust::default()).unwrap_err().to_string();
    assert!(error.contains("too long"), "{error}");
    // A file's header: as many as it says may come, but they do not.
    let mut reader = Reader::new(&bundle[..512]);
    assert_eq!(reader.next_member().unwrap().unwrap().1, (1 << 33) - 1);
    assert!(reader.whole(u64::MAX).is_err());
}

#[test]
fn tables_that_are_none() {
    let overlong = [&[0x01][..], &[0; 32], &[0x81, 0x00]].concat();
    let nothing = [&[0x01][..], &[0; 32], &[0x00]].concat();
    let beyond = [&[0x01][..], &[0; 32], &[0xff; 10]].concat();
    let cut = [&[0x02, 0x01][..], &[0; 31]].concat();
    for table in [&b""[..], &[0x03], &[0x01; 32], &overlong, &nothing, &beyond, &cut, &[0x02, 0x02]]
    {
        assert!(Leaves::from_bytes(table).is_err(), "{table:?}");
    }
    let leaves = Leaves::Some(vec![
        Leaf::Kept { salt: [1; 16], length: 300 },
        Leaf::Missing { hash: [2; 32] },
    ]);
    assert_eq!(Leaves::from_bytes(&leaves.to_bytes()).unwrap(), leaves);
    let many = [&[0x01][..], &[0; 32], &vec![1; (4 << 20) + 1]].concat();
    assert!(Leaves::from_bytes(&many).is_err());
}

#[test]
fn members_in_another_order_or_twice() {
    let bundle = bundle();
    let mut members = Vec::new();
    let mut reader = Reader::new(bundle.as_slice());
    while let Some((name, _)) = reader.next_member().unwrap() {
        members.push((name, reader.whole(1 << 20).unwrap()));
    }
    let packed = |order: &[usize]| {
        let mut writer = Writer::new(Vec::new());
        for at in order {
            writer.member(&members[*at].0, &members[*at].1).unwrap();
        }
        writer.finish().unwrap()
    };
    let all: Vec<usize> = (0..members.len()).collect();
    assert_eq!(packed(&all), bundle);
    for left in 0..all.len() {
        for right in 0..left {
            let mut order = all.clone();
            order.swap(left, right);
            assert!(verify(packed(&order).as_slice(), &Trust::default()).is_err());
        }
        let mut order = all.clone();
        order.insert(left, left);
        assert!(verify(packed(&order).as_slice(), &Trust::default()).is_err());
        let mut order = all.clone();
        order.remove(left);
        assert!(verify(packed(&order).as_slice(), &Trust::default()).is_err());
    }
}

#[test]
fn measurements_that_are_hard_to_cut() {
    let deep = "[".repeat(200_000);
    let wide = format!("[{}1]", "1,".repeat(50_000));
    let keys = format!("{{\"{}\":1}}", "k".repeat(1 << 20));
    for text in [deep.as_str(), &wide, &keys, "\"", "{\"a\":", "\u{feff}{}", "{}{}[]1 2"] {
        let bundle = bundle_of(&[("measurements/a", Kind::Measurements, text.as_bytes())], &[]);
        verify(bundle.as_slice(), &Trust::default()).unwrap();
    }
}
