//! A town of real servers: kernel sockets on loopback, which the prober knows by public addresses of its own.
//!
//! The prober connects to no loopback address, and whoever judges takes one for a lie; both are meant. So a town gives
//! every server a public address, and translates it to the loopback port that really answers where the socket is
//! opened. All else is the kernel's: TCP, UDP, timing, resets. Names are those of the town's own resolvers, asked over
//! real UDP.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
use wirewitness_net::{
    Accept, Clock, Datagrams, Failure, Listen, Lookup, LookupFailure, Moment, Net,
};
use wirewitness_probe::dns::udp::{Asked, Question};
use wirewitness_probe::kernel::{KernelDatagrams, KernelListener, KernelNet, KernelStream};
use wirewitness_probe::record::Recorder;
use wirewitness_wire::app::dns::{Answer, Message, kind, rcode};

/// The kernel's network, seen from one line of the town.
#[derive(Clone)]
pub(crate) struct Town {
    kernel: KernelNet,
    map: Arc<RwLock<Map>>,
    /// What this line's system asks; a public address.
    system: SocketAddr,
    /// Doors that are others on this line than on the rest.
    own: Arc<BTreeMap<SocketAddr, SocketAddr>>,
}

/// Public addresses and the loopback ports that answer for them.
#[derive(Default)]
struct Map {
    tcp: BTreeMap<SocketAddr, SocketAddr>,
    udp: BTreeMap<SocketAddr, SocketAddr>,
    /// Ports that are the same on every address of 45.0.0.0/8: there are many, for there are few ports.
    everywhere: BTreeMap<u16, u16>,
}

impl Town {
    /// A town whose people ask the resolver at `system`.
    pub(crate) fn new(system: SocketAddr) -> Self {
        Self { kernel: KernelNet::new(), map: Arc::default(), system, own: Arc::default() }
    }

    /// The same town from a line with another resolver, and with other servers behind some addresses.
    pub(crate) fn line(&self, system: SocketAddr, own: &[(SocketAddr, SocketAddr)]) -> Self {
        Self { system, own: Arc::new(own.iter().copied().collect()), ..self.clone() }
    }

    pub(crate) fn tcp(&self, public: SocketAddr, real: SocketAddr) {
        self.map.write().unwrap().tcp.insert(public, real);
    }

    pub(crate) fn udp(&self, public: SocketAddr, real: SocketAddr) {
        self.map.write().unwrap().udp.insert(public, real);
    }

    #[allow(dead_code, reason = "the benchmark has many addresses")]
    pub(crate) fn everywhere(&self, port: u16, real: u16) {
        self.map.write().unwrap().everywhere.insert(port, real);
    }

    /// Where a public address leads. A port without a server is a port of loopback without one: the kernel refuses it.
    fn real(&self, public: SocketAddr) -> SocketAddr {
        let map = self.map.read().unwrap();
        if let Some(real) = self.own.get(&public).or_else(|| map.tcp.get(&public)) {
            return *real;
        }
        let IpAddr::V4(address) = public.ip() else { panic!("no town has {public}") };
        let [first, b, c, d] = address.octets();
        // Nothing of a test may leave this machine.
        assert_eq!(first, 45, "a test connects to {public}");
        let port = map.everywhere.get(&public.port()).copied().unwrap_or(public.port());
        SocketAddr::from((Ipv4Addr::new(127, b, c, d), port))
    }
}

impl Clock for Town {
    fn now(&self) -> Moment {
        self.kernel.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.kernel.sleep(duration).await;
    }
}

impl Net for Town {
    type Stream = KernelStream;
    type Datagrams = Translated;

    async fn connect(&self, remote: SocketAddr) -> Result<KernelStream, Failure> {
        self.kernel.connect(self.real(remote)).await
    }

    async fn bind_udp(&self, towards: SocketAddr) -> Result<Translated, Failure> {
        let socket = self.kernel.bind_udp(towards).await?;
        Ok(Translated { socket, map: Arc::clone(&self.map) })
    }

