//! Trees and proofs against published vectors, an independent crate, and damage.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use wirewitness_evidence::merkle::{
    Growing, Hash, consistency, inclusion, is_consistent, is_included, leaf_hash, root,
};
use wirewitness_model::hex::hex;

/// The leaves and roots of the tests of Certificate Transparency's own implementations (google/certificate-transparency,
/// `merkletree/merkle_tree_test.cc`; transparency-dev/merkle, `testonly/constants.go`).
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hashes() -> Vec<Hash> {
    LEAVES.iter().map(|it| leaf_hash(&[it])).collect()
}

#[test]
fn published_roots() {
    let hashes = hashes();
    for (size, expected) in ROOTS.iter().enumerate() {
        assert_eq!(hex(&root(&hashes[..size])), *expected, "{size}");
    }
}

#[test]
fn published_proofs() {
    // The same sources: leaf 5 (from 0) of eight, and of five leaf 1; from one to eight, from six to eight.
    let hashes = hashes();
    let written = |it: Option<Vec<Hash>>| it.unwrap().iter().map(|it| hex(it)).collect::<Vec<_>>();
    assert_eq!(
        written(inclusion(&hashes, 5)),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        written(consistency(&hashes, 6)),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

#[test]
fn every_proof_of_small_trees_holds_and_no_other_does() {
    let leaves: Vec<Hash> = (0..40_u8).map(|it| leaf_hash(&[&[it]])).collect();
    for size in 1..=leaves.len() {
        let tree = &leaves[..size];
        let top = root(tree);
        for (index, leaf) in tree.iter().enumerate() {
            let proof = inclusion(tree, index).unwrap();
            let holds = |at: usize, of: usize, proof: &[Hash]| {
                is_included(leaf, at as u64, of as u64, proof, &top)
            };
            assert!(holds(index, size, &proof));
            assert!(!holds(index + 1, size, &proof));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(!holds(index, size, shorter));
            }
            assert!(!holds(index, size, &[proof.as_slice(), &[top]].concat()));
            for at in 0..proof.len() {
                let mut wrong = proof.clone();
                wrong[at][3] ^= 4;
                assert!(!holds(index, size, &wrong));
            }
        }
        for before in 0..=size {
            let proof = consistency(tree, before).unwrap();
            let old = root(&leaves[..before]);
            let holds = |old: &Hash, new: &Hash, proof: &[Hash]| {
                is_consistent((before as u64, old), (size as u64, new), proof)
            };
            assert!(holds(&old, &top, &proof), "{before} {size}");
            assert!(!holds(&old, &top, &[proof.as_slice(), &[top]].concat()));
            let mut other = top;
            other[0] ^= 1;
            // From nothing every tree follows: there is nothing that it could contradict.
            if before > 0 {
                assert!(!holds(&other, &top, &proof));
                assert!(!holds(&old, &other, &proof));
            }
        }
    }
    assert_eq!((inclusion(&leaves, 40), consistency(&leaves, 41)), (None, None));
}

#[derive(Clone)]
struct Item(Vec<u8>);

impl ct_merkle::HashableLeaf for Item {
    fn hash<H: sha2::digest::Update>(&self, hasher: &mut H) {
        hasher.update(&self.0);
    }
}

proptest! {
    /// ct-merkle shares no code with this crate.
    #[test]
    fn an_independent_crate_makes_the_same(items in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 1..70), pick in any::<prop::sample::Index>()) {
        let index = pick.index(items.len());
        let mut theirs = MemoryBackedTree::<Sha256, Item>::new();
        let mut ours = Growing::default();
        let mut leaves = Vec::new();
        for item in &items {
            theirs.push(Item(item.clone()));
            leaves.push(leaf_hash(&[item]));
            ours.push(leaf_hash(&[item]));
        }
        let their_root = theirs.root();
        prop_assert_eq!(their_root.as_bytes().as_slice(), ours.root());
        let theirs_in = theirs.prove_inclusion(index);
        prop_assert_eq!(theirs_in.as_bytes(), inclusion(&leaves, index).unwrap().concat());
        if index > 0 {
            let theirs_on = theirs.prove_consistency(index);
            prop_assert_eq!(theirs_on.as_bytes(), consistency(&leaves, items.len() - index).unwrap().concat());
        }
    }
}
