//! TCP, UDP and ICMP between simulated hosts, and the time that it takes.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wirewitness_lab::{HostId, Lab, LinkId, LinkSpec, Mood, NoRoute, Topology};
use wirewitness_net::{Clock, Datagrams, Failure, Net, Stream};

const CLIENT: [&str; 2] = ["10.0.0.2", "2001:db8:1::2"];
const SERVER: [&str; 2] = ["192.0.2.80", "2001:db8:2::80"];
const GONE: &str = "192.0.2.99";

struct Net2 {
    topology: Topology,
    client: HostId,
    server: HostId,
    access: LinkId,
}

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

/// client - 20 ms - gateway - 30 ms - server, and a host that is down beside the server.
fn network(seed: u64, access: LinkSpec) -> Net2 {
    let mut topology = Topology::new(seed);
    let client = topology.host("client", &ips(&CLIENT));
    let server = topology.host("server", &ips(&SERVER));
    let gone = topology.host("gone", &ips(&[GONE]));
    let gateway = topology.router("gateway", &ips(&["10.0.0.1", "2001:db8:1::1"]));
    let border = topology.router("border", &ips(&["192.0.2.1", "2001:db8:2::1"]));
    let access = topology.link(client, gateway, access);
    topology.link(gateway, border, LinkSpec::delay(Duration::from_millis(20)));
    topology.link(border, server, LinkSpec::delay(Duration::from_millis(10)));
    topology.link(border, gone, LinkSpec::default());
    topology.mood(gone, Mood::Silent);
    topology.no_route(border, NoRoute::Silent);
    Net2 { topology, client, server, access }
}

fn plain(seed: u64) -> Net2 {
    network(seed, LinkSpec::delay(Duration::from_millis(20)))
}

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Sends back whatever comes, on port 7.
fn echo(lab: &Lab, server: HostId) {
    let listener = lab.net(server).listen(7).unwrap();
    tokio::spawn(async move {
        loop {
            let mut stream = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    stream.write_all(&buffer[..read]).await.unwrap();
                }
            });
        }
    });
}

#[test]
fn both_families_carry_bytes_and_time_passes() {
    for server_address in SERVER {
        let net = plain(1);
        let took = Lab::run(net.topology, |lab| async move {
            echo(&lab, net.server);
            let client = lab.net(net.client);
            let mut stream = client.connect(at(server_address, 7)).await.unwrap();
            assert_eq!(client.now().elapsed, Duration::from_millis(100), "one round trip");
            stream.write_all(b"hello").await.unwrap();
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"hello");
            assert_eq!(stream.remote_addr(), at(server_address, 7));
            client.now().elapsed
        });
        // One round trip to connect and one for the echo.
        let took = took.unwrap();
        assert!((200..=202).contains(&took.as_millis()), "{took:?}");
    }
}

#[test]
fn nobody_listens() {
    let net = plain(1);
    Lab::run(net.topology, |lab| async move {
        let client = lab.net(net.client);
        for address in SERVER {
            let refused = client.connect(at(address, 81)).await.err();
            assert_eq!(refused, Some(Failure::Refused));
        }
        assert_eq!(lab.elapsed(), Duration::from_millis(200));
    })
    .unwrap();
}