    async fn lookup(&self, name: &str) -> Result<Lookup, LookupFailure> {
        let recorder = Recorder::new(self.clone());
        let asked = |kind| {
            let question = Question { resolver: self.system, name: name.to_owned(), kind };
            Asked::ask(self, question, &recorder)
        };
        let (v4, v6) = tokio::join!(asked(kind::A), asked(kind::AAAA));
        let addresses: Vec<_> = v4.addresses().chain(v6.addresses()).collect();
        if !addresses.is_empty() {
            return Ok(Lookup { addresses, canonical_name: None });
        }
        Err(match v4.failure().as_deref() {
            Some("dns_nxdomain_error") => LookupFailure::NxDomain,
            Some("dns_servfail_error") => LookupFailure::ServFail,
            Some("dns_refused_error") => LookupFailure::Refused,
            Some("generic_timeout_error") => LookupFailure::Timeout,
            _ => LookupFailure::NoAnswer,
        })
    }
}

impl Listen for Town {
    type Listener = KernelListener;

    async fn listen(&self, local: SocketAddr) -> Result<KernelListener, Failure> {
        self.kernel.listen(local).await
    }
}

/// A UDP socket of the kernel whose addresses are the town's.
pub(crate) struct Translated {
    socket: KernelDatagrams,
    map: Arc<RwLock<Map>>,
}

impl Datagrams for Translated {
    fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    fn set_ttl(&self, ttl: u8) -> Result<(), Failure> {
        self.socket.set_ttl(ttl)
    }

    fn send_to(&self, payload: &[u8], remote: SocketAddr) -> Result<(), Failure> {
        let real = self.map.read().unwrap().udp.get(&remote).copied();
        // Nobody listens at an address that the town does not have.
        real.map_or(Ok(()), |real| self.socket.send_to(payload, real))
    }

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<SocketAddr, Failure>> {
        let polled = self.socket.poll_recv_from(context, buffer);
        polled.map_ok(|real| {
            let map = self.map.read().unwrap();
            let public = map.udp.iter().find(|(_, it)| **it == real);
            public.map_or(real, |(public, _)| *public)
        })
    }
}

/// What a resolver says of each name; one it does not know does not exist.
pub(crate) type Names = Arc<RwLock<BTreeMap<String, Vec<IpAddr>>>>;

/// The answer to a question, whoever carries it.
pub(crate) fn answer_of(names: &Names, question: &[u8]) -> Option<Message> {
    let question = Message::parse(question).filter(|it| !it.response)?;
    let names = names.read().unwrap();
    let Some(addresses) = names.get(&question.name) else {
        return Some(question.answer(rcode::NXDOMAIN, Vec::new()));
    };
    let fits = |it: &&IpAddr| it.is_ipv4() == (question.kind == kind::A);
    let asked_for_addresses = matches!(question.kind, kind::A | kind::AAAA);
    let addresses = addresses.iter().filter(|it| asked_for_addresses && fits(it));
    let answers = addresses.map(|it| Answer::address(&question.name, *it)).collect();
    Some(question.answer(rcode::NO_ERROR, answers))
}

/// Starts a resolver over UDP and TCP at one loopback port. Names that begin with `long.` are answered over TCP only.
pub(crate) async fn resolver(names: &Names) -> SocketAddr {
    let kernel = KernelNet::new();
    let (socket, listener) = loop {
        let socket = kernel.bind_udp(LOOPBACK).await.unwrap();
        let local = SocketAddr::new(LOOPBACK.ip(), socket.local_addr().port());
        if let Ok(listener) = kernel.listen(local).await {
            break (socket, listener);
        }
    };
    let address = listener.local_addr();
    let known = Arc::clone(names);
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((len, client)) = socket.recv_from(&mut buffer).await {
            let Some(mut answer) = answer_of(&known, &buffer[..len]) else { continue };
            if answer.name.starts_with("long.") {
                answer.truncated = true;
                answer.answers.clear();
            }
            let _ = socket.send_to(&answer.to_bytes().unwrap(), client);
        }
    });
    let known = Arc::clone(names);
    tokio::spawn(async move {
        while let Ok(mut stream) = listener.accept().await {
            let known = Arc::clone(&known);
            tokio::spawn(async move {
                let mut question = vec![0; usize::from(stream.read_u16().await.ok()?)];
                stream.read_exact(&mut question).await.ok()?;
                let answer = answer_of(&known, &question)?.to_bytes()?;
                stream.write_u16(u16::try_from(answer.len()).ok()?).await.ok()?;
                stream.write_all(&answer).await.ok()
            });
        }
    });
    address
}

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
