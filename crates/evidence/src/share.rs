//! A bundle made into another one that the first signature still holds: with fields left out, or with more witnesses and time stamps.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use crate::bundle::{BundleError, Head, MAX_STAMPS, MemberError, expect, table_name};
use crate::checkpoint::CheckpointError;
use crate::container::{Reader, Writer};
use crate::leaves::{LEFT_OUT, Leaf, Leaves, MAX_TABLE_BYTES, read_leaves};
use crate::manifest::Kind;
use crate::merkle::{Hash, leaf_hash};
use crate::note::SignedNote;
use crate::split::walk;

/// What is to be left out.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Files, by their names in the bundle.
    pub files: Vec<String>,
    /// Fields of measurements: `probe_ip`, `test_keys.requests[*].response.body`, `test_keys.queries[0]`; in every record.
    pub fields: Vec<String>,
}

/// How often each wish was found.
pub type Found = BTreeMap<String, u64>;

/// Writes the bundle without what is wished. Verify it before.
///
/// # Errors
/// Where it is no bundle, or writing.
pub fn redact<R: Read, W: Write>(
    input: R,
    out: W,
    wishes: &Wishes,
) -> Result<(W, Found), BundleError> {
    let mut found: Found =
        wishes.files.iter().chain(&wishes.fields).map(|it| (it.clone(), 0)).collect();
    let mut reader = Reader::new(input);
    let (head, mut next) = Head::read(&mut reader)?;
    let mut writer = Writer::new(out);
    head.write(&mut writer).map_err(written)?;
    for (number, item) in head.manifest.items.iter().enumerate() {
        expect(reader.at(), next, &table_name(number))?;
        let table = reader.whole(MAX_TABLE_BYTES)?;
        let leaves = Leaves::from_bytes(&table);
        let leaves = leaves.map_err(|it| MemberError::from(it).of(&table_name(number), 0))?;
        let at = reader.at();
        next = reader.next_member()?;
        let length = expect(at, next, &item.path)?;
        let is_whole = wishes.files.contains(&item.path);
        if let (true, Some(count)) = (is_whole, found.get_mut(&item.path)) {
            *count += 1;
        }
        if is_whole || (item.kind == Kind::Measurements && !wishes.fields.is_empty()) {
            let fields = if is_whole { None } else { Some(wishes.fields.as_slice()) };
            let at = reader.at();
            let less = less(&mut reader, &leaves, (fields, &mut found));
            let (leaves, bytes) = less.map_err(|error| error.of(&item.path, at))?;
            writer.member(&table_name(number), &leaves.to_bytes()).map_err(written)?;
            writer.member(&item.path, &bytes).map_err(written)?;
        } else {
            writer.member(&table_name(number), &table).map_err(written)?;
            copy(&mut reader, &mut writer, (&item.path, length))?;
        }
        next = reader.next_member()?;
    }
    Ok((writer.finish().map_err(written)?, found))
}

/// Writes the bundle with more under it: a checkpoint of the same tree that witnesses signed, and time stamps of the statement.
///
/// # Errors
/// Where it is no bundle, or the checkpoint is another one; or writing.
pub fn attach<R: Read, W: Write>(
    input: R,
    out: W,
    (cosigned, stamps): (&[SignedNote], &[Vec<u8>]),
) -> Result<W, BundleError> {
    let mut reader = Reader::new(input);
    let (mut head, mut next) = Head::read(&mut reader)?;
    for note in cosigned {
        let own = &mut head.proof.checkpoint;
        if note.text != own.text {
            let why = "the checkpoint in this bundle: this one is of another tree";
            let error = CheckpointError::Line { line: 1, why };
            return Err(MemberError::from(error).of("checkpoint", 0));
        }
        let new = note.signatures.iter().filter(|it| !own.signatures.contains(it)).cloned();
        let new: Vec<_> = new.collect();
        own.signatures.extend(new);
    }
    head.stamps
        .extend(stamps.iter().filter(|it| !head.stamps.contains(it)).cloned().collect::<Vec<_>>());
    if head.stamps.len() > MAX_STAMPS {
        return Err(BundleError::Wish(format!("at most {MAX_STAMPS} time stamps fit")));
    }
    let mut writer = Writer::new(out);
    head.write(&mut writer).map_err(written)?;
    while let Some((name, length)) = next {
        copy(&mut reader, &mut writer, (&name, length))?;
        next = reader.next_member()?;
    }
    writer.finish().map_err(written)
}

