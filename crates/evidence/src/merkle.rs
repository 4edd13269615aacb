//! Merkle trees as in RFC 6962 §2.1 and RFC 9162 §2.1: roots, and proofs that something is in a tree, or that one tree continues another.

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 of the tree: of a leaf, of a node, of everything.
pub type Hash = [u8; 32];

/// SHA-256 of these bytes, one piece after the other.
pub fn sha256(pieces: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for piece in pieces {
        context.update(piece);
    }
    finished(context)
}

/// The hash of a leaf, whose bytes come in pieces (RFC 9162 §2.1.1: after the byte 0x00).
pub fn leaf_hash(pieces: &[&[u8]]) -> Hash {
    let mut context = leaf_context();
    for piece in pieces {
        context.update(piece);
    }
    finished(context)
}

/// The same for a leaf that is too long to hold: give it the bytes, then [`finished`].
pub(crate) fn leaf_context() -> Context {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context
}

/// What a context came to.
pub(crate) fn finished(context: Context) -> Hash {
    let mut hash = [0; 32];
    // SHA-256 has 32 bytes.
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash of a node over two others (RFC 9162 §2.1.1: after the byte 0x01).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of a tree whose leaves come one after the other. Holds one hash a level.
#[derive(Debug, Clone, Default)]
pub struct Growing {
    size: u64,
    /// Roots of the whole subtrees, largest first.
    peaks: Vec<Hash>,
}

impl Growing {
    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each bit that is set from the right on is a subtree that this leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root; of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return sha256(&[]) };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The root over these leaves' hashes.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut growing = Growing::default();
    for leaf in leaves {
        growing.push(*leaf);
    }
    growing.root()
}

/// The proof that a leaf is in the tree over these (RFC 9162 §2.1.3.1), from the leaf's sibling up. None where there is no such leaf.
pub fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    let mut proof = Vec::new();
    let (mut tree, mut at) = (leaves, index);
    if at >= tree.len() {
        return None;
    }
    while tree.len() > 1 {
        let (left, right) = tree.split_at(split(tree.len()));
        if at < left.len() {
            proof.push(root(right));
            tree = left;
        } else {
            proof.push(root(left));
            at -= left.len();
            tree = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The proof that the tree over these leaves continues the one over the first `before` of them (RFC 9162 §2.1.4.1). None where there are not
/// that many; empty where nothing came since, or nothing was before.
pub fn consistency(leaves: &[Hash], before: usize) -> Option<Vec<Hash>> {
    if before > leaves.len() {
        return None;
    }
    if before == 0 || before == leaves.len() {
        return Some(Vec::new());
    }
    let mut proof = Vec::new();
    let (mut tree, mut old, mut is_old_root) = (leaves, before, true);
    while old != tree.len() {
        let (left, right) = tree.split_at(split(tree.len()));
        if old <= left.len() {
            proof.push(root(right));
            tree = left;
        } else {
            proof.push(root(left));
            old -= left.len();
            tree = right;
            is_old_root = false;
        }
    }
    if !is_old_root {
        proof.push(root(tree));
    }
    proof.reverse();
    Some(proof)
}

/// Whether a leaf is at `index` of the tree with this size and root (RFC 9162 §2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the tree `new` (size and root) continues `old` (RFC 9162 §2.1.4.2). The empty tree is continued by every one, with an empty proof.
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    if old.0 > new.0 {
        return false;
    }
    if old.0 == new.0 {
        return proof.is_empty() && old.1 == new.1;
    }
    if old.0 == 0 {
        return proof.is_empty() && *old.1 == sha256(&[]);
    }
    let mut hashes = proof.iter();
    let first = if old.0.is_power_of_two() { Some(old.1) } else { hashes.next() };
    let Some(first) = first else { return false };
    let (mut at, mut last) = (old.0 - 1, new.0 - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(hash, &old_hash);
            new_hash = node_hash(hash, &new_hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old.1 && new_hash == *new.1
}

/// The largest power of two below `n`, for `n` over one.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}
