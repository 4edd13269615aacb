//! DNS over UDP to a resolver of our choice: every answer that comes, not only the first.
//!
//! A forged answer that races the true one leaves two; both are kept. A question that stays without an answer is asked
//! again with a number of its own, so that a late answer is not taken for a second one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use wirewitness_net::{Datagrams, Net};
use wirewitness_wire::app::dns::{Message, kind};

use super::{Networks, answers, failure_of};
use crate::clock::within;
use crate::failure;
use crate::record::{Bytes, Mark, Query, Recorder};

/// Asks `resolver` for both kinds of address at once, and writes the lookups down.
pub async fn lookup<N: Net>(
    net: &N,
    (resolver, name): (SocketAddr, &str),
    mark: Mark,
    (recorder, networks): (&Recorder<N>, &Networks),
) -> Vec<IpAddr> {
    let asking = |kind, word| {
        let asked = Asked { resolver, name, kind, word, mark: mark.clone() };
        asked.ask(net, recorder, networks)
    };
    let (v4, v6) = tokio::join!(asking(kind::A, "A"), asking(kind::AAAA, "AAAA"));
    v4.into_iter().chain(v6).collect()
}

struct Asked<'a> {
    resolver: SocketAddr,
    name: &'a str,
    kind: u16,
    word: &'static str,
    mark: Mark,
}

/// An answer, when it came, and to which attempt.
struct Came {
    message: Message,
    raw: Vec<u8>,
    t: f64,
}

impl Asked<'_> {
    async fn ask<N: Net>(
        self,
        net: &N,
        recorder: &Recorder<N>,
        networks: &Networks,
    ) -> Vec<IpAddr> {
        let t0 = recorder.t();
        let mut came = Vec::new();
        let failure = match net.bind_udp(self.resolver).await {
            Ok(socket) => self.exchange(&socket, recorder, &mut came).await,
            Err(failure) => Some(failure::of_network(&failure)),
        };
        let mut came = came.into_iter();
        let first = came.next();
        let addresses = first.iter().flat_map(|it| it.message.addresses()).collect();
        let t = first.as_ref().map_or_else(|| recorder.t(), |it| it.t);
        let query = self.query(first, (t0, t, failure), networks);
        let late = came.map(|it| {
            let t = it.t;
            self.query(Some(it), (t0, t, None), networks)
        });
        let mut records = recorder.records();
        records.duplicate_answers.extend(late);
        records.queries.push(query);
        addresses
    }

    /// Asks until an answer comes, then listens on for others. Gives the failure where nothing can be sent or said.
    async fn exchange<N: Net>(
        &self,
        socket: &N::Datagrams,
        recorder: &Recorder<N>,
        came: &mut Vec<Came>,
    ) -> Option<String> {
        let clock = recorder.clock();
        let mut sent = Vec::new();
        for wait in ATTEMPTS {
            // The port and the attempt are as good a number as any: a forger on the path sees it anyway.
            let id = socket.local_addr().port().wrapping_mul(3).wrapping_add(sent.len() as u16);
            let question = Message::question(id, self.name, self.kind);
            let Some(bytes) = question.to_bytes() else {
                return Some("dns_invalid_name".to_owned());
            };
            if let Err(failure) = socket.send_to(&bytes, self.resolver) {
                return Some(failure::of_network(&failure));
            }
            sent.push(id);
            let listening = self.listen(socket, &sent, recorder, came);
            match within(clock, wait, listening).await {
                Some(Some(failure)) => return Some(failure),
                Some(None) => {
                    let listening = self.listen_on(socket, &sent, recorder, came);
                    let _ = within(clock, LATE, listening).await;
                    return None;
                }
                None => {}
            }
        }
        Some(failure::TIMEOUT.to_owned())
    }

    /// Waits for the first answer. A failure is what the system says of the resolver's address.
    async fn listen<N: Net>(
        &self,
        socket: &N::Datagrams,
        sent: &[u16],
        recorder: &Recorder<N>,
        came: &mut Vec<Came>,
    ) -> Option<String> {
        let mut buffer = [0; MAX_ANSWER];
        loop {
            match socket.recv_from(&mut buffer).await {
                Ok((len, sender)) => {
                    let raw = buffer.get(..len).unwrap_or_default();
                    if let Some(message) = self.accept(raw, sender, sent) {
                        came.push(Came { message, raw: raw.to_vec(), t: recorder.t() });
                        return None;
                    }
                }
                Err(failure) => return Some(failure::of_network(&failure)),
            }
        }
    }

    async fn listen_on<N: Net>(
        &self,
        socket: &N::Datagrams,
        sent: &[u16],
        recorder: &Recorder<N>,
        came: &mut Vec<Came>,
    ) {
        while came.len() < MAX_ANSWERS {
            let before = came.len();
            self.listen(socket, sent, recorder, came).await;
            // An answer to another attempt than the first answer's is no second answer.
            let answered = came.first().map(|it| it.message.id);
            if came.len() > before && came.last().map(|it| it.message.id) != answered {
                came.pop();
            }
        }
    }

    fn accept(&self, raw: &[u8], sender: SocketAddr, sent: &[u16]) -> Option<Message> {
        let message = Message::parse(raw)?;
        let ours = sender == self.resolver
            && message.response
            && sent.contains(&message.id)
            && message.kind == self.kind
            && message.name.eq_ignore_ascii_case(self.name);
        ours.then_some(message)
    }

    fn query(
        &self,
        came: Option<Came>,
        (t0, t, failure): (f64, f64, Option<String>),
        networks: &Networks,
    ) -> Query {
        let message = came.as_ref().map(|it| &it.message);
        Query {
            answers: message.and_then(|it| answers(it, networks)),
            engine: "udp",
            failure: failure.or_else(|| message.and_then(failure_of)),
            hostname: self.name.to_owned(),
            query_type: self.word,
            rcode: message.map(|it| it.rcode),
            resolver_hostname: None,
            resolver_port: None,
            resolver_address: self.resolver.to_string(),
            t0,
            t,
            mark: self.mark.clone(),
            raw_response: came.map(|it| Bytes(it.raw)),
        }
    }
}

/// How long each attempt waits for an answer.
const ATTEMPTS: [Duration; 3] =
    [Duration::from_millis(1_500), Duration::from_millis(1_500), Duration::from_millis(2_000)];
/// How long others may follow the first (as OONI's prober).
const LATE: Duration = Duration::from_millis(500);
/// Answers to one question that are kept.
const MAX_ANSWERS: usize = 16;
/// Bytes of the longest answer that is read; longer ones are cut and unreadable.
const MAX_ANSWER: usize = 4096;
