//! Checking a bundle: what is proven, by whom, since when, and what was left out.

use std::collections::BTreeMap;
use std::io::Read;

use aws_lc_rs::digest::{Context, SHA256};
use wirewitness_model::hex::hex;

use crate::bundle::PROOF;
use crate::bundle::{BundleError, Head, MemberError, STATEMENT, expect, stamp_name, table_name};
use crate::checkpoint::{Checkpoint, cosigned_at};
use crate::container::Reader;
use crate::leaves::{Leaves, MAX_TABLE_BYTES, read_leaves};
use crate::manifest::{Item, Kind, Manifest, statement};
use crate::merkle::finished;
use crate::note::{KeyKind, VerifierKey};
use crate::split::{MAX_JSON_BYTES, walk};
use crate::timestamp::{self, Stamp};

/// Whom the reader trusts. Without anything the bundle is held against itself only.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Keys that may have signed. None: any.
    pub keys: Vec<VerifierKey>,
    /// Witnesses of logs.
    pub witnesses: Vec<VerifierKey>,
    /// Certificates (DER) of time stamping authorities, or of who certifies them.
    pub authorities: Vec<Vec<u8>>,
}

/// A bundle that holds. There is no other way to have one than [`verify`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verified {
    /// What the sealer said.
    pub manifest: Manifest,
    /// Whose key signed.
    pub key: VerifierKey,
    /// Whether the reader named that key.
    pub is_key_known: bool,
    /// The statement's place in the log, from 0.
    pub index: u64,
    /// The log at that time.
    pub checkpoint: Checkpoint,
    /// Who says to have seen the log.
    pub witnesses: Vec<Witnessed>,
    /// Time stamps: each one is of this very statement.
    pub stamps: Vec<Stamp>,
    /// The files, in order.
    pub files: Vec<VerifiedFile>,
}

/// A witness's line under the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Its name.
    pub name: String,
    /// When it saw the log, seconds since 1970; none where the reader named no key for it: then nothing is known.
    pub at: Option<u64>,
}

/// A file that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFile {
    /// As the manifest has it.
    pub item: Item,
    /// Bytes in this bundle.
    pub bytes: u64,
    /// SHA-256 of the file, hexadecimal; none where something was left out.
    pub sha256: Option<String>,
    /// What was left out: the field, with `[*]` for places of arrays, and how often. Empty for a whole file.
    pub left_out: BTreeMap<String, u64>,
}

impl Verified {
    /// Whether anything was left out.
    pub fn is_redacted(&self) -> bool {
        self.files.iter().any(|it| !it.left_out.is_empty())
    }
}

/// Checks all of a bundle.
///
/// # Errors
/// Where one bit is not as it was, or a key is not one that the reader named.
pub fn verify<R: Read>(input: R, trust: &Trust) -> Result<Verified, BundleError> {
    let mut reader = Reader::new(input);
    let (head, mut next) = Head::read(&mut reader)?;
    let manifest = &head.manifest;
    let key = VerifierKey::parse(&manifest.key);
    let key = key.map_err(|error| MemberError::from(error).of(STATEMENT, 0))?;
    let checkpoint = signatures(&head, &key)?;
    let is_key_known = trust.keys.contains(&key);
    if !is_key_known && !trust.keys.is_empty() {
        return Err(BundleError::OtherKey { have: key.to_string() });
    }
    let witnesses = witnesses(&head, &key, trust);
    let mut stamps = Vec::new();
    let stamped = head.statement.to_string();
    for (number, token) in head.stamps.iter().enumerate() {
        let stamp = timestamp::verify(token, stamped.as_bytes(), &trust.authorities);
        stamps.push(stamp.map_err(|it| MemberError::from(it).of(&stamp_name(number), 0))?);
    }
    let mut files = Vec::new();
    for (number, item) in manifest.items.iter().enumerate() {
        expect(reader.at(), next, &table_name(number))?;
        let at = reader.at();
        let table = reader.whole(MAX_TABLE_BYTES);
        let table = table.map_err(|error| MemberError::from(error).of(&table_name(number), at))?;
        let leaves = Leaves::from_bytes(&table);
        let leaves = leaves.map_err(|it| MemberError::from(it).of(&table_name(number), at))?;
        let start = reader.at();
        next = reader.next_member()?;
        let bytes = expect(start, next, &item.path)?;
        let at = reader.at();
        let file = file(&mut reader, item, (bytes, &leaves));
        files.push(file.map_err(|error| error.of(&item.path, at))?);
        next = reader.next_member()?;
    }
    if let Some((have, _)) = next {
        return Err(BundleError::Order { at: reader.at(), have, need: "the end".to_owned() });
    }
    let (index, manifest) = (head.proof.index, head.manifest);
    Ok(Verified { manifest, key, is_key_known, index, checkpoint, witnesses, stamps, files })
}

