//! What the beginnings of a connection tell: block pages by fingerprint or shape, answers that begin another stream.
//!
//! A page is `known` by a fingerprint that confirms. It is `likely` by its shape only: status 451; a refusal with vague
//! wording; or a refusal, a redirect or a frame that leads to a bare address, by something that says neither `Server` nor
//! `Date`, which servers with a clock must (RFC 9110 §6.6.1) and what answers in their place seldom does. What that cannot tell
//! apart: a server that refuses by itself and says neither, such as a small device.

mod answer;
mod certificate;

use answer::Answer;

use super::finding::{Blockpage, Connection, End, Evidence, Finding};
use crate::fingerprints::{Fingerprints, Scope};
use crate::flows::heads::{Heads, Protocol};

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
    content.evidence.extend(another_answer(heads));
    // Alone it says little: servers have one certificate for those whom they do not know. With two hop counts it says more.
    if heads.protocol() == Protocol::Tls && other_ttl(heads).is_some() {
        content.evidence.extend(certificate::of_another(heads));
    }
    if heads.protocol() == Protocol::Http {
        let first = first_answer(heads);
        let place = Place { connection, heads, fingerprints };
        content.page(&place, first, || packets_of(heads, first.len()));
        if let Some(other) = heads.other_beginning() {
            content.page(&place, &other.bytes, || vec![other.packet]);
        }
    }
    content
}

/// What a page is read beside.
struct Place<'a> {
    connection: Connection,
    heads: &'a Heads,
    fingerprints: &'a Fingerprints,
}

impl Content {
    fn page(&mut self, place: &Place<'_>, bytes: &[u8], packets: impl Fn() -> Vec<u64>) {
        let Place { connection, heads, fingerprints } = *place;
        let Some(answer) = Answer::read(bytes) else { return };
        let is_one_of_two = heads.other_beginning().is_some();
        let asked = heads.trigger().map_or("", |trigger| &trigger.value);
        let Some(judged) = judge(&answer, asked, fingerprints).or_else(|| {
            // Nobody gives two answers; the one that refuses is a block page, whoever sent it.
            let says = "refuses, where another answer at the same place says something else";
            (is_one_of_two && answer.refuses()).then(|| Judged::likely("another_answer", says))
        }) else {
            return;
        };
        let packets = packets();
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
            page: answer.kept(),
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

impl Judged {
    fn likely(kind: &'static str, says: &str) -> Self {
        Self { grade: "likely", kind, fingerprint: None, says: says.to_owned() }
    }
}

fn judge(answer: &Answer<'_>, asked: &str, fingerprints: &Fingerprints) -> Option<Judged> {
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
    let (kind, says) = answer.shape(asked)?;
    Some(Judged::likely(kind, &says))
}

/// The server's first bytes; where another copy of them came later, only what came before that one.
fn first_answer(heads: &Heads) -> &[u8] {
    let bytes = heads.bytes(End::Server);
    let Some(other) = heads.other_beginning() else { return bytes };
    let pieces = heads.pieces(End::Server).iter();
    let later = pieces.filter(|piece| piece.packet >= other.packet).map(|piece| piece.start);
    let end = later.min().map_or(bytes.len(), |start| start as usize);
    bytes.get(..end).unwrap_or(bytes)
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

/// Two beginnings of the server's stream, of which at least one is an answer: nobody gives two. Copies of other bytes that
/// differ are in [`Heads::overlaps`].
fn another_answer(heads: &Heads) -> Option<Evidence> {
    let other = heads.other_beginning()?;
    if !begins_answer(&other.bytes) && !begins_answer(heads.bytes(End::Server)) {
        return None;
    }
    let overlap = heads.overlaps().iter().find(|it| it.packets[1] == other.packet)?;
    let [first, second] = &overlap.copies;
    let says = format!(
        "two answers at the same place of the stream of the server differ from byte {} on: {:?} and {:?}",
        overlap.offset,
        printable(first),
        printable(second)
    );
    Some(Evidence { kind: "another_answer", says, packets: overlap.packets.to_vec() })
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
