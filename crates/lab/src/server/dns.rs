//! A resolver that answers from its zone, over UDP and TCP. Whether it is truthful is a matter of what is put in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wirewitness_net::{Clock, Failure};

use crate::host::socket::{HostNet, Listener, UdpSocket};
use wirewitness_wire::app::dns::{Answer, Message, Service, Value, kind, rcode};

/// What a resolver says of names. A name without an entry does not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    entries: BTreeMap<String, Entry>,
    services: BTreeMap<String, Service>,
    /// How long the resolver takes to answer. Default 0.
    pub delay: Duration,
}

/// What a resolver says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Its addresses; without any of the kind asked for, an empty answer.
    Addresses(Vec<IpAddr>),
    /// It is an alias of another name of the zone.
    Alias(String),
    /// It does not exist.
    NxDomain,
    /// The resolver fails.
    ServFail,
    /// The resolver refuses.
    Refused,
    /// The resolver says nothing.
    Silence,
}

impl Zone {
    /// Sets what is said of a name.
    pub fn set(&mut self, name: &str, entry: Entry) {
        self.entries.insert(name.trim_end_matches('.').to_ascii_lowercase(), entry);
    }

    /// Sets the HTTPS record (RFC 9460) of a name that has addresses.
    pub fn set_service(&mut self, name: &str, service: Service) {
        self.services.insert(name.trim_end_matches('.').to_ascii_lowercase(), service);
    }

    /// Answers a question; none is silence.
    pub fn answer(&self, question: &Message) -> Option<Message> {
        let mut answers = Vec::new();
        let mut name = question.name.clone();
        // As long as a real resolver follows aliases.
        for _ in 0..8 {
            match self.entries.get(&name) {
                Some(Entry::Alias(target)) => {
                    let value = Value::Alias(target.clone());
                    let name = std::mem::replace(&mut name, target.clone());
                    answers.push(Answer { name, ttl_secs: 300, value });
                }
                Some(Entry::Addresses(addresses)) => {
                    let fits = |address: &&IpAddr| wanted(question.kind, **address);
                    let found = addresses.iter().filter(fits);
                    answers.extend(found.map(|address| Answer::address(&name, *address)));
                    answers.extend(self.service(&name, question.kind));
                    return Some(question.answer(rcode::NO_ERROR, answers));
                }
                None | Some(Entry::NxDomain) => {
                    return Some(question.answer(rcode::NXDOMAIN, answers));
                }
                Some(Entry::Refused) => return Some(question.answer(rcode::REFUSED, Vec::new())),
                Some(Entry::ServFail) => break,
                Some(Entry::Silence) => return None,
            }
        }
        Some(question.answer(rcode::SERVFAIL, Vec::new()))
    }
}

impl Zone {
    fn service(&self, name: &str, asked: u16) -> Option<Answer> {
        let service = self.services.get(name).filter(|_| asked == kind::HTTPS)?;
        let value = Value::Other(kind::HTTPS, service.to_bytes()?);
        Some(Answer { name: name.to_owned(), ttl_secs: 300, value })
    }
}

fn wanted(asked: u16, address: IpAddr) -> bool {
    match asked {
        kind::A => address.is_ipv4(),
        kind::AAAA => address.is_ipv6(),
        _ => false,
    }
}

/// Starts a resolver on a host. It runs as long as the lab does.
///
/// # Errors
/// Port 53 is taken.
pub fn serve(net: &HostNet, zone: Zone) -> Result<(), Failure> {
    let zone = Arc::new(zone);
    let (udp, tcp) = (net.bind(53)?, net.listen(53)?);
    tokio::spawn(serve_udp(net.clone(), Arc::new(udp), Arc::clone(&zone)));
    tokio::spawn(serve_tcp(net.clone(), tcp, zone));
    Ok(())
}

