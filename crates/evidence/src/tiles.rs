//! A log as files (c2sp.org/tlog-tiles): which there are, what is in them, and reading them back.
//!
//! - `checkpoint`: the signed checkpoint.
//! - `tile/<L>/<N>`: 256 hashes of level `L` (of 256^L leaves each); the last one of a level as `tile/<L>/<N>.p/<W>` with `W` of them.
//! - `tile/entries/<N>`: 256 entries, each after its length in two bytes; the last ones as `tile/entries/<N>.p/<W>`.

use crate::merkle::{Hash, leaf_hash, root};

/// Hashes in a full tile, and entries in a full bundle of them.
pub const TILE: usize = 256;
/// Bytes that an entry may have: its length is written in two bytes.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;

/// The entries of a log, and their hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    entries: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
}

/// One file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileFile {
    /// Below the log's folder, with slashes.
    pub path: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hashes of the entries, in order.
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(Vec::as_slice)
    }

    /// Adds an entry; false, and nothing is added, where it is too long.
    pub fn push(&mut self, entry: Vec<u8>) -> bool {
        if entry.len() > MAX_ENTRY_BYTES {
            return false;
        }
        self.leaves.push(leaf_hash(&[&entry]));
        self.entries.push(entry);
        true
    }

    /// Adds the first `take` entries of a bundle of them. None where it holds less, or is damaged.
    pub fn push_bundle(&mut self, bytes: &[u8], take: usize) -> Option<()> {
        let mut rest = bytes;
        for _ in 0..take {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (entry, after) =
                after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            self.push(entry.to_vec());
            rest = after;
        }
        Some(())
    }

    /// The files that a tree with all entries needs and the one with the first `since` of them did not have.
    pub fn files_since(&self, since: usize) -> Vec<TileFile> {
        let mut files = Vec::new();
        for (number, entries) in self.entries.chunks(TILE).enumerate() {
            if (number + 1) * TILE > since {
                let mut bytes = Vec::new();
                for entry in entries {
                    // `push` keeps entries below 64 KiB.
                    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
                    bytes.extend_from_slice(&length.to_be_bytes());
                    bytes.extend_from_slice(entry);
                }
                files.push(TileFile { path: entries_path(number, entries.len()), bytes });
            }
        }
        files
            .extend(self.hash_tiles().into_iter().filter(|(_, last)| *last > since).map(|it| it.0));
        files
    }

    /// All tiles of hashes, each with the number of leaves that its last hash ends at.
    fn hash_tiles(&self) -> Vec<(TileFile, usize)> {
        let mut tiles = Vec::new();
        let mut hashes = self.leaves.clone();
        let (mut level, mut of_each) = (0, 1);
        while !hashes.is_empty() {
            for (number, tile) in hashes.chunks(TILE).enumerate() {
                let path = tile_path(level, number, tile.len());
                let last = (number * TILE + tile.len()) * of_each;
                tiles.push((TileFile { path, bytes: tile.concat() }, last));
            }
            // Only full tiles have a hash on the next level.
            hashes = hashes.chunks_exact(TILE).map(root).collect();
            level += 1;
            of_each *= TILE;
        }
        tiles
    }
}

/// The path of a bundle of entries.
pub fn entries_path(number: usize, width: usize) -> String {
    format!("tile/entries/{}", place(number, width))
}

/// The path of a tile of hashes.
pub fn tile_path(level: usize, number: usize, width: usize) -> String {
    format!("tile/{level}/{}", place(number, width))
}

/// Number in groups of three digits, all but the last after an `x`; and the width of a tile that is not full.
fn place(number: usize, width: usize) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE { format!("{path}.p/{width}") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_the_specification_has_them() {
        // c2sp.org/tlog-tiles, "Merkle Tree": its own examples.
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(0, 273, 112), "tile/0/273.p/112");
        assert_eq!(tile_path(1, 1, 17), "tile/1/001.p/17");
        assert_eq!(entries_path(0, 256), "tile/entries/000");
    }

    #[test]
    fn seventy_thousand_entries_have_the_tiles_of_the_specification() {
        // Its example: size 70,000 has 273 full level 0 tiles and one of 112, one full level 1 tile and one of 17, one of 1 on level 2.
        let mut entries = Entries::default();
        for number in 0..70_000_u32 {
            entries.push(number.to_be_bytes().to_vec());
        }
        let files = entries.files_since(0);
        let of = |start: &str| files.iter().filter(|it| it.path.starts_with(start)).count();
        assert_eq!((of("tile/0/"), of("tile/1/"), of("tile/2/")), (274, 2, 1));
        for path in ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"] {
            assert!(files.iter().any(|it| it.path == path), "{path}");
        }
        let later = entries.files_since(69_999);
        let paths: Vec<_> = later.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["tile/entries/273.p/112", "tile/0/273.p/112"]);
    }
}
