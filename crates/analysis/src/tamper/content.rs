//! What the beginnings of a connection tell: block pages by fingerprint or shape, answers that begin another stream.
//!
//! A page is `known` by a fingerprint that confirms. It is `likely` by its shape only: status 451; a refusal with vague
//! wording; or a refusal, a redirect or a frame that leads to a bare address, by something that says neither `Server` nor
//! `Date`, which servers with a clock must (RFC 9110 §6.6.1) and what answers in their place seldom does. What that cannot tell
//! apart: a server that refuses by itself and says neither, such as a small device.

mod answer;

use answer::Answer;

use super::finding::{Blockpage, Connection, End, Evidence, Finding};
use crate::fingerprints::{Fingerprints, Scope};
use crate::flows::heads::{Heads, Overlap, Protocol};

/// What was found in the beginnings of a connection.
#[derive(Debug, Default)]
pub struct Content {
    /// Block pages.
    pub findings: Vec<Finding>,
    /// Evidence that data was injected, with the packets that carry it first.
    pub evidence: Vec<Evidence>,
}

/// Reads the beginnings of a connection, when it has ended or both are whole.
pub fn read(connection: Connection, heads: &Heads, fingerprints: &Fingerprints) -> Content {
    let mut content = Content::default();
    content.evidence.extend(overlaps(heads));
    if heads.protocol() == Protocol::Http {
        let first = heads.bytes(End::Server);
        let packets = packets_of(heads, first.len());
        content.page(connection, heads, (first, packets), fingerprints);
        if let Some(other) = heads.other_beginning() {
            content.page(connection, heads, (&other.bytes, vec![other.packet]), fingerprints);
        }
    }
    content
}

impl Content {
    fn page(
        &mut self,
        connection: Connection,
        heads: &Heads,
        (bytes, packets): (&[u8], Vec<u64>),
        fingerprints: &Fingerprints,
    ) {
        let Some(answer) = Answer::read(bytes) else { return };
        let Some(judged) = judge(&answer, fingerprints) else { return };
        let at_ns = heads.pieces(End::Server).first().map_or(0, |piece| piece.at_ns);
        let mut evidence = vec![Evidence {
            kind: judged.kind,
            says: judged.says,
            packets: packets.iter().copied().take(1).collect(),
        }];
        evidence.extend(other_ttl(heads));
        self.findings.push(Finding::Blockpage(Box::new(Blockpage {
            connection,
            grade: judged.grade,
            fingerprint: judged.fingerprint,
            says: answer.summary(),
            packets,
            at_ns,
            evidence,
            trigger: heads.trigger().cloned(),
            app: None,
        })));
    }
}

struct Judged {
    grade: &'static str,
    kind: &'static str,
    fingerprint: Option<String>,
    says: String,
}

fn judge(answer: &Answer<'_>, fingerprints: &Fingerprints) -> Option<Judged> {
    let matches = fingerprints.match_page(&answer.headers(), answer.body, None);
    if matches.false_positive.is_some() {
        return None;
    }
    // A capture does not say in which country it was taken: all that is not vague is a mark.
    let named = matches.all.iter().find(|hit| hit.fingerprint.scope != Scope::Vague).copied();
    if let Some(best) = named.or(matches.best()) {
        let fingerprint = Some(best.fingerprint.name.clone());
        let says = format!("the page bears the mark {}", best.fingerprint.name);
        let kind = "fingerprint";
        if named.is_some() {
            return Some(Judged { grade: "known", kind, fingerprint, says });
        }
        if answer.refuses() || answer.status.is_none() || answer.is_nameless() {
            return Some(Judged { grade: "likely", kind, fingerprint, says });
        }
    }
    let (kind, says) = answer.shape()?;
    Some(Judged { grade: "likely", kind, fingerprint: None, says })
}

/// The packets that brought the first `len` bytes of the server's answer.
fn packets_of(heads: &Heads, len: usize) -> Vec<u64> {
    let within = |piece: &&crate::flows::heads::Piece| (piece.start as usize) < len;
    let mut packets: Vec<u64> =
        heads.pieces(End::Server).iter().filter(within).map(|piece| piece.packet).collect();
    packets.sort_unstable();
    packets.dedup();
    packets.truncate(MAX_PACKETS);
    packets
}

/// Whether the pieces of the answer came with different hop counts.
fn other_ttl(heads: &Heads) -> Option<Evidence> {
    let pieces = heads.pieces(End::Server);
    let first = pieces.first()?;
    let mut others = pieces.iter().map(|piece| (piece.packet, piece.ttl));
    let other = heads.other_beginning().map(|other| (other.packet, other.ttl));
    let differs = |(_, ttl): &(u64, u8)| ttl.abs_diff(first.ttl) > 1;
    let (packet, ttl) = other.filter(differs).or_else(|| others.find(differs))?;
    Some(Evidence {
        kind: "ttl_step",
        says: format!("hop count {} here and {ttl} in other data of the same end", first.ttl),
        packets: vec![first.packet, packet],
    })
}

/// Copies that differ, the server's first: nobody sends two different streams.
fn overlaps(heads: &Heads) -> Vec<Evidence> {
    let mut overlaps: Vec<&Overlap> = heads.overlaps().iter().collect();
    overlaps.sort_by_key(|overlap| (overlap.from == End::Client, overlap.offset));
    let told = overlaps.into_iter().map(|overlap| {
        let [first, second] = &overlap.copies;
        let starts_anew = overlap.from == End::Server
            && heads.other_beginning().is_some_and(|other| begins_answer(&other.bytes))
            && begins_answer(heads.bytes(End::Server));
        let who = if overlap.from == End::Server { "server" } else { "client" };
        let (kind, what) = match starts_anew {
            true => ("another_answer", "two answers at the same place of the stream"),
            false => ("data_overlap", "two copies of the same bytes of the stream"),
        };
        let mut says = format!("{what} of the {who} differ from byte {} on", overlap.offset);
        // What a person sent is nobody's to read.
        if overlap.from == End::Server {
            says += &format!(": {:?} and {:?}", printable(first), printable(second));
        }
        Evidence { kind, says, packets: overlap.packets.to_vec() }
    });
    told.collect()
}

fn begins_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.")
}

fn printable(bytes: &[u8]) -> String {
    let bytes = bytes.get(..bytes.len().min(24)).unwrap_or_default();
    let shown = |byte: &u8| if (32..127).contains(byte) { char::from(*byte) } else { '.' };
    bytes.iter().map(shown).collect()
}

const MAX_PACKETS: usize = 16;

#[cfg(test)]
mod tests;
