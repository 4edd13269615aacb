//! The kernel's network over loopback: every failure is made to happen, not imitated.
#![allow(clippy::disallowed_types, reason = "the far end is a plain socket")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirewitness_net::{Accept, Clock, Datagrams, Failure, Listen, LookupFailure, Net, Stream};
use wirewitness_probe::kernel::KernelNet;

/// A port of loopback where `far_end` takes the one connection.
fn far_end(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

#[tokio::test]
async fn connects_and_carries_bytes_both_ways() {
    let address = far_end(|mut stream| {
        let mut asked = [0; 4];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(&asked).unwrap();
    });
    let mut stream = KernelNet::new().connect(address).await.unwrap();
    assert_eq!(stream.remote_addr(), address);
    assert_eq!(stream.local_addr().ip(), address.ip());
    stream.write_all(b"ping").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"ping");
}

#[tokio::test]
async fn a_port_without_listener_is_refused() {
    let address = TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap();
    assert_eq!(KernelNet::new().connect(address).await.unwrap_err(), Failure::Refused);
}

#[tokio::test]
async fn a_reset_is_told_from_a_close() {
    let reset = far_end(|stream| {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let closed = far_end(drop);
    let net = KernelNet::new();
    let mut buffer = [0; 8];
    // Where the reset comes before the kernel tells of the handshake, the connect fails with it.
    let told = match net.connect(reset).await {
        Ok(mut stream) => Failure::of_io(&stream.read(&mut buffer).await.unwrap_err()),
        Err(failure) => failure,
    };
    assert_eq!(told, Failure::Reset);
    assert_eq!(net.connect(closed).await.unwrap().read(&mut buffer).await.unwrap(), 0);
    let closed = far_end(drop);
    let error = net.connect(closed).await.unwrap().read_exact(&mut buffer).await.unwrap_err();
    assert_eq!(Failure::of_io(&error), Failure::Eof);
}

#[tokio::test]
async fn a_datagram_is_answered_also_when_sent_at_once() {
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 64];
        let (len, sender) = socket.recv_from(&mut buffer).unwrap();
        socket.send_to(&buffer[..len], sender).unwrap();
    });
    let datagrams = KernelNet::new().bind_udp(address).await.unwrap();
    datagrams.send_to(b"question", address).unwrap();
    let mut buffer = [0; 64];
    let (len, sender) = datagrams.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..len], sender), (&b"question"[..], address));
}

#[tokio::test]
async fn a_datagram_to_nobody_is_answered_by_silence_or_refused() {
    let nobody = UdpSocket::bind(LOOPBACK).unwrap().local_addr().unwrap();
    let datagrams = KernelNet::new().bind_udp(nobody).await.unwrap();
    datagrams.send_to(b"question", nobody).unwrap();
    let mut buffer = [0; 64];
    let waited = tokio::time::timeout(Duration::from_millis(100), datagrams.recv_from(&mut buffer));
    // Linux tells a socket that is not connected of no ICMP error; other systems may.
    match waited.await {
        Err(_elapsed) => {}
        Ok(told) => assert!(matches!(told, Err(Failure::Refused | Failure::Reset)), "{told:?}"),
    }
}

#[tokio::test]
async fn a_datagram_beyond_what_udp_holds_is_named() {
    let datagrams = KernelNet::new().bind_udp(LOOPBACK).await.unwrap();
    let sent = datagrams.send_to(&vec![0; 70_000], SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
    assert_eq!(sent, Err(Failure::MessageSize));
}

#[tokio::test]
async fn ttl_is_set_and_zero_is_not_allowed() {
    let address = far_end(|mut stream| {
        let _ = stream.read(&mut [0; 8]);
    });
    let net = KernelNet::new();
    let stream = net.connect(address).await.unwrap();
    stream.set_ttl(7).unwrap();
    assert!(stream.set_ttl(0).is_err());
    let datagrams = net.bind_udp(address).await.unwrap();
    datagrams.set_ttl(7).unwrap();
    assert!(datagrams.set_ttl(0).is_err());
}

#[tokio::test]
async fn ttl_of_ipv6_is_the_hop_limit() {
    let towards = SocketAddr::from((Ipv6Addr::LOCALHOST, 9));
    // A host without IPv6 says so, in the word that the trait promises.
    match KernelNet::new().bind_udp(towards).await {
        Ok(datagrams) => datagrams.set_ttl(7).unwrap(),
        Err(failure) => assert_eq!(failure, Failure::NetworkUnreachable),
    }
}

#[tokio::test]
async fn listens_and_accepts() {
    let net = KernelNet::new();
    let listener = net.listen(LOOPBACK).await.unwrap();
    let local = listener.local_addr();
    let (near, far) = tokio::join!(net.connect(local), listener.accept());
    assert_eq!(near.unwrap().local_addr(), far.unwrap().remote_addr());
    let taken = net.listen(local).await.map(|_| ());
    assert_eq!(taken, Err(Failure::AddressUnavailable));
}

#[tokio::test]
async fn localhost_and_literals_are_looked_up() {
    let net = KernelNet::new();
    let lookup = net.lookup("localhost").await.unwrap();
    assert!(lookup.addresses.iter().all(IpAddr::is_loopback), "{lookup:?}");
    let mut once = lookup.addresses.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), lookup.addresses.len());
    let literal = net.lookup("192.0.2.7").await.unwrap();
    assert_eq!(literal.addresses, [IpAddr::from([192, 0, 2, 7])]);
    assert_eq!(literal.canonical_name, None);
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_no_such_name() {
    let label = "a".repeat(64);
    let failure = KernelNet::new().lookup(&format!("{label}.invalid")).await.unwrap_err();
    // glibc asks nobody for a label of 64 octets; what it calls that has changed between versions.
    assert!(
        matches!(
            failure,
            LookupFailure::NxDomain | LookupFailure::NonRecoverable | LookupFailure::ServFail
        ),
        "{failure:?}"
    );
    assert!(KernelNet::new().lookup("with\0nul").await.is_err());
}

#[tokio::test]
async fn time_goes_forward_and_sleep_is_never_early() {
    let net = KernelNet::new();
    let before = net.now();
    net.sleep(Duration::from_millis(20)).await;
    let after = net.now();
    assert!(after.elapsed - before.elapsed >= Duration::from_millis(20));
    assert!(net.clone().now().elapsed >= after.elapsed);
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
