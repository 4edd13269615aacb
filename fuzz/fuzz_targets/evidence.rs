//! Everything of sealed evidence that comes from strangers: bundles, notes, proofs, tables, time stamps, age files.
//!
//! The first byte says what the rest is. Nothing panics or allocates beyond what is there; what is read and written again is the same; a
//! bundle that holds still holds with everything left out.

#![no_main]

use std::io::Read as _;

use libfuzzer_sys::fuzz_target;
use wirewitness_evidence::age::{By, Decrypting, Identity};
use wirewitness_evidence::checkpoint::Proof;
use wirewitness_evidence::container::{Reader, Writer};
use wirewitness_evidence::growth::Growth;
use wirewitness_evidence::leaves::Leaves;
use wirewitness_evidence::manifest::Manifest;
use wirewitness_evidence::note::{SignedNote, SignerKey, VerifierKey};
use wirewitness_evidence::share::{Wishes, redact};
use wirewitness_evidence::split::cuts;
use wirewitness_evidence::tiles::Entries;
use wirewitness_evidence::timestamp;
use wirewitness_evidence::verify::{Trust, verify};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 9 {
        0 => bundle(rest),
        1 => container(rest),
        2 => {
            if let Ok(manifest) = Manifest::from_bytes(rest) {
                assert_eq!(Manifest::from_bytes(&manifest.to_bytes()).as_ref(), Ok(&manifest));
            }
        }
        3 => {
            if let Ok(note) = SignedNote::parse(rest) {
                assert_eq!(SignedNote::parse(note.to_string().as_bytes()), Ok(note));
            }
            if let Ok(proof) = Proof::parse(rest) {
                assert_eq!(Proof::parse(proof.to_string().as_bytes()), Ok(proof));
            }
            if let Ok(growth) = Growth::parse(rest) {
                assert_eq!(Growth::parse(growth.to_string().as_bytes()), Ok(growth));
            }
        }
        4 => {
            if let Ok(leaves) = Leaves::from_bytes(rest) {
                // There is one way to write a table.
                assert_eq!(leaves.to_bytes(), rest);
            }
        }
        5 => {
            let _ = timestamp::token(rest).map(|token| timestamp::verify(&token, b"", &[]));
            let _ = timestamp::verify(rest, b"x", &[rest.to_vec()]);
        }
        6 => age(rest),
        7 => {
            let cuts = cuts(rest);
            assert!(cuts.windows(2).all(|it| it[0] < it[1]));
            assert_eq!((cuts.first(), cuts.last()), (Some(&0), Some(&rest.len())));
        }
        _ => {
            let text = String::from_utf8_lossy(rest);
            if let Ok(key) = VerifierKey::parse(&text) {
                assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
            }
            let _ = SignerKey::parse(&text);
            let mut entries = Entries::default();
            let _ = entries.push_bundle(rest, 256);
        }
    }
});

fn bundle(bytes: &[u8]) {
    let Ok(verified) = verify(bytes, &Trust::default()) else { return };
    let files = verified.files.iter().map(|it| it.item.path.clone()).collect();
    let wishes = Wishes { files, fields: Vec::new() };
    let (less, _) = redact(bytes, Vec::new(), &wishes).expect("what holds can be cut down");
    let again = verify(less.as_slice(), &Trust::default()).expect("the first signature holds");
    assert_eq!(again.manifest, verified.manifest);
}

fn container(bytes: &[u8]) {
    let (mut reader, mut writer) = (Reader::new(bytes), Writer::new(Vec::new()));
    loop {
        match reader.next_member() {
            Err(_) => return,
            Ok(None) => break,
            Ok(Some((name, _))) => {
                let Ok(member) = reader.whole(u64::MAX) else { return };
                writer.member(&name, &member).expect("a name that was read can be written");
            }
        }
    }
    // There is one way to write a container.
    assert_eq!(writer.finish().expect("memory takes all"), bytes);
}

fn age(bytes: &[u8]) {
    // The identity of the specification.
    let text = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let identities = [Identity::parse(text).expect("an identity")];
    if let Ok(mut plain) = Decrypting::new(bytes, &By::Identities(&identities)) {
        let _ = plain.read_to_end(&mut Vec::new());
    }
}