async fn serve_udp(net: HostNet, socket: Arc<UdpSocket>, zone: Arc<Zone>) {
    loop {
        // An ICMP error about an answer is no reason to stop.
        let Ok((payload, client, own)) = socket.receive().await else { continue };
        let Some(answer) = Message::parse(&payload).and_then(|it| zone.answer(&it)) else {
            continue;
        };
        let Some(bytes) = datagram(&answer) else { continue };
        if zone.delay.is_zero() {
            let _ = socket.send_from(own, &bytes, client);
            continue;
        }
        let (net, socket, delay) = (net.clone(), Arc::clone(&socket), zone.delay);
        tokio::spawn(async move {
            net.sleep(delay).await;
            let _ = socket.send_from(own, &bytes, client);
        });
    }
}

/// The answer, or where it is too long (RFC 1035 §4.2.1) word that it is.
fn datagram(answer: &Message) -> Option<Vec<u8>> {
    let bytes = answer.to_bytes()?;
    if bytes.len() <= 512 {
        return Some(bytes);
    }
    Message { truncated: true, answers: Vec::new(), ..answer.clone() }.to_bytes()
}

async fn serve_tcp(net: HostNet, listener: Listener, zone: Arc<Zone>) {
    while let Ok(stream) = listener.accept().await {
        tokio::spawn(converse(net.clone(), stream, Arc::clone(&zone)));
    }
}

/// Answers questions on one connection until the client ends it.
pub(super) async fn converse(
    net: HostNet,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    zone: Arc<Zone>,
) -> Option<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await.ok()?)];
        stream.read_exact(&mut question).await.ok()?;
        let Some(answer) = zone.answer(&Message::parse(&question)?) else { continue };
        let answer = answer.to_bytes()?;
        net.sleep(zone.delay).await;
        // In one piece: TLS would make a record of each.
        let len = u16::try_from(answer.len()).ok()?.to_be_bytes();
        stream.write_all(&[&len, &answer[..]].concat()).await.ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wirewitness_wire::app::dns::parameter;

    #[test]
    fn aliases_are_followed_and_circles_end() {
        let mut zone = Zone::default();
        zone.set("www.Example.com.", Entry::Alias("edge.example".to_owned()));
        zone.set("edge.example", Entry::Addresses(vec![[192, 0, 2, 1].into()]));
        zone.set("loop.example", Entry::Alias("loop.example".to_owned()));
        zone.set("quiet.example", Entry::Silence);
        let ask = |name: &str, kind| zone.answer(&Message::question(1, name, kind));
        let answer = ask("www.example.com", kind::A).unwrap();
        assert_eq!((answer.answers.len(), answer.addresses().count()), (2, 1));
        let no_such_kind = ask("www.example.com", kind::AAAA).unwrap();
        assert_eq!((no_such_kind.rcode, no_such_kind.addresses().count()), (0, 0));
        assert_eq!(ask("loop.example", kind::A).unwrap().rcode, rcode::SERVFAIL);
        assert_eq!(ask("other.example", kind::A).unwrap().rcode, rcode::NXDOMAIN);
        assert_eq!(ask("quiet.example", kind::A), None);
    }

    #[test]
    fn a_service_is_told_to_whoever_asks_for_it() {
        let mut zone = Zone::default();
        zone.set("www.example", Entry::Alias("edge.example".to_owned()));
        zone.set("edge.example", Entry::Addresses(vec![[192, 0, 2, 1].into()]));
        let service = Service { priority: 1, ..Service::default() };
        zone.set_service("edge.example", service.with(parameter::ECH, b"ech".to_vec()));
        let ask = |kind| zone.answer(&Message::question(1, "www.example", kind)).unwrap();
        let answer = Message::parse(&ask(kind::HTTPS).to_bytes().unwrap()).unwrap();
        assert_eq!(answer.addresses().count(), 0);
        let services: Vec<_> = answer.services().collect();
        assert_eq!(services.iter().map(Service::ech).collect::<Vec<_>>(), [Some(&b"ech"[..])]);
        assert_eq!(ask(kind::A).services().count(), 0);
    }
}
