//! QUIC over any [`Datagrams`]: quinn on tokio's clock, without a socket of its own.
//!
//! [`client_endpoint`] and [`server_endpoint`] make an endpoint of a bound port. With one seed, one clock and one network,
//! two endpoints send packets of the same sizes at the same times: connection ids, paddings and packet numbers come from
//! the seed, and time is tokio's, which may be virtual. What is random in TLS is not quinn's and stays random.
//!
//! ICMP errors end no QUIC connection (RFC 9000 §14.2.1: anybody can forge one), so quinn is not told. [`Errors`] keeps
//! the first for whoever measures.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_lc_rs::{hkdf, hmac};
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{
    AsyncTimer, AsyncUdpSocket, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig,
    Runtime, TransportConfig, UdpPoller, ValidationTokenConfig, rustls,
};
use tokio::io::ReadBuf;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{Datagrams, Failure};

/// What an endpoint needs of a bound port. [`AnySource`] makes one of any [`Datagrams`].
pub trait Packets: Send + Sync + 'static {
    /// The address and port on this side.
    fn local_addr(&self) -> SocketAddr;

    /// Sends one datagram now, from `source` where the port has a choice.
    ///
    /// # Errors
    /// As [`Datagrams::send_to`].
    fn send(
        &self,
        payload: &[u8],
        remote: SocketAddr,
        source: Option<IpAddr>,
    ) -> Result<(), Failure>;

    /// Polls for one datagram: who sent it, and to which address of ours where that is known.
    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(SocketAddr, Option<IpAddr>), Failure>>;
}

/// Datagrams that leave from whatever address the system chooses.
pub struct AnySource<D>(pub D);

impl<D: Datagrams> Packets for AnySource<D> {
    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }

    fn send(&self, payload: &[u8], remote: SocketAddr, _: Option<IpAddr>) -> Result<(), Failure> {
        self.0.send_to(payload, remote)
    }

    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(SocketAddr, Option<IpAddr>), Failure>> {
        self.0.poll_recv_from(context, buffer).map_ok(|sender| (sender, None))
    }
}

/// An endpoint that can connect, on a bound port, and what the network said of its datagrams.
///
/// # Errors
/// None that quinn 0.11 has; it reserves the right.
pub fn client_endpoint<D: Datagrams>(
    datagrams: D,
    seed: [u8; 32],
) -> io::Result<(Endpoint, Arc<Errors>)> {
    endpoint(AnySource(datagrams), &Seed::new(&seed), None)
}

/// An endpoint that accepts connections on a bound port.
///
/// # Errors
/// TLS 1.3 with `TLS_AES_128_GCM_SHA256` is not among what `tls` allows (RFC 9001 §5.2 needs it).
pub fn server_endpoint(
    packets: impl Packets,
    tls: Arc<rustls::ServerConfig>,
    seed: [u8; 32],
) -> io::Result<Endpoint> {
    let seed = Seed::new(&seed);
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let token_key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&seed.derive(b"token", 0));
    let mut config = quinn::ServerConfig::new(Arc::new(crypto), Arc::new(token_key));
    config.transport_config(Arc::new(transport()));
    // A token is good for a later visit only, and no host of ours comes back.
    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0);
    config.validation_token_config(tokens);
    endpoint(packets, &seed, Some(config)).map(|(endpoint, _)| endpoint)
}

/// How a client connects. It never gives up by itself: whoever calls bounds the wait. One seed is good for one endpoint: the
/// same connection ids from two would be one connection to a server.
///
/// # Errors
/// TLS 1.3 with `TLS_AES_128_GCM_SHA256` is not among what `tls` allows (RFC 9001 §5.2 needs it).
pub fn client_config(
    tls: Arc<rustls::ClientConfig>,
    seed: [u8; 32],
) -> Result<quinn::ClientConfig, NoInitialCipherSuite> {
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    let mut transport = transport();
    transport.max_idle_timeout(None);
    config.transport_config(Arc::new(transport));
    let (seed, count) = (Seed::new(&seed), AtomicU64::new(0));
    config.initial_dst_cid_provider(Arc::new(move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        seed.connection_id(b"first destination", number)
    }));
    Ok(config)
}

