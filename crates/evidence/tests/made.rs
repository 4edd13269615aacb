//! Bundles for tests, made as the program makes them.

use std::collections::BTreeMap;
use std::io;

use wirewitness_evidence::checkpoint::{Checkpoint, Proof};
use wirewitness_evidence::manifest::Kind;
use wirewitness_evidence::merkle::{inclusion, root};
use wirewitness_evidence::note::SignerKey;
use wirewitness_evidence::seal::{Claims, Input, prepare};
use wirewitness_evidence::tiles::Entries;

/// Two records, with an address and a body that somebody may want to leave out.
pub(crate) const RECORDS: &str = "{\"probe_ip\":\"192.0.2.7\",\"input\":\"https://news.example/\",\"test_keys\":{\"requests\":[{\"body\":\"<p>one</p>\",\"code\":200},{\"body\":\"<p>two</p>\",\"code\":451}]}}\n{\"probe_ip\":\"192.0.2.9\", \"test_keys\": {\"requests\": []}}\n";

pub(crate) fn key() -> SignerKey {
    SignerKey::new(None, [7; 32]).unwrap()
}

/// Random bytes that are none: the same each time.
pub(crate) fn numbered() -> impl FnMut() -> io::Result<[u8; 32]> {
    let mut number = 0_u8;
    move || {
        number += 1;
        Ok([number; 32])
    }
}

fn input(path: &str, kind: Kind, bytes: Vec<u8>) -> Input<'static> {
    let open = move || Ok(Box::new(io::Cursor::new(bytes.clone())) as Box<dyn io::Read>);
    Input { path: path.to_owned(), kind, open: Box::new(open) }
}

/// A bundle of these files, after three other entries in the log.
pub(crate) fn bundle_of(files: &[(&str, Kind, &[u8])], stamps: &[Vec<u8>]) -> Vec<u8> {
    let key = key();
    let inputs: Vec<_> = files.iter().map(|it| input(it.0, it.1, it.2.to_vec())).collect();
    let claims = Claims {
        sealed_at: "2026-01-02T03:04:05Z".to_owned(),
        program: "wirewitness 0.0.0".to_owned(),
        note: "for a test".to_owned(),
        rules: BTreeMap::from([("web.tls.reset".to_owned(), 1)]),
        data: Vec::new(),
    };
    let prepared = prepare(&inputs, claims, key.verifier(), &mut numbered()).unwrap();
    let mut log = Entries::default();
    for other in ["one\n", "two\n", "three\n"] {
        log.push(other.as_bytes().to_vec());
    }
    log.push(prepared.statement().into_bytes());
    let size = log.len() as u64;
    let origin = key.verifier().name().to_owned();
    let checkpoint = Checkpoint { origin, size, root: root(log.leaves()) }.signed(&key);
    let hashes = inclusion(log.leaves(), log.len() - 1).unwrap();
    let proof = Proof { index: size - 1, hashes, checkpoint };
    let signed = prepared.signed(&key);
    prepared.write(&inputs, (signed, proof, stamps.to_vec()), Vec::new()).unwrap()
}

/// A small one.
pub(crate) fn bundle() -> Vec<u8> {
    bundle_of(
        &[
            ("measurements/a.jsonl", Kind::Measurements, RECORDS.as_bytes()),
            ("captures/a.pcap", Kind::Capture, b"\xd4\xc3\xb2\xa1 not really"),
            ("other/empty", Kind::Other, b""),
        ],
        &[],
    )
}
