//! Bundles: what is proven, every flipped bit, what is left out, and what is attached.

use wirewitness_evidence::bundle::BundleError;
use wirewitness_evidence::manifest::Kind;
use wirewitness_evidence::note::{SignedNote, SignerKey};
use wirewitness_evidence::share::{Wishes, attach, redact};
use wirewitness_evidence::verify::{Trust, Verified, verify};

use crate::made::{RECORDS, bundle, bundle_of, key};

fn checked(bundle: &[u8]) -> Result<Verified, BundleError> {
    verify(bundle, &Trust::default())
}

fn without(bundle: &[u8], files: &[&str], fields: &[&str]) -> Vec<u8> {
    let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
    redact(bundle, Vec::new(), &Wishes { files: owned(files), fields: owned(fields) }).unwrap().0
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|it| it == needle.as_bytes())
}

#[test]
fn a_bundle_says_what_it_proves() {
    let bundle = bundle();
    let verified = checked(&bundle).unwrap();
    assert_eq!(verified.key, *key().verifier());
    assert!(!verified.is_key_known);
    assert_eq!((verified.index, verified.checkpoint.size), (3, 4));
    assert_eq!(verified.files.len(), 3);
    assert!(!verified.is_redacted());
    // sha256sum of nothing.
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(verified.files[2].sha256.as_deref(), Some(nothing));
    let mut trust = Trust { keys: vec![key().verifier().clone()], ..Trust::default() };
    assert!(verify(bundle.as_slice(), &trust).unwrap().is_key_known);
    trust.keys = vec![SignerKey::new(None, [8; 32]).unwrap().verifier().clone()];
    assert!(matches!(verify(bundle.as_slice(), &trust), Err(BundleError::OtherKey { .. })));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(bundle(), bundle());
}

#[test]
fn every_flipped_bit_of_a_small_bundle_is_caught() {
    let tiny = bundle_of(&[("other/x", Kind::Other, b"x")], &[]);
    let less = without(&bundle(), &["captures/a.pcap"], &["probe_ip"]);
    for (name, bundle, most) in [("tiny", &tiny, 8), ("redacted", &less, 1)] {
        checked(bundle).unwrap();
        for at in 0..bundle.len() {
            // Of filling one bit a byte, of all else every bit in the tiny one and one bit in the other.
            let bits = if bundle[at] == 0 { 1 } else { most };
            for bit in at..at + bits {
                let mut changed = bundle.clone();
                changed[at] ^= 1 << (bit % 8);
                assert!(checked(&changed).is_err(), "{name}: byte {at} bit {}", bit % 8);
            }
        }
    }
}

#[test]
fn bits_of_a_large_bundle_are_caught_in_its_files_by_name() {
    let capture: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let records = RECORDS.repeat(300);
    let bundle = bundle_of(
        &[
            ("measurements/a.jsonl", Kind::Measurements, records.as_bytes()),
            ("captures/a.pcap", Kind::Capture, &capture),
        ],
        &[],
    );
    checked(&bundle).unwrap();
    // A seeded walk: the places are many and always the same.
    let mut state = 0x9e37_79b9_u64;
    for _ in 0..60 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 16) as usize % bundle.len();
        let mut changed = bundle.clone();
        changed[at] ^= 1 << (state >> 60 & 7);
        assert!(checked(&changed).is_err(), "byte {at}");
    }
    let mut changed = bundle.clone();
    let at = bundle.len() - 100_000;
    changed[at] ^= 1;
    let error = checked(&changed).unwrap_err().to_string();
    assert!(error.starts_with("captures/a.pcap (from byte "), "{error}");
}

#[test]
fn every_cut_is_caught() {
    let bundle = bundle();
    for length in (0..bundle.len()).step_by(37).chain(bundle.len() - 1100..bundle.len()) {
        assert!(checked(&bundle[..length]).is_err(), "{length}");
    }
    assert!(checked(&[bundle.as_slice(), b"\0"].concat()).is_err());
    assert!(checked(&[bundle.as_slice(), &bundle].concat()).is_err());
}

#[test]
fn what_is_left_out_is_gone_and_the_first_signature_holds() {
    let bundle = bundle();
    let less = without(&bundle, &[], &["probe_ip", "test_keys.requests[*].body"]);
    assert!(contains(&bundle, "192.0.2.7") && contains(&bundle, "<p>two"));
    for gone in ["192.0.2.7", "192.0.2.9", "<p>one", "<p>two"] {
        assert!(!contains(&less, gone), "{gone}");
    }
    assert!(contains(&less, "\"probe_ip\":\"[left out]\",\"input\":\"https://news.example/\""));
    let (whole, verified) = (checked(&bundle).unwrap(), checked(&less).unwrap());
    assert_eq!(verified.manifest, whole.manifest);
    assert_eq!(verified.checkpoint, whole.checkpoint);
    let left_out: Vec<_> = verified.files[0].left_out.clone().into_iter().collect();
    assert_eq!(
        left_out,
        [("probe_ip".to_owned(), 2), ("test_keys.requests[*].body".to_owned(), 2)]
    );
    assert_eq!(verified.files[0].sha256, None);
    assert_eq!(verified.files[1], whole.files[1]);
}