/// Manifest, statement and log belong together, and the key has signed them.
fn signatures(head: &Head, key: &VerifierKey) -> Result<Checkpoint, BundleError> {
    let of = |error: MemberError| error.of(STATEMENT, 0);
    head.statement.verify(key).map_err(|error| of(error.into()))?;
    if head.statement.text != statement(&head.manifest_hash(), &head.manifest.sealed_at) {
        return Err(of(MemberError::Changed("the manifest is another one")));
    }
    let checkpoint = head.proof.verify(head.statement.text.as_bytes(), key);
    checkpoint.map_err(|error| MemberError::from(error).of(PROOF, 0))
}

fn witnesses(head: &Head, key: &VerifierKey, trust: &Trust) -> Vec<Witnessed> {
    let note = &head.proof.checkpoint;
    let others = note.signatures.iter().filter(|it| it.bytes.get(..4) != Some(&key.id()));
    let seen = others.map(|it| {
        let known = trust
            .witnesses
            .iter()
            .filter(|witness| witness.name() == it.name && witness.kind() == KeyKind::Cosigner);
        Witnessed { name: it.name.clone(), at: known.filter_map(|it| cosigned_at(note, it)).next() }
    });
    seen.collect()
}

/// A file against its leaves and the manifest.
fn file<R: Read>(
    reader: &mut Reader<R>,
    item: &Item,
    (bytes, leaves): (u64, &Leaves),
) -> Result<VerifiedFile, MemberError> {
    let mut context = Context::new(&SHA256);
    // Where fields were left out, the text is kept to say which.
    let is_text = item.kind == Kind::Measurements && matches!(leaves, Leaves::Some(_));
    let (mut text, mut marks, mut at) = (Vec::new(), Vec::new(), 0);
    let growing = read_leaves(reader, leaves.iter(), &mut |piece, is_mark| {
        context.update(piece);
        if is_mark {
            marks.push(at);
        }
        if is_text && text.len() <= 2 * MAX_JSON_BYTES {
            text.extend_from_slice(piece);
        }
        at += piece.len();
        Ok(())
    })?;
    if reader.left() > 0 {
        return Err(MemberError::Changed("it goes on behind its last leaf"));
    }
    if growing.size() != item.leaves || hex(&growing.root()) != item.root {
        return Err(MemberError::Changed("its hash is another one"));
    }
    let left_out = labels(&text, &marks);
    let sha256 = marks.is_empty().then(|| hex(&finished(context)));
    Ok(VerifiedFile { item: item.clone(), bytes, sha256, left_out })
}

/// What stood where these marks are.
fn labels(text: &[u8], marks: &[usize]) -> BTreeMap<String, u64> {
    let mut labels = BTreeMap::new();
    let mut named = 0;
    let _ = walk(text, &mut |start, end, path| {
        let is_mark = end - start == crate::leaves::LEFT_OUT.len();
        if is_mark && marks.binary_search(&start).is_ok() && labels.len() < MAX_LABELS {
            let label: String = path.general().chars().take(MAX_LABEL_CHARS).collect();
            let label = if label.is_empty() { "a whole record".to_owned() } else { label };
            *labels.entry(label).or_default() += 1;
            named += 1;
        }
    });
    let other = marks.len() - named;
    if marks.len() == 1 && marks.first() == Some(&0) {
        labels.clear();
        labels.insert("the whole file".to_owned(), 1);
    } else if other > 0 {
        labels.insert("other places".to_owned(), other as u64);
    }
    labels
}

const MAX_LABELS: usize = 1000;
const MAX_LABEL_CHARS: usize = 200;
