//! Answers in others' names: DNS questions through pointers, pages, and what outlives its trigger.

use wirewitness_model::battery::pointer::{MAX_POINTERS, SWEEP, question};
use wirewitness_net::Datagrams;
use wirewitness_wire::app::dns::Message;

use super::*;

/// The first answer to a question through so many pointers.
async fn ask(client: &HostNet, name: &str, pointers: u8) -> Option<Vec<u8>> {
    let server = SocketAddr::new(SERVER.parse().unwrap(), 53);
    let socket = client.bind_udp(server).await.unwrap();
    socket.send_to(&question(0x1234, name, pointers).unwrap(), server).unwrap();
    let mut buffer = [0; 600];
    let mut space = tokio::io::ReadBuf::new(&mut buffer);
    let answer = std::future::poll_fn(|context| socket.poll_recv_from(context, &mut space));
    timeout(Duration::from_secs(1), answer).await.ok()?.ok()?;
    Some(space.filled().to_vec())
}

/// Answers to questions through so many pointers, and whether the harmless name was ever answered.
fn asked(name: &str, chains: &[u8]) -> (Vec<Option<Vec<u8>>>, bool) {
    let (topology, [client, server]) = topology(name, &settings());
    let chains = chains.to_vec();
    Lab::run(topology, |lab| async move {
        // Nobody answers there, but the port is taken.
        let _silent = lab.net(server).bind(53).unwrap();
        let client = lab.net(client);
        let (mut answers, mut harmless) = (Vec::new(), false);
        for pointers in chains {
            answers.push(ask(&client, CENSORED, pointers).await);
            harmless |= ask(&client, HARMLESS, pointers).await.is_some();
        }
        (answers, harmless)
    })
    .unwrap()
}

#[test]
fn questions_through_pointers_are_answered_as_far_as_is_known() {
    for (name, most) in [
        ("tsg", Some(17)),
        ("cn_inj2", Some(17)),
        ("cn_inj1", Some(0)),
        ("cn_inj3", Some(0)),
        ("iran", Some(0)),
        ("turkmenistan", Some(0)),
        ("pk_dns", Some(0)),
        ("gfw_ii", None),
    ] {
        let chains = [&SWEEP[..], &[MAX_POINTERS]].concat();
        let (answers, harmless) = asked(name, &chains);
        assert!(!harmless, "{name}");
        for (pointers, answer) in chains.iter().zip(answers) {
            let expected = most.is_some_and(|most| *pointers <= most);
            assert_eq!(answer.is_some(), expected, "{name} {pointers}");
        }
    }
}

#[test]
fn forged_answers_have_the_shape_of_their_device() {
    for (name, flags, compressed, network) in [
        ("tsg", 0x8180, true, "192.88.99."),
        ("cn_inj1", 0x8580, false, "192.88.99."),
        ("cn_inj3", 0x8400, false, "192.88.99."),
        ("iran", 0x81a0, false, "10."),
        ("turkmenistan", 0x8100, true, "127.0.0.1"),
        ("pk_dns", 0x8100, true, "192.88.99."),
    ] {
        let (answers, _) = asked(name, &[0]);
        let bytes = answers[0].as_ref().unwrap();
        assert_eq!(u16::from_be_bytes([bytes[2], bytes[3]]), flags, "{name}");
        let record = 12 + CENSORED.len() + 2 + 4;
        assert_eq!(bytes[record] == 0xc0, compressed, "{name}");
        let message = Message::read(bytes).unwrap();
        assert_eq!((message.id, message.name.as_str()), (0x1234, CENSORED));
        let addresses: Vec<String> = message.addresses().map(|it| it.to_string()).collect();
        assert!(addresses.len() == 1 && addresses[0].starts_with(network), "{name} {addresses:?}");
    }
    let (answers, _) = asked("tsg", &[17]);
    let message = Message::read(answers[0].as_ref().unwrap()).unwrap();
    assert_eq!(message.name, CENSORED, "the question is told without its pointers");
}

/// What comes back for a request.
fn page(name: &str, host: &str) -> String {
    let (topology, [client, server]) = topology(name, &settings());
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    Lab::run(topology, |lab| async move {
        let _silent = lab.net(server).listen(80).unwrap();
        let remote = SocketAddr::new(SERVER.parse().unwrap(), 80);
        let mut stream = lab.net(client).connect(remote).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut came = Vec::new();
        let _ = timeout(Duration::from_secs(3), stream.read_to_end(&mut came)).await;
        String::from_utf8(came).unwrap()
    })
    .unwrap()
}

#[test]
fn pages_are_those_of_their_maker() {
    for (name, expected) in [
        ("fortinet", "FortiGuard Web Filtering"),
        ("cisco", "Via: Cisco-WSA\r\n"),
        ("palo_alto", "has been blocked in accordance with"),
        ("netsweeper", "/webadmin/deny/"),
        ("blue_coat", "notify.bluecoat.com"),
        ("vas_experts", "vasexperts"),
        ("sandvine_packetlogic", "HTTP/1.1 307 "),
    ] {
        let came = page(name, CENSORED);
        assert!(came.contains(expected), "{name}: {came}");
        assert_eq!(page(name, HARMLESS), "", "{name}");
    }
}

/// Whether a harmless hello passes after a censored one: to the same port after each of these waits, and at once to another.
fn after_a_trigger(name: &str, waits: &[u64]) -> (Vec<bool>, bool) {
    let (topology, [client, server]) = topology(name, &settings());
    let waits = waits.to_vec();
    Lab::run(topology, |lab| async move {
        let (client, server) = (lab.net(client), lab.net(server));
        send(&client, &server, 443, &Hello::new(CENSORED).bytes).await;
        let harmless = Hello::new(HARMLESS).bytes;
        let elsewhere = !send(&client, &server, 444, &harmless).await.is_blocked();
        let mut passes = Vec::new();
        for wait in waits {
            tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_secs(wait)).await;
            passes.push(!send(&client, &server, 443, &harmless).await.is_blocked());
        }
        (passes, elsewhere)
    })
    .unwrap()
}

#[test]
fn a_block_outlives_its_trigger_as_long_as_is_known() {
    for (name, passes) in [
        ("gfw_i", [false, true]),
        ("gfw_ii", [false, true]),
        ("henan", [true, true]),
        ("tsg", [true, true]),
    ] {
        // Each look takes some ten seconds by itself.
        assert_eq!(after_a_trigger(name, &[100, 80]), (passes.to_vec(), true), "{name}");
    }
}
