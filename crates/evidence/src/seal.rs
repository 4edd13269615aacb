//! Making a bundle.
//!
//! In three steps, because the statement goes into the log before the bundle is written: [`prepare`] reads the files once, [`Prepared::statement`]
//! is signed and logged, [`Prepared::write`] reads the files again and writes. The same files, claims, key, log and random bytes give
//! the same bundle, byte for byte.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use wirewitness_model::hex::hex;

use crate::bundle::{BundleError, Head, MAX_STAMP_BYTES, MAX_STAMPS, MemberError, table_name};
use crate::checkpoint::Proof;
use crate::container::{MAX_MEMBER_BYTES, Writer, is_name};
use crate::leaves::{Leaf, Leaves, leaf_salt, read_leaves};
use crate::manifest::{Data, FORMAT, Item, Kind, Manifest};
use crate::merkle::{Growing, finished, leaf_context, leaf_hash};
use crate::note::{SignedNote, SignerKey, VerifierKey};
use crate::split::{MAX_JSON_BYTES, cuts};

/// How a file is read: it is read twice.
pub type Open<'a> = Box<dyn Fn() -> io::Result<Box<dyn Read>> + 'a>;

/// A file that is to be sealed.
pub struct Input<'a> {
    /// Its name in the bundle, the kind's folder first ([`name_for`]).
    pub path: String,
    /// What it is. Measurements are cut into their fields.
    pub kind: Kind,
    /// Opens it.
    pub open: Open<'a>,
}

/// What the sealer says of the whole.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// By the sealer's clock, `YYYY-MM-DDTHH:MM:SSZ`.
    pub sealed_at: String,
    /// The program and its version.
    pub program: String,
    /// Words of the sealer.
    pub note: String,
    /// Rules of the program with their versions.
    pub rules: BTreeMap<String, u32>,
    /// Tables and lists that were used.
    pub data: Vec<Data>,
}

/// A bundle that was read but not written.
#[derive(Debug)]
pub struct Prepared {
    manifest: Manifest,
    /// The table of each file, and its length.
    tables: Vec<(Leaves, u64)>,
}

/// A name for a file in a bundle, from its own: what no member may have becomes `_`, and what others have gets a number.
pub fn name_for(kind: Kind, own: &str, is_taken: &dyn Fn(&str) -> bool) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '_' | '-');
    let own: String = own.chars().map(|it| if plain(it) { it } else { '_' }).collect();
    let own = own.trim_start_matches('.');
    // From the end, where the suffix is.
    let own = own.get(own.len().saturating_sub(56)..).unwrap_or_default();
    let own =
        if own.is_empty() || own.starts_with('.') { format!("file{own}") } else { own.to_owned() };
    let mut name = format!("{}/{own}", kind.folder());
    for number in 2_u64.. {
        if !is_taken(&name) {
            break;
        }
        name = format!("{}/{number}-{own}", kind.folder());
    }
    name
}

