//! A simulated host's system resolver: what `getaddrinfo` does, over the lab.
//!
//! A and AAAA are asked at once, from one socket, of the first resolver; after five seconds of silence again, of the
//! next, twice around (`resolv.conf` defaults). The first answer with the right identifier and name counts, as it
//! does in a kernel's world: an injector that wins the race has won.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wirewitness_net::{Datagrams, Lookup, LookupFailure, Net};

use super::System;
use super::socket::{HostNet, UdpSocket};
use wirewitness_wire::app::dns::{Message, Value, kind, rcode};

pub(super) async fn lookup(net: &HostNet, name: &str) -> Result<Lookup, LookupFailure> {
    let failed = |failure| match net.system() {
        System::Linux => failure,
        System::Android => LookupFailure::AndroidNoData,
    };
    ask_all(net, name).await.map_err(failed)
}

async fn ask_all(net: &HostNet, name: &str) -> Result<Lookup, LookupFailure> {
    if let Ok(address) = name.parse() {
        return Ok(Lookup { addresses: vec![address], canonical_name: None });
    }
    let resolvers = net.resolvers();
    for _ in 0..ATTEMPTS {
        for &resolver in &resolvers {
            let mut answers = ask(net, resolver, name).await;
            // Without any answer the next resolver is asked; with one, this one is asked again for the other (glibc's
            // `single-request`), and its word is final.
            if answers == [None, None] {
                continue;
            }
            if answers.iter().any(Option::is_none) {
                let again = ask(net, resolver, name).await;
                for (answer, again) in answers.iter_mut().zip(again) {
                    *answer = answer.take().or(again);
                }
            }
            return conclude(answers.into_iter().flatten());
        }
    }
    Err(if resolvers.is_empty() { LookupFailure::NonRecoverable } else { LookupFailure::Timeout })
}

/// Asks one resolver for both kinds of address.
async fn ask(net: &HostNet, resolver: IpAddr, name: &str) -> [Option<Message>; 2] {
    let remote = SocketAddr::new(resolver, 53);
    let Ok(socket) = net.bind_udp(remote).await else { return [None, None] };
    // The port is as good a number as any, and the seed's.
    let id = socket.local_addr().port();
    let questions = [kind::A, kind::AAAA].map(|kind| Message::question(id ^ kind, name, kind));
    for question in &questions {
        let Some(bytes) = question.to_bytes() else { return [None, None] };
        if socket.send_to(&bytes, remote).is_err() {
            return [None, None];
        }
    }
    let mut answers = [None, None];
    // What came before the time was up is kept.
    let _ = timeout(PATIENCE, collect(&socket, remote, &questions, &mut answers)).await;
    for answer in &mut answers {
        if answer.as_ref().is_some_and(|it| it.truncated) {
            *answer = match answer.take() {
                Some(cut) => over_tcp(net, remote, &cut).await,
                None => None,
            };
        }
    }
    answers
}

async fn collect(
    socket: &UdpSocket,
    remote: SocketAddr,
    questions: &[Message; 2],
    answers: &mut [Option<Message>; 2],
) {
    let mut buffer = [0; 1500];
    while answers.iter().any(Option::is_none) {
        let Ok((len, sender)) = socket.recv_from(&mut buffer).await else { return };
        let Some(message) = buffer.get(..len).and_then(Message::parse) else { continue };
        for (question, answer) in questions.iter().zip(answers.iter_mut()) {
            let right = message.response
                && (message.id, message.kind) == (question.id, question.kind)
                && message.name == question.name;
            if sender == remote && right && answer.is_none() {
                *answer = Some(message.clone());
            }
        }
    }
}

/// Asks again over TCP what did not fit a datagram.
async fn over_tcp(net: &HostNet, remote: SocketAddr, cut: &Message) -> Option<Message> {
    let exchange = async {
        let mut stream = net.connect(remote).await.ok()?;
        let question = Message::question(cut.id, &cut.name, cut.kind).to_bytes()?;
        stream.write_u16(u16::try_from(question.len()).ok()?).await.ok()?;
        stream.write_all(&question).await.ok()?;
        let mut answer = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut answer).await.ok()?;
        Message::parse(&answer)
    };
    timeout(PATIENCE, exchange).await.ok()?
}

/// What both answers together come to, as glibc sees it.
fn conclude(answers: impl Iterator<Item = Message>) -> Result<Lookup, LookupFailure> {
    let mut lookup = Lookup::default();
    let mut failure = LookupFailure::NoAnswer;
    for message in answers {
        match message.rcode {
            rcode::NO_ERROR => {}
            rcode::NXDOMAIN => failure = LookupFailure::NxDomain,
            rcode::REFUSED => failure = LookupFailure::Refused,
            _ => failure = LookupFailure::ServFail,
        }
        lookup.addresses.extend(message.addresses());
        let alias = message.answers.iter().rev().find_map(|answer| match &answer.value {
            Value::Alias(name) => Some(name.clone()),
            _ => None,
        });
        lookup.canonical_name = lookup.canonical_name.or(alias);
    }
    if lookup.addresses.is_empty() { Err(failure) } else { Ok(lookup) }
}

const PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 2;
