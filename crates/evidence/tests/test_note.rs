//! Notes, keys, checkpoints and cosignatures against published ones.

use wirewitness_evidence::checkpoint::{Checkpoint, CheckpointError, Proof, cosigned_at};
use wirewitness_evidence::growth::{Growth, MAX_HASHES};
use wirewitness_evidence::merkle::{consistency, leaf_hash, root};
use wirewitness_evidence::note::{KeyKind, NoteError, SignedNote, SignerKey, VerifierKey};

/// The key, text and signature of golang.org/x/mod/sumdb/note's documentation.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETERS: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_published_note_verifies_and_is_written_as_it_was() {
    let key = VerifierKey::parse(PETER).unwrap();
    assert_eq!(key.to_string(), PETER);
    let note = SignedNote::parse(PETERS.as_bytes()).unwrap();
    assert_eq!(note.to_string(), PETERS);
    assert_eq!(note.verify(&key), Ok(()));
}

#[test]
fn gos_example_key_signs_what_go_signs() {
    // The private key of the same documentation: Ed25519 is deterministic, so the signature is the same.
    let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let key = SignerKey::parse(secret).unwrap();
    assert_eq!(key.verifier().to_string(), PETER);
    assert_eq!(key.to_secret_line(), format!("{secret}\n"));
    let text = PETERS.split_once("\n\n").unwrap().0;
    assert_eq!(key.sign(&format!("{text}\n")).to_string(), PETERS);
    assert!(!format!("{key:?}").contains("AYEK"));
}

#[test]
fn no_changed_bit_of_a_note_verifies() {
    let key = VerifierKey::parse(PETER).unwrap();
    for at in 0..PETERS.len() {
        for bit in 0..8 {
            let mut changed = PETERS.as_bytes().to_vec();
            changed[at] ^= 1 << bit;
            let is_same = |note: SignedNote| note.to_string().as_bytes() == changed;
            let read = SignedNote::parse(&changed);
            // Base64 of the signature has unused bits; a note that is written otherwise is refused where bundles are read.
            let holds = read.is_ok_and(|note| note.verify(&key).is_ok() && is_same(note));
            assert!(!holds, "byte {at} bit {bit}");
        }
    }
}

#[test]
fn keys_that_are_none() {
    for text in [
        "",
        "a+b",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "x+00000000+AAAA",
        "x+00000000+####",
    ] {
        assert!(matches!(VerifierKey::parse(text), Err(NoteError::Key(_))), "{text}");
    }
}

#[test]
fn a_proof_is_of_one_entry_one_log_and_one_tree() {
    let key = SignerKey::new(Some("log.example/one"), [1; 32]).unwrap();
    let other = SignerKey::new(Some("log.example/one"), [2; 32]).unwrap();
    let root = leaf_hash(&[b"entry"]);
    let checkpoint = Checkpoint { origin: "log.example/one".to_owned(), size: 1, root };
    let proof = Proof { index: 0, hashes: Vec::new(), checkpoint: checkpoint.signed(&key) };
    let again = Proof::parse(proof.to_string().as_bytes()).unwrap();
    assert_eq!(again, proof);
    assert_eq!(again.verify(b"entry", key.verifier()), Ok(checkpoint));
    assert!(matches!(
        again.verify(b"Entry", key.verifier()),
        Err(CheckpointError::NotIncluded { .. })
    ));
    assert!(again.verify(b"entry", other.verifier()).is_err());
    // Signed by the right key, but as another log.
    let stranger = Checkpoint { origin: "log.example/two".to_owned(), size: 1, root };
    assert!(Checkpoint::verified(&stranger.signed(&key), key.verifier()).is_err());
}

#[test]
fn a_witness_is_believed_on_its_key_alone() {
    let key = SignerKey::new(Some("log.example/one"), [1; 32]).unwrap();
    let witness = SignerKey::new(Some("witness.example/w"), [9; 32]).unwrap();
    // The published half of that key: the same bytes as a cosigner's.
    let public = public_of(&witness);
    let cosigner = VerifierKey::new("witness.example/w", KeyKind::Cosigner, public).unwrap();
    let checkpoint = Checkpoint { origin: "log.example/one".to_owned(), size: 1, root: [3; 32] };
    let mut note = checkpoint.signed(&key);
    let message = format!("cosignature/v1\ntime 1700000000\n{}", note.text);
    let mut line = witness.sign(&message).signatures.remove(0);
    let mut bytes = cosigner.id().to_vec();
    bytes.extend_from_slice(&1_700_000_000_u64.to_be_bytes());
    bytes.extend_from_slice(&line.bytes[4..]);
    line.bytes = bytes;
    note.signatures.push(line);
    assert_eq!(cosigned_at(&note, &cosigner), Some(1_700_000_000));
    let stranger = VerifierKey::new("witness.example/w", KeyKind::Cosigner, [5; 32]).unwrap();
    assert_eq!(cosigned_at(&note, &stranger), None);
    note.signatures[1].bytes[11] ^= 1;
    assert_eq!(cosigned_at(&note, &cosigner), None, "another time");
}

/// The 32 bytes at the end of a verifier key.
fn public_of(key: &SignerKey) -> [u8; 32] {
    use base64::Engine as _;
    let text = key.verifier().to_string();
    let data = text.splitn(3, '+').nth(2).unwrap().to_owned();
    base64::engine::general_purpose::STANDARD.decode(data).unwrap()[1..].try_into().unwrap()
}

/// The example of c2sp.org/tlog-witness.
const ASKED: &str = "old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";

#[test]
fn what_a_witness_is_asked_with_is_read_and_written() {
    let growth = Growth::parse(ASKED.as_bytes()).unwrap();
    assert_eq!((growth.old, growth.hashes.len()), (20_852_014, 4));
    assert_eq!(growth.to_string(), ASKED);
    let bad = |text: &str| Growth::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(bad(&ASKED.replace("old 2", "old 02")), "line 1: `old` and a number of entries");
    assert_eq!(bad(&ASKED.replace("/6WV", "6WV")), "line 5: a hash in base64");
    let line = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    let long = ASKED.replace(line, &line.repeat(MAX_HASHES - 2));
    assert_eq!(bad(&long), format!("line {}: the end of the proof", MAX_HASHES + 2));
    assert!(Growth::parse(&[0xff; 9]).is_err());
}

#[test]
fn growth_from_every_size_to_every_larger_one() {
    let key = SignerKey::new(Some("log.example"), [7; 32]).unwrap();
    let leaves: Vec<_> = (0..20_u8).map(|it| leaf_hash(&[&[it]])).collect();
    for new in 0..=leaves.len() {
        let (origin, size) = ("log.example".to_owned(), new as u64);
        let checkpoint = Checkpoint { origin, size, root: root(&leaves[..new]) };
        let note = checkpoint.signed(&key);
        for old in 0..=new {
            let hashes = consistency(&leaves[..new], old).unwrap();
            let growth = Growth { old: old as u64, hashes, checkpoint: note.clone() };
            let read = Growth::parse(growth.to_string().as_bytes()).unwrap();
            let verified = read.verify(&root(&leaves[..old]), key.verifier());
            assert_eq!(verified.as_ref(), Ok(&checkpoint), "{old} to {new}");
            let other = leaf_hash(&[b"another"]);
            let changed = read.verify(&other, key.verifier());
            assert_eq!(changed, Err(CheckpointError::NotContinued { old: old as u64, size }));
            let stranger = SignerKey::new(Some("log.example"), [8; 32]).unwrap();
            assert!(read.verify(&root(&leaves[..old]), stranger.verifier()).is_err());
        }
    }
}