fn copy<R: Read, W: Write>(
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
    (name, length): (&str, u64),
) -> Result<(), BundleError> {
    writer.begin(name, length).map_err(written)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = crate::leaves::fill(reader, &mut buffer).map_err(written)?;
        if read == 0 {
            break;
        }
        writer.write(buffer.get(..read).unwrap_or_default()).map_err(written)?;
    }
    Ok(())
}

fn written(error: std::io::Error) -> BundleError {
    BundleError::Container(error.into())
}

/// A leaf, its bytes in the text as `from..to`.
struct Placed {
    leaf: Leaf,
    from: usize,
    to: usize,
}

/// A file without some fields, or (None) without anything.
fn less<R: Read>(
    reader: &mut Reader<R>,
    leaves: &Leaves,
    (fields, found): (Option<&[String]>, &mut Found),
) -> Result<(Leaves, Vec<u8>), MemberError> {
    if leaves.is_empty() {
        // There is nothing in it that could be left out.
        return Ok((leaves.clone(), Vec::new()));
    }
    let Some(fields) = fields else { return Ok((nothing(reader, leaves)?, LEFT_OUT.to_vec())) };
    let mut text = Vec::new();
    read_leaves(reader, leaves.iter(), &mut |piece, _| {
        text.extend_from_slice(piece);
        Ok(())
    })?;
    let placed = placed(leaves);
    let mut gone = vec![false; placed.len()];
    let _ = walk(&text, &mut |start, end, path| {
        let (exact, general) = (path.exact(), path.general());
        for field in fields.iter().filter(|it| **it == exact || **it == general) {
            *found.entry(field.clone()).or_default() += 1;
            let first = placed.partition_point(|it| it.from < start);
            let rest = placed.iter().zip(&mut gone).skip(first);
            rest.take_while(|it| it.0.to <= end).for_each(|it| *it.1 = true);
        }
    });
    if !gone.contains(&true) {
        return Ok((leaves.clone(), text));
    }
    let (mut rest, mut bytes, mut in_gap) = (Vec::new(), Vec::new(), false);
    for (it, gone) in placed.into_iter().zip(gone) {
        let piece = text.get(it.from..it.to).unwrap_or_default();
        let leaf = match it.leaf {
            Leaf::Kept { salt, .. } if gone => Leaf::Missing { hash: hidden(&salt, piece) },
            leaf => leaf,
        };
        let is_missing = matches!(leaf, Leaf::Missing { .. });
        match (is_missing, in_gap) {
            (false, _) => bytes.extend_from_slice(piece),
            (true, false) => bytes.extend_from_slice(LEFT_OUT),
            (true, true) => {}
        }
        in_gap = is_missing;
        rest.push(leaf);
    }
    Ok((Leaves::Some(rest), bytes))
}

fn hidden(salt: &[u8], piece: &[u8]) -> Hash {
    leaf_hash(&[salt, piece])
}

/// All leaves left out. The file may be long, and is not kept.
fn nothing<R: Read>(reader: &mut Reader<R>, leaves: &Leaves) -> Result<Leaves, MemberError> {
    let (mut missing, mut in_gap) = (Vec::new(), false);
    for leaf in leaves.iter() {
        let hash = match leaf {
            Leaf::Missing { hash } if in_gap => hash,
            // The root over one leaf is the leaf's hash.
            leaf => {
                in_gap = matches!(leaf, Leaf::Missing { .. });
                read_leaves(reader, std::iter::once(leaf), &mut |_, _| Ok(()))?.root()
            }
        };
        missing.push(Leaf::Missing { hash });
    }
    Ok(Leaves::Some(missing))
}

/// Where each leaf is. A run of missing ones is where its mark is: the first has its bytes.
fn placed(leaves: &Leaves) -> Vec<Placed> {
    let (mut placed, mut at, mut in_gap) = (Vec::new(), 0_usize, false);
    for leaf in leaves.iter() {
        let length = match &leaf {
            Leaf::Kept { length, .. } => usize::try_from(*length).unwrap_or(usize::MAX),
            Leaf::Missing { .. } if in_gap => 0,
            Leaf::Missing { .. } => LEFT_OUT.len(),
        };
        in_gap = matches!(leaf, Leaf::Missing { .. });
        let from = at;
        at = at.saturating_add(length);
        placed.push(Placed { leaf, from, to: at });
    }
    placed
}
