//! What programs on a simulated host hold: [`HostNet`], which is [`Net`] and [`Clock`], streams, listeners, datagrams.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;
use wirewitness_net::{
    Accept, BindUdp, Clock, Datagrams, Failure, Listen, Lookup, LookupFailure, Moment, Net, Stream,
};

use super::{DEFAULT_TTL, Datagram, Host, Opened, System, resolve};
use crate::fabric::{HostIndex, World};
use crate::frame::UdpSpec;

/// The world, and what whoever acts in it needs to keep it moving.
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Rung when something is to happen before the world's alarm.
    pub(crate) doorbell: Notify,
    zero: Instant,
    epoch: Duration,
}

impl Shared {
    pub(crate) fn new(world: World, epoch: Duration) -> Self {
        Self { world: Mutex::new(world), doorbell: Notify::new(), zero: Instant::now(), epoch }
    }

    /// The world as it is now. A program that panicked with it in hand has not left it half-done: every step of it
    /// is whole before the next begins.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.run_until(self.elapsed());
        world
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.zero.elapsed()
    }

    /// The point of tokio's clock that a moment of the world is.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.zero + at
    }

    fn with_host<R>(
        &self,
        index: HostIndex,
        act: impl FnOnce(&mut Host, Duration) -> R,
    ) -> Option<R> {
        let mut world = self.world();
        let result = world.with_host(index, act);
        let next = world.next_event();
        if next.is_some_and(|next| world.alarm.is_none_or(|alarm| next < alarm)) {
            self.doorbell.notify_one();
        }
        result
    }
}

/// A simulated host, as the programs on it see the network.
#[derive(Clone)]
pub struct HostNet {
    shared: Arc<Shared>,
    index: HostIndex,
}

impl HostNet {
    pub(crate) fn new(shared: Arc<Shared>, index: HostIndex) -> Self {
        Self { shared, index }
    }

    /// Listens on a TCP port, at every address of the host.
    ///
    /// # Errors
    /// [`Failure::AddressUnavailable`] if somebody does already.
    pub fn listen(&self, port: u16) -> Result<Listener, Failure> {
        let free = self.act(|host, _| host.tcp.listen(port))?;
        if !free {
            return Err(Failure::AddressUnavailable);
        }
        Ok(Listener { net: self.clone(), port })
    }

    /// Binds a UDP port, at every address of the host.
    ///
    /// # Errors
    /// [`Failure::AddressUnavailable`] if somebody has it.
    pub fn bind(&self, port: u16) -> Result<UdpSocket, Failure> {
        self.udp_socket(port, IpAddr::from([0, 0, 0, 0]))
    }

    /// The addresses of the host.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.act(|host, _| host.addresses.clone()).unwrap_or_default()
    }

    pub(crate) fn resolvers(&self) -> Vec<IpAddr> {
        self.act(|host, _| host.resolvers.clone()).unwrap_or_default()
    }

    pub(crate) fn system(&self) -> System {
        self.act(|host, _| host.system).unwrap_or_default()
    }

    fn udp_socket(&self, port: u16, address: IpAddr) -> Result<UdpSocket, Failure> {
        let port = self.act(|host, _| host.udp.bind(port))??;
        let local = SocketAddr::new(address, port);
        Ok(UdpSocket { net: self.clone(), local, ttl: AtomicU8::new(DEFAULT_TTL) })
    }

    /// Acts on the host. An index of another lab is a fault of ours that shows as a missing network.
    pub(super) fn act<R>(&self, act: impl FnOnce(&mut Host, Duration) -> R) -> Result<R, Failure> {
        self.shared.with_host(self.index, act).ok_or(Failure::NetworkDown)
    }

    pub(super) fn poll_act<R>(
        &self,
        act: impl FnOnce(&mut Host) -> Poll<Result<R, Failure>>,
    ) -> Poll<Result<R, Failure>> {
        self.act(|host, _| act(host)).unwrap_or_else(|failure| Poll::Ready(Err(failure)))
    }
}

