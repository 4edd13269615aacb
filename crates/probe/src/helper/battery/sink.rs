//! The ports of a far end: what comes is hashed and counted, never kept and never understood.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use wirewitness_net::{Accept, BindUdp, Datagrams, Failure, Listen, Stream};

use super::desk::{Desk, Slot};
use crate::battery::protocol::{Ending, Protocol, acknowledgement};
use crate::clock::within;
use crate::helper::limits::Room;

/// The listening ports of a far end.
pub struct Ports<N: Listen + BindUdp> {
    tcp: Vec<N::Listener>,
    udp: Vec<N::Datagrams>,
}

impl<N: Listen + BindUdp> Ports<N> {
    /// Listens on all ports of the token, at `local`'s address.
    ///
    /// # Errors
    /// The first port that cannot be had, and why.
    pub async fn open(
        net: &N,
        local: std::net::IpAddr,
        desk: &Desk,
    ) -> Result<Self, (u16, Failure)> {
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        for &port in &desk.token().tcp {
            let listener = net.listen(SocketAddr::new(local, port)).await;
            tcp.push(listener.map_err(|failure| (port, failure))?);
        }
        for &port in &desk.token().udp {
            let socket = net.bind_udp_at(SocketAddr::new(local, port)).await;
            udp.push(socket.map_err(|failure| (port, failure))?);
        }
        Ok(Self { tcp, udp })
    }
}

/// Takes in whatever comes to the ports, until dropped.
pub async fn take_in<N: Listen + BindUdp>(net: N, ports: Ports<N>, desk: Arc<Desk>) {
    let places = Arc::new(Room::new(MOST_CONNECTIONS));
    let mut all = JoinSet::new();
    for listener in ports.tcp {
        all.spawn(listen(net.clone(), listener, Arc::clone(&desk), Arc::clone(&places)));
    }
    for socket in ports.udp {
        all.spawn(receive(net.clone(), socket, Arc::clone(&desk)));
    }
    while all.join_next().await.is_some() {}
}

async fn listen<N: Listen>(net: N, listener: N::Listener, desk: Arc<Desk>, places: Arc<Room>) {
    let port = listener.local_addr().port();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(stream) = listener.accept().await else {
            net.sleep(AFTER_A_FAILED_ACCEPT).await;
            continue;
        };
        let client = stream.remote_addr();
        let Some(place) = places.take() else { continue };
        let Some(slot) = desk.open((Protocol::Tcp, port), client, net.now().elapsed) else {
            continue;
        };
        let (net, desk) = (net.clone(), Arc::clone(&desk));
        connections.spawn(async move {
            let _given_back_at_the_end = place;
            let taken = within(&net, MOST_AGE, take(&net, stream, &desk, &slot)).await;
            desk.close(&slot, taken.unwrap_or(Ending::Given));
        });
    }
}

/// Reads, and says after every read how much came.
async fn take<N: Listen>(net: &N, mut stream: N::Stream, desk: &Desk, slot: &Slot) -> Ending {
    let mut hash = Context::new(&SHA256);
    let mut buffer = [0; 4096];
    let mut bytes = 0_u64;
    for _ in 0..MOST_READS {
        let read = match within(net, MOST_SILENCE, stream.read(&mut buffer)).await {
            Some(Ok(0)) => return Ending::Closed,
            Some(Ok(len)) => buffer.get(..len).unwrap_or_default(),
            Some(Err(_)) => return Ending::Reset,
            None => return Ending::Given,
        };
        bytes += read.len() as u64;
        hash.update(read);
        let so_far = hash.clone().finish();
        if !desk.came(slot, read.len() as u64, so_far.as_ref()) || bytes > MOST_BYTES {
            return Ending::Given;
        }
        let word = acknowledgement(bytes, so_far.as_ref());
        match within(net, MOST_SILENCE, stream.write_all(&word)).await {
            Some(Ok(())) => {}
            Some(Err(_)) => return Ending::Reset,
            None => return Ending::Given,
        }
    }
    Ending::Given
}

/// Writes datagrams down and answers none.
async fn receive<N: BindUdp>(net: N, socket: N::Datagrams, desk: Arc<Desk>) {
    let port = socket.local_addr().port();
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((len, sender)) = socket.recv_from(&mut buffer).await else {
            net.sleep(AFTER_A_FAILED_ACCEPT).await;
            continue;
        };
        let Some(slot) = desk.open((Protocol::Udp, port), sender, net.now().elapsed) else {
            continue;
        };
        let payload = buffer.get(..len).unwrap_or_default();
        desk.came(&slot, len as u64, digest(&SHA256, payload).as_ref());
        desk.close(&slot, Ending::Closed);
    }
}

/// Connections of all clients at once.
const MOST_CONNECTIONS: usize = 64;
/// Bytes, reads, silence and age of one.
const MOST_BYTES: u64 = 64 * 1024;
const MOST_READS: usize = 128;
const MOST_SILENCE: Duration = Duration::from_secs(15);
const MOST_AGE: Duration = Duration::from_secs(60);
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(50);
