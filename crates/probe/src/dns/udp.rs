//! DNS over UDP to a resolver of our choice: every answer that comes, not only the first.
//!
//! A forged answer that races the true one leaves two; both are kept. A question that stays without an answer is asked
//! again with a number of its own, so that a late answer is not taken for a second one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirewitness_net::{Datagrams, Net};
use wirewitness_wire::app::dns::{Message, kind};

use super::{Networks, answers, failure_of};
use crate::clock::within;
use crate::failure;
use crate::record::{Bytes, Mark, Query, Recorder};

/// What to ask whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The resolver.
    pub resolver: SocketAddr,
    /// The name.
    pub name: String,
    /// The record type ([`kind`]).
    pub kind: u16,
}

/// Asks `resolver` for both kinds of address at once, and writes the lookups down. Gives the addresses, and what has to
/// be waited for to know of further answers.
pub async fn lookup<N: Net>(
    net: &N,
    (resolver, name): (SocketAddr, &str),
    mark: Mark,
    (recorder, networks): (&Recorder<N>, &Networks),
) -> (Vec<IpAddr>, [Asked<N>; 2]) {
    let asking = |kind| Question { resolver, name: name.to_owned(), kind };
    let asked = |kind| Asked::ask(net, asking(kind), recorder);
    let (v4, v6) = tokio::join!(asked(kind::A), asked(kind::AAAA));
    for asked in [&v4, &v6] {
        recorder.records().queries.push(asked.query(networks, &mark));
    }
    (v4.addresses().chain(v6.addresses()).collect(), [v4, v6])
}

/// A question that was asked, and its answers so far.
pub struct Asked<N: Net> {
    question: Question,
    socket: Option<N::Datagrams>,
    sent: Vec<u16>,
    came: Vec<Came>,
    failure: Option<String>,
    t0: f64,
    t: f64,
}

/// An answer, and when it came.
struct Came {
    message: Message,
    raw: Vec<u8>,
    t: f64,
}

impl<N: Net> Asked<N> {
    /// Asks until an answer comes or the patience is up.
    pub async fn ask(net: &N, question: Question, recorder: &Recorder<N>) -> Self {
        let t0 = recorder.t();
        let (sent, came) = (Vec::new(), Vec::new());
        let mut asked = Self { question, socket: None, sent, came, failure: None, t0, t: t0 };
        match net.bind_udp(asked.question.resolver).await {
            Ok(socket) => {
                asked.failure = asked.exchange(net, &socket, recorder).await;
                asked.socket = Some(socket);
            }
            Err(failure) => asked.failure = Some(failure::of_network(&failure)),
        }
        asked.t = recorder.t();
        asked
    }