#[test]
fn silence_is_a_timeout_in_virtual_time() {
    let net = plain(1);
    #[allow(clippy::disallowed_methods, reason = "this test is about real time")]
    let began = std::time::Instant::now();
    Lab::run(net.topology, |lab| async move {
        let client = lab.net(net.client);
        let limit = Duration::from_secs(10);
        assert!(timeout(limit, client.connect(at(GONE, 80))).await.is_err());
        assert_eq!(lab.elapsed(), limit);
        // Without a limit the stack gives up by itself, as a kernel does.
        assert_eq!(client.connect(at(GONE, 80)).await.err(), Some(Failure::Timeout));
        assert!(lab.elapsed() > Duration::from_secs(120));
    })
    .unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn no_way_is_said_by_the_router_or_not_at_all() {
    let mut net = plain(1);
    let island = net.topology.host("island", &ips(&["10.0.9.9"]));
    let edge = net.topology.router("edge", &ips(&["10.0.9.1"]));
    net.topology.link(island, edge, LinkSpec::default());
    Lab::run(net.topology, |lab| async move {
        let unreachable = lab.net(island).connect(at(SERVER[0], 80)).await.err();
        assert_eq!(unreachable, Some(Failure::NetworkUnreachable));
        let no_family = lab.net(island).connect(at(SERVER[1], 80)).await.err();
        assert_eq!(no_family, Some(Failure::NetworkUnreachable));
        let unreachable = lab.net(net.client).connect(at("203.0.113.1", 80)).await.err();
        assert_eq!(unreachable, Some(Failure::NetworkUnreachable), "the gateway has no way");
    })
    .unwrap();
}

#[test]
fn datagrams_and_a_trace_of_the_path() {
    let net = plain(1);
    Lab::run(net.topology, |lab| async move {
        let server = lab.net(net.server).bind(53).unwrap();
        tokio::spawn(async move {
            while let Ok((payload, sender, own)) = server.receive().await {
                server.send_from(own, &payload, sender).unwrap();
            }
        });
        for (address, gateway, border) in
            [(SERVER[0], "10.0.0.1", "192.0.2.1"), (SERVER[1], "2001:db8:1::1", "2001:db8:2::1")]
        {
            let socket = lab.net(net.client).bind_udp(at(address, 53)).await.unwrap();
            let mut buffer = [0; 16];
            for (ttl, router) in [(1, gateway), (2, border)] {
                socket.set_ttl(ttl).unwrap();
                socket.send_to(b"ping", at(address, 53)).unwrap();
                let expected = Failure::TtlExceeded { router: router.parse().unwrap() };
                assert_eq!(socket.recv_from(&mut buffer).await, Err(expected));
            }
            socket.set_ttl(3).unwrap();
            socket.send_to(b"ping", at(address, 53)).unwrap();
            let answer = socket.recv_from(&mut buffer).await;
            assert_eq!(answer, Ok((4, at(address, 53))));
            socket.send_to(b"ping", at(address, 54)).unwrap();
            assert_eq!(socket.recv_from(&mut buffer).await, Err(Failure::Refused));
            let huge = [0; 65_508];
            assert_eq!(socket.send_to(&huge, at(address, 53)), Err(Failure::MessageSize));
        }
    })
    .unwrap();
}

#[test]
fn a_host_reaches_itself() {
    let net = plain(1);
    Lab::run(net.topology, |lab| async move {
        echo(&lab, net.client);
        let client = lab.net(net.client);
        assert!(client.connect(at("127.0.0.1", 7)).await.is_ok());
        assert!(client.connect(at(CLIENT[0], 7)).await.is_ok());
        let refused = client.connect(at("127.0.0.1", 80)).await.err();
        assert_eq!(refused, Some(Failure::Refused));
        assert!(lab.elapsed() < Duration::from_millis(5));
    })
    .unwrap();
}

#[test]
fn closing_is_an_end_and_closing_on_unread_data_a_reset() {
    let net = plain(1);
    Lab::run(net.topology, |lab| async move {
        let listener = lab.net(net.server).listen(80).unwrap();
        tokio::spawn(async move {
            let mut polite = listener.accept().await.unwrap();
            let mut request = [0; 4];
            polite.read_exact(&mut request).await.unwrap();
            drop(polite);
            let rude = listener.accept().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(rude);
        });
        let client = lab.net(net.client);
        for expected in [Ok(0), Err(Failure::Reset)] {
            let mut stream = client.connect(at(SERVER[0], 80)).await.unwrap();
            stream.write_all(b"four").await.unwrap();
            let read = stream.read(&mut [0; 16]).await.map_err(|error| Failure::of_io(&error));
            assert_eq!(read, expected);
        }
    })
    .unwrap();
}

/// Fetches `bytes` over the access link, and says how long it took.
fn transfer(seed: u64, access: LinkSpec, bytes: usize) -> (Duration, Vec<String>) {
    let net = network(seed, access);
    let payload: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
    Lab::run(net.topology, |lab| async move {
        lab.tap(net.access);
        let listener = lab.net(net.server).listen(80).unwrap();
        let sent = payload.clone();
        tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 3]).await.unwrap();
            stream.write_all(&sent).await.unwrap();
        });
        let mut stream = lab.net(net.client).connect(at(SERVER[0], 80)).await.unwrap();
        stream.write_all(b"GET").await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert!(received == payload, "{} of {bytes} bytes", received.len());
        let lines = lab.records(net.access).iter().map(ToString::to_string).collect();
        (lab.elapsed(), lines)
    })
    .unwrap()
}

#[test]
fn bandwidth_bounds_a_transfer() {
    let spec = LinkSpec {
        delay: Duration::from_millis(5),
        bits_per_second: Some(8_000_000),
        ..LinkSpec::default()
    };
    let (took, _) = transfer(1, spec, 2_000_000);
    // 2 s at one megabyte a second, and a little for headers and for losing the full queue's tail.
    assert!((2_000..6_000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn loss_costs_time_and_no_bytes_and_the_seed_decides() {
    let lossy = LinkSpec { loss_per_million: 20_000, ..LinkSpec::default() };
    let (took, lines) = transfer(7, lossy, 300_000);
    assert_eq!((took, &lines), (transfer(7, lossy, 300_000).0, &transfer(7, lossy, 300_000).1));
    assert_ne!(lines, transfer(8, lossy, 300_000).1);
    assert!(lines.len() > 250);
}

/// One number for a whole trace, the same in debug and release and on every machine. A new smoltcp may change it.
#[test]
fn a_trace_is_what_it_was() {
    let lossy = LinkSpec { loss_per_million: 20_000, ..LinkSpec::default() };
    let (took, lines) = transfer(7, lossy, 300_000);
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let digest = lines.concat().bytes().fold(0xcbf2_9ce4_8422_2325, step);
    assert_eq!((took.as_millis(), lines.len(), digest), (2_010, 380, 4_267_928_309_559_811_739));
}

#[test]
fn a_datagram_beyond_the_mtu_comes_whole() {
    let net = plain(1);
    Lab::run(net.topology, |lab| async move {
        let client = lab.net(net.client);
        let server = lab.net(net.server).bind(9).unwrap();
        let remote = at(SERVER[0], 9);
        let socket = client.bind_udp(remote).await.unwrap();
        for len in [1473, 9_000, 65_507] {
            let sent: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            socket.send_to(&sent, remote).unwrap();
            let (received, ..) = server.receive().await.unwrap();
            assert_eq!(received, sent);
        }
        // IPv6 hosts of the lab do not cut.
        let remote = at(SERVER[1], 9);
        let socket = client.bind_udp(remote).await.unwrap();
        assert_eq!(socket.send_to(&[0; 1453], remote), Err(Failure::MessageSize));
        assert_eq!(socket.send_to(&[0; 1452], remote), Ok(()));
    })
    .unwrap();
}