impl Clock for HostNet {
    fn now(&self) -> Moment {
        let elapsed = self.shared.elapsed();
        Moment { elapsed, wall: SystemTime::UNIX_EPOCH + self.shared.epoch + elapsed }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Net for HostNet {
    type Stream = TcpStream;
    type Datagrams = UdpSocket;

    async fn connect(&self, remote: SocketAddr) -> Result<TcpStream, Failure> {
        let opened = self.act(|host, _| {
            let source = host.source_for(remote.ip()).ok_or(Failure::NetworkUnreachable)?;
            host.tcp.connect(source, remote)
        })??;
        // Held from here on, so that giving up while connecting lets the connection go.
        let stream = TcpStream { net: self.clone(), opened };
        poll_fn(|context| {
            self.poll_act(|host| host.tcp.poll_connected(opened.id, context.waker()))
        })
        .await?;
        Ok(stream)
    }

    async fn bind_udp(&self, towards: SocketAddr) -> Result<UdpSocket, Failure> {
        let source = self.act(|host, _| host.source_for(towards.ip()))?;
        self.udp_socket(0, source.ok_or(Failure::NetworkUnreachable)?)
    }

    async fn lookup(&self, name: &str) -> Result<Lookup, LookupFailure> {
        resolve::lookup(self, name).await
    }
}

/// An open TCP connection of a simulated host. Dropping it closes; with data unread, resets.
pub struct TcpStream {
    net: HostNet,
    opened: Opened,
}

impl TcpStream {
    fn poll<R>(
        &self,
        act: impl FnOnce(&mut Host, Opened) -> Poll<Result<R, Failure>>,
    ) -> Poll<io::Result<R>> {
        self.net.poll_act(|host| act(host, self.opened)).map_err(io::Error::from)
    }
}

impl Stream for TcpStream {
    fn local_addr(&self) -> SocketAddr {
        self.opened.local
    }

    fn remote_addr(&self) -> SocketAddr {
        self.opened.remote
    }

    fn set_ttl(&self, ttl: u8) -> Result<(), Failure> {
        self.net.act(|host, _| host.tcp.set_ttl(self.opened.id, ttl))
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let space = buffer.initialize_unfilled();
        let waker = context.waker();
        let read = ready!(self.poll(|host, it| host.tcp.poll_read(it.id, space, waker)))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        payload: &[u8],
    ) -> Poll<io::Result<usize>> {
        let waker = context.waker();
        self.poll(|host, it| host.tcp.poll_write(it.id, payload, waker))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|host, it| {
            host.tcp.shutdown(it.id);
            Poll::Ready(Ok(()))
        })
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let id = self.opened.id;
        // A world that is gone has nothing to close.
        let _ = self.net.act(|host, _| host.tcp.release(id));
    }
}

/// A listening TCP port of a simulated host. Dropping it stops listening.
pub struct Listener {
    net: HostNet,
    port: u16,
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// Only where the host is gone.
    pub async fn accept(&self) -> Result<TcpStream, Failure> {
        let opened = poll_fn(|context| {
            self.net.poll_act(|host| host.tcp.poll_accept(self.port, context.waker()).map(Ok))
        })
        .await?;
        Ok(TcpStream { net: self.net.clone(), opened })
    }
}

impl Accept for Listener {
    type Stream = TcpStream;

    /// At every address of the host.
    fn local_addr(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::from([0, 0, 0, 0]), self.port)
    }

    async fn accept(&self) -> Result<TcpStream, Failure> {
        Self::accept(self).await
    }
}

impl Listen for HostNet {
    type Listener = Listener;

    async fn listen(&self, local: SocketAddr) -> Result<Listener, Failure> {
        Self::listen(self, local.port())
    }
}

impl BindUdp for HostNet {
    async fn bind_udp_at(&self, local: SocketAddr) -> Result<UdpSocket, Failure> {
        self.udp_socket(local.port(), local.ip())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.net.act(|host, _| host.tcp.unlisten(self.port));
    }
}

/// A bound UDP port of a simulated host. Dropping it frees the port.
pub struct UdpSocket {
    net: HostNet,
    local: SocketAddr,
    ttl: AtomicU8,
}

impl UdpSocket {
    /// Waits for a datagram, and says which of the host's addresses it was sent to.
    ///
    /// # Errors
    /// An ICMP error about an earlier datagram.
    pub async fn receive(&self) -> Result<(Vec<u8>, SocketAddr, IpAddr), Failure> {
        let datagram = poll_fn(|context| self.poll_datagram(context.waker())).await?;
        Ok((datagram.payload, datagram.source, datagram.destination))
    }

    /// Sends from one of the host's addresses: a server answers from where it was asked.
    ///
    /// # Errors
    /// A payload beyond one packet, or addresses of two families.
    pub fn send_from(
        &self,
        source: IpAddr,
        payload: &[u8],
        remote: SocketAddr,
    ) -> Result<(), Failure> {
        let spec = UdpSpec {
            source: SocketAddr::new(source, self.local.port()),
            destination: remote,
            ttl: self.ttl.load(Ordering::Relaxed),
            identification: 0,
            payload: payload.to_vec(),
        };
        self.net.act(|host, _| host.send_datagram(spec))?
    }

    pub(crate) fn poll_datagram(&self, waker: &Waker) -> Poll<Result<Datagram, Failure>> {
        self.net.poll_act(|host| host.udp.poll_receive(self.local.port(), waker))
    }
}

impl Datagrams for UdpSocket {
    fn local_addr(&self) -> SocketAddr {
        self.local
    }

    fn set_ttl(&self, ttl: u8) -> Result<(), Failure> {
        self.ttl.store(ttl.max(1), Ordering::Relaxed);
        Ok(())
    }

    fn send_to(&self, payload: &[u8], remote: SocketAddr) -> Result<(), Failure> {
        let source = self.net.act(|host, _| host.source_for(remote.ip()))?;
        self.send_from(source.ok_or(Failure::NetworkUnreachable)?, payload, remote)
    }

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<SocketAddr, Failure>> {
        let datagram = ready!(self.poll_datagram(context.waker()))?;
        let fits = datagram.payload.len().min(buffer.remaining());
        buffer.put_slice(datagram.payload.get(..fits).unwrap_or_default());
        Poll::Ready(Ok(datagram.source))
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        let _ = self.net.act(|host, _| host.udp.release(self.local.port()));
    }
}