/// The first thing that the network said of an endpoint's datagrams.
#[derive(Debug, Default)]
pub struct Errors {
    first: Mutex<Option<Failure>>,
    notify: Notify,
}

impl Errors {
    /// Waits for it; for ever, if all is well.
    pub async fn wait(&self) -> Failure {
        loop {
            let notified = self.notify.notified();
            if let Some(failure) = self.first() {
                return failure;
            }
            notified.await;
        }
    }

    /// The same, as far as it is known by now.
    pub fn first(&self) -> Option<Failure> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, failure: Failure) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.notify.notify_one();
    }
}

fn endpoint(
    packets: impl Packets,
    seed: &Seed,
    server: Option<quinn::ServerConfig>,
) -> io::Result<(Endpoint, Arc<Errors>)> {
    let reset_key = hmac::Key::new(hmac::HMAC_SHA256, &seed.derive(b"stateless reset", 0));
    let mut config = EndpointConfig::new(Arc::new(reset_key));
    config.rng_seed(Some(seed.derive(b"endpoint", 0)));
    let ids = seed.clone();
    config.cid_generator(move || Box::new(Ids { seed: ids.clone(), count: 0 }));
    let errors = Arc::new(Errors::default());
    let socket = Arc::new(Socket { packets, errors: Arc::clone(&errors) });
    let endpoint = Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioTime))?;
    Ok((endpoint, errors))
}

/// Datagrams of 1200 bytes, as every path must carry: looking for more would send packets of its own.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.mtu_discovery_config(None).enable_segmentation_offload(false);
    transport
}

/// Everything that quinn wants random, out of one number.
#[derive(Clone)]
struct Seed(hmac::Key);

impl Seed {
    fn new(seed: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, seed))
    }

    fn derive(&self, label: &[u8], number: u64) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&number.to_be_bytes());
        context.update(label);
        // SHA-256 gives 32 bytes.
        context.sign().as_ref().try_into().unwrap_or_default()
    }

    fn connection_id(&self, label: &[u8], number: u64) -> ConnectionId {
        let bytes = self.derive(label, number);
        ConnectionId::new(bytes.get(..CONNECTION_ID).unwrap_or_default())
    }
}

struct Ids {
    seed: Seed,
    count: u64,
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        self.count += 1;
        self.seed.connection_id(b"own", self.count)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// tokio's clock and tasks for quinn.
#[derive(Debug)]
struct TokioTime;

impl Runtime for TokioTime {
    fn new_timer(&self, at: std::time::Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer(Box::pin(sleep_until(Instant::from_std(at)))))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(future);
    }

    #[expect(clippy::disallowed_types, reason = "only to refuse it")]
    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

#[derive(Debug)]
struct Timer(Pin<Box<Sleep>>);

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, at: std::time::Instant) {
        self.0.as_mut().reset(Instant::from_std(at));
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

/// A bound port for quinn.
struct Socket<P> {
    packets: P,
    errors: Arc<Errors>,
}

impl<P> fmt::Debug for Socket<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}

impl<P: Packets> AsyncUdpSocket for Socket<P> {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    /// What cannot be sent is lost, as any datagram may be; quinn would end the connection over it.
    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = self.packets.send(transmit.contents, transmit.destination, transmit.src_ip);
        if let Err(failure) = sent {
            self.errors.note(failure);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        let mut read = ReadBuf::new(buffer);
        for _ in 0..ERRORS_AT_ONCE {
            match ready!(self.packets.poll_receive(context, &mut read)) {
                Ok((addr, dst_ip)) => {
                    let len = read.filled().len();
                    *meta = RecvMeta { addr, len, stride: len, ecn: None, dst_ip };
                    return Poll::Ready(Ok(1));
                }
                Err(failure) => self.errors.note(failure),
            }
        }
        // A socket that only fails must not keep its task from yielding.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.packets.local_addr())
    }
}

/// [`Packets::send`] never waits.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Length of connection ids; RFC 9000 §7.2 asks for at least 8 of the first.
const CONNECTION_ID: usize = 8;
const ERRORS_AT_ONCE: usize = 64;