#[test]
fn left_out_once_more() {
    let less = without(&bundle(), &[], &["test_keys.requests[0].body"]);
    let verified = checked(&less).unwrap();
    assert_eq!(verified.files[0].left_out.values().sum::<u64>(), 1);
    // The object around it, and then the file.
    let less = without(&less, &[], &["test_keys.requests[*]"]);
    let verified = checked(&less).unwrap();
    assert_eq!(verified.files[0].left_out.get("test_keys.requests[*]"), Some(&2));
    assert!(!contains(&less, "451"));
    let less = without(&less, &["measurements/a.jsonl", "captures/a.pcap"], &[]);
    let verified = checked(&less).unwrap();
    assert_eq!(verified.files[0].left_out.get("the whole file"), Some(&1));
    assert_eq!(verified.files[1].left_out.get("the whole file"), Some(&1));
    assert!(!contains(&less, "news.example") && !contains(&less, "not really"));
}

#[test]
fn of_an_empty_file_nothing_can_be_left_out() {
    let less = without(&bundle(), &["other/empty"], &[]);
    assert_eq!(checked(&less).unwrap().files[2].left_out.len(), 0);
}

#[test]
fn a_left_out_value_cannot_be_found_by_trying() {
    // What stands for the address is a hash after 16 bytes that are not in the bundle: neither the address's own hash nor the
    // one with a salt that is there.
    let bundle = bundle();
    let less = without(&bundle, &[], &["probe_ip"]);
    let guess = wirewitness_evidence::merkle::leaf_hash(&[b"\"192.0.2.7\""]);
    assert!(!less.windows(32).any(|it| it == guess));
    for salt in less.windows(16) {
        let guess = wirewitness_evidence::merkle::leaf_hash(&[salt, b"\"192.0.2.7\""]);
        assert!(!less.windows(32).any(|it| it == guess));
    }
    // With the whole bundle's seed it can be: that is what must not travel.
    assert!(contains(&bundle, "192.0.2.7"));
}

#[test]
fn wishes_that_find_nothing_are_told() {
    let wishes =
        Wishes { files: vec!["other/none".to_owned()], fields: vec!["probe_asn".to_owned()] };
    let (_, found) = redact(bundle().as_slice(), Vec::new(), &wishes).unwrap();
    assert_eq!(found.into_values().collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn a_cosigned_checkpoint_is_taken_and_another_tree_is_not() {
    let bundle = bundle();
    let note = checkpoint_of(&bundle);
    let mut cosigned = note.clone();
    let stranger = SignerKey::new(Some("witness.example/w"), [9; 32]).unwrap();
    cosigned.signatures.extend(stranger.sign(&note.text).signatures);
    let more = attach(bundle.as_slice(), Vec::new(), (&[cosigned], &[])).unwrap();
    let verified = checked(&more).unwrap();
    assert_eq!(verified.witnesses.len(), 1);
    // No key for it was named, so nothing is known of it.
    assert_eq!(verified.witnesses[0].at, None);
    let other = key().sign("other.example\n4\nAAAA\n");
    assert!(attach(bundle.as_slice(), Vec::new(), (&[other], &[])).is_err());
}

fn checkpoint_of(bundle: &[u8]) -> SignedNote {
    let mut reader = wirewitness_evidence::container::Reader::new(bundle);
    wirewitness_evidence::bundle::Head::read(&mut reader).unwrap().0.proof.checkpoint
}

#[test]
#[ignore = "writes the seeds of the fuzz target into fuzz/seeds/evidence"]
fn seeds_for_the_fuzzer() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/evidence");
    std::fs::create_dir_all(&folder).unwrap();
    let bundle = bundle();
    let less = without(&bundle, &["captures/a.pcap"], &["probe_ip"]);
    let mut reader = wirewitness_evidence::container::Reader::new(less.as_slice());
    let mut seeds = vec![
        ("bundle", 0, bundle.clone()),
        ("redacted", 0, less.clone()),
        ("tar", 1, bundle.clone()),
    ];
    while let Some((name, _)) = reader.next_member().unwrap() {
        let bytes = reader.whole(1 << 20).unwrap();
        match name.as_str() {
            "manifest.json" => seeds.push(("manifest", 2, bytes)),
            "statement.note" => seeds.push(("note", 3, bytes)),
            "log.tlog-proof" => seeds.push(("proof", 3, bytes)),
            "leaves/00000" => seeds.push(("table", 4, bytes)),
            "measurements/a.jsonl" => seeds.push(("records", 7, bytes)),
            _ => {}
        }
    }
    seeds.push(("key", 8, key().verifier().to_string().into_bytes()));
    seeds.push(("request", 5, wirewitness_evidence::timestamp::request(b"x", 1)));
    let checkpoint = checkpoint_of(&bundle);
    let growth = wirewitness_evidence::growth::Growth { old: 3, hashes: vec![[7; 32]], checkpoint };
    seeds.push(("growth", 3, growth.to_string().into_bytes()));
    for (name, kind, bytes) in seeds {
        std::fs::write(folder.join(name), [&[kind], bytes.as_slice()].concat()).unwrap();
    }
}