/// Reads the files and makes the manifest. `random` gives 32 bytes that nobody can guess, new ones each time.
///
/// # Errors
/// Where a file cannot be read, or its name is none; or nothing random is to be had.
pub fn prepare(
    inputs: &[Input<'_>],
    claims: Claims,
    key: &VerifierKey,
    random: &mut dyn FnMut() -> io::Result<[u8; 32]>,
) -> Result<Prepared, BundleError> {
    let drawn = |error: io::Error| BundleError::Wish(format!("no random bytes: {error}"));
    let nonce = hex(&random().map_err(drawn)?);
    let (mut items, mut tables) = (Vec::new(), Vec::new());
    for input in inputs {
        let of = |error: MemberError| error.of(&input.path, 0);
        if !is_name(&input.path) {
            return Err(BundleError::Wish(format!("{:?} is no name in a bundle", input.path)));
        }
        let seed = random().map_err(drawn)?;
        let (leaves, length, growing) = table(input, seed).map_err(|error| of(error.into()))?;
        if length > MAX_MEMBER_BYTES {
            return Err(BundleError::Wish(format!("{} has over 8 GiB", input.path)));
        }
        let (path, kind) = (input.path.clone(), input.kind);
        items.push(Item { path, kind, leaves: growing.size(), root: hex(&growing.root()) });
        tables.push((leaves, length));
    }
    let Claims { sealed_at, program, note, rules, data } = claims;
    let (format, key) = (FORMAT.to_owned(), key.to_string());
    let manifest = Manifest { format, sealed_at, program, key, nonce, note, rules, data, items };
    // What no reader would take is not written.
    Manifest::from_bytes(&manifest.to_bytes())
        .map_err(|error| BundleError::Wish(error.to_string()))?;
    Ok(Prepared { manifest, tables })
}

/// The table of a file's leaves, its length, and the tree over them.
fn table(input: &Input<'_>, seed: [u8; 32]) -> io::Result<(Leaves, u64, Growing)> {
    let mut file = (input.open)()?;
    let mut growing = Growing::default();
    let mut text = Vec::new();
    if input.kind == Kind::Measurements {
        file.by_ref().take(MAX_JSON_BYTES as u64 + 1).read_to_end(&mut text)?;
        if text.len() <= MAX_JSON_BYTES {
            let cuts = cuts(&text);
            let pairs = || cuts.iter().zip(cuts.iter().skip(1));
            let lengths = pairs().map(|(from, to)| (to - from) as u64).collect();
            let leaves = Leaves::All { seed, lengths };
            for (leaf, (from, to)) in leaves.iter().zip(pairs()) {
                if let Leaf::Kept { salt, .. } = leaf {
                    growing.push(leaf_hash(&[&salt, text.get(*from..*to).unwrap_or_default()]));
                }
            }
            return Ok((leaves, text.len() as u64, growing));
        }
    }
    let mut context = leaf_context();
    context.update(&leaf_salt(&seed, 0));
    context.update(&text);
    let mut length = text.len() as u64;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = crate::leaves::fill(&mut file, &mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
        length += read as u64;
    }
    let mut lengths = Vec::new();
    if length > 0 {
        lengths.push(length);
        growing.push(finished(context));
    }
    Ok((Leaves::All { seed, lengths }, length, growing))
}

impl Prepared {
    /// What is to be signed, and to be put into the log.
    pub fn statement(&self) -> String {
        self.manifest.statement()
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Signs the statement.
    pub fn signed(&self, key: &SignerKey) -> SignedNote {
        key.sign(&self.statement())
    }

    /// Writes the bundle. The files are read again, and held against what was read before.
    ///
    /// # Errors
    /// Where a file is another one by now, or cannot be read; or writing.
    pub fn write<W: Write>(
        &self,
        inputs: &[Input<'_>],
        (statement, proof, stamps): (SignedNote, Proof, Vec<Vec<u8>>),
        out: W,
    ) -> Result<W, BundleError> {
        if stamps.len() > MAX_STAMPS || stamps.iter().any(|it| it.len() as u64 > MAX_STAMP_BYTES) {
            return Err(BundleError::Wish("too many time stamps, or too long ones".to_owned()));
        }
        let container = |error: io::Error| BundleError::Container(error.into());
        let manifest_bytes = self.manifest.to_bytes();
        let head =
            Head { manifest_bytes, manifest: self.manifest.clone(), statement, proof, stamps };
        let mut writer = Writer::new(out);
        head.write(&mut writer).map_err(container)?;
        let files = inputs.iter().zip(&self.tables).zip(&self.manifest.items);
        for (number, ((input, (leaves, length)), item)) in files.enumerate() {
            let of = |error: MemberError| error.of(&input.path, 0);
            writer.member(&table_name(number), &leaves.to_bytes()).map_err(container)?;
            writer.begin(&input.path, *length).map_err(container)?;
            let mut file = (input.open)().map_err(|error| of(error.into()))?;
            let mut copy = |piece: &[u8], _| writer.write(piece);
            let growing = read_leaves(&mut file, leaves.iter(), &mut copy);
            let growing = growing.map_err(|error| of(error.into()))?;
            let more =
                crate::leaves::fill(&mut file, &mut [0]).map_err(|error| of(error.into()))?;
            if more > 0 || hex(&growing.root()) != item.root {
                return Err(of(MemberError::Changed("the file was changed while it was sealed")));
            }
        }
        writer.finish().map_err(container)
    }
}