    /// The addresses of the first answer.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.came.iter().take(1).flat_map(|it| it.message.addresses())
    }

    /// OONI's word for what happened instead of an address.
    pub fn failure(&self) -> Option<String> {
        let first = self.came.first().map(|it| &it.message);
        self.failure.clone().or_else(|| first.and_then(failure_of))
    }

    /// Waits for further answers, and writes them down.
    pub async fn others(mut self, mark: &Mark, (recorder, networks): (&Recorder<N>, &Networks)) {
        let Some(socket) = self.socket.take() else { return };
        let Some(first) = self.came.first().map(|it| it.message.id) else { return };
        let mut others = Vec::new();
        let listening = async {
            while others.len() < MAX_ANSWERS {
                match self.listen(&socket, recorder).await {
                    // An answer to another attempt than the first answer's is no second answer.
                    Ok(came) if came.message.id == first => others.push(came),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        };
        let _ = within(recorder.clock(), LATE, listening).await;
        for came in others {
            let query = self.query_of(Some(&came), came.t, networks, mark);
            recorder.records().duplicate_answers.push(query);
        }
    }

    /// Gives the failure where nothing can be sent, or nobody answers.
    async fn exchange(
        &mut self,
        net: &N,
        socket: &N::Datagrams,
        recorder: &Recorder<N>,
    ) -> Option<String> {
        for wait in ATTEMPTS {
            // The port and the attempt are as good a number as any: a forger on the path sees it anyway.
            let id =
                socket.local_addr().port().wrapping_mul(3).wrapping_add(self.sent.len() as u16);
            let question = Message::question(id, &self.question.name, self.question.kind);
            let Some(bytes) = question.to_bytes() else {
                return Some("dns_invalid_name".to_owned());
            };
            if let Err(failure) = socket.send_to(&bytes, self.question.resolver) {
                return Some(failure::of_network(&failure));
            }
            self.sent.push(id);
            match within(recorder.clock(), wait, self.listen(socket, recorder)).await {
                Some(Ok(came)) => {
                    let whole = match came.message.truncated {
                        true => over_tcp(net, self.question.resolver, &bytes, recorder).await,
                        false => None,
                    };
                    self.came.push(whole.unwrap_or(came));
                    return None;
                }
                Some(Err(failure)) => return Some(failure),
                None => {}
            }
        }
        Some(failure::TIMEOUT.to_owned())
    }

    /// Waits for an answer. A failure is what the system says of the resolver's address.
    async fn listen(&self, socket: &N::Datagrams, recorder: &Recorder<N>) -> Result<Came, String> {
        let mut buffer = [0; MAX_ANSWER];
        loop {
            let received = socket.recv_from(&mut buffer).await;
            let (len, sender) = received.map_err(|failure| failure::of_network(&failure))?;
            let raw = buffer.get(..len).unwrap_or_default();
            if let Some(message) = self.accept(raw, sender) {
                return Ok(Came { message, raw: raw.to_vec(), t: recorder.t() });
            }
        }
    }

    fn accept(&self, raw: &[u8], sender: SocketAddr) -> Option<Message> {
        let message = Message::parse(raw)?;
        let ours = sender == self.question.resolver
            && message.response
            && self.sent.contains(&message.id)
            && message.kind == self.question.kind
            && message.name.eq_ignore_ascii_case(&self.question.name);
        ours.then_some(message)
    }

    fn query(&self, networks: &Networks, mark: &Mark) -> Query {
        let first = self.came.first();
        let query = self.query_of(first, first.map_or(self.t, |it| it.t), networks, mark);
        Query { failure: self.failure(), ..query }
    }

    fn query_of(&self, came: Option<&Came>, t: f64, networks: &Networks, mark: &Mark) -> Query {
        let message = came.map(|it| &it.message);
        Query {
            answers: message.and_then(|it| answers(it, networks)),
            engine: "udp",
            failure: message.and_then(failure_of),
            hostname: self.question.name.clone(),
            query_type: if self.question.kind == kind::AAAA { "AAAA" } else { "A" },
            rcode: message.map(|it| it.rcode),
            resolver_hostname: None,
            resolver_port: None,
            resolver_address: self.question.resolver.to_string(),
            t0: self.t0,
            t,
            mark: mark.clone(),
            raw_response: came.map(|it| Bytes(it.raw.clone())),
        }
    }
}

/// Asks again over TCP what did not fit a datagram (RFC 7766).
async fn over_tcp<N: Net>(
    net: &N,
    resolver: SocketAddr,
    question: &[u8],
    recorder: &Recorder<N>,
) -> Option<Came> {
    let exchange = async {
        let mut stream = net.connect(resolver).await.ok()?;
        stream.write_u16(u16::try_from(question.len()).ok()?).await.ok()?;
        stream.write_all(question).await.ok()?;
        let mut raw = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut raw).await.ok()?;
        let message = Message::parse(&raw)?;
        Some(Came { message, raw, t: recorder.t() })
    };
    within(recorder.clock(), OVER_TCP, exchange).await.flatten()
}

/// How long each attempt waits for an answer.
const ATTEMPTS: [Duration; 3] =
    [Duration::from_millis(1_500), Duration::from_millis(1_500), Duration::from_millis(2_000)];
/// How long others may follow the first (as OONI's prober).
const LATE: Duration = Duration::from_millis(500);
const OVER_TCP: Duration = Duration::from_secs(5);
/// Answers to one question that are kept.
const MAX_ANSWERS: usize = 16;
/// Bytes of the longest answer that is read; longer ones are cut and unreadable.
const MAX_ANSWER: usize = 4096;
