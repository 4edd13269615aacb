//! The conversations, each as the packets of its two ends.

use std::collections::VecDeque;

use super::generate::{Done, Maker};
use super::messages;
use super::packets::{Packet, Payload, Side};
use super::talk::Talk;

impl Maker {
    pub(super) fn dns(&mut self, name: &str, done: Done) -> VecDeque<Packet> {
        let (id, ip_id) = (self.next() as u16, self.next() as u16);
        let datagram = |at_us, from_client, ttl, bytes: Vec<u8>| Packet {
            at_us,
            from_client,
            ttl,
            id: ip_id,
            tcp: None,
            payload: Payload::Bytes(bytes.into()),
        };
        let address = [203, 0, 113, self.below(250) as u8 + 1];
        let after = 20_000 + self.below(60_000);
        let mut out =
            VecDeque::from([datagram(0, Side::Client, 63, messages::dns(id, name, None))]);
        if done == Done::FalseAnswer {
            let forged = [31, 13, 94, self.below(250) as u8];
            let at = 2_000 + self.below(1_000);
            out.push_back(datagram(at, Side::Server, 101, messages::dns(id, name, Some(forged))));
        }
        out.push_back(datagram(after, Side::Server, 57, messages::dns(id, name, Some(address))));
        out
    }

    pub(super) fn quic(&mut self) -> VecDeque<Packet> {
        let chosen = self.below(64) as usize;
        let first = self.initials[chosen].clone();
        let mut out = VecDeque::new();
        let mut put = |at_us, from_client, payload, id| {
            let ttl = if from_client == Side::Client { 63 } else { 55 };
            out.push_back(Packet { at_us, from_client, ttl, id, tcp: None, payload });
        };
        let (round_trip, id) = (20_000 + self.below(60_000), self.next() as u16);
        put(0, Side::Client, Payload::Bytes(first), id);
        for n in 0..2 + self.below(8) {
            let id = id.wrapping_add(n as u16 * 70 + 1);
            for part in 0..1 + self.size() as u64 / 4_000 {
                let len = 200 + self.below(1000) as usize;
                let server = self.sealed_quic(len);
                put(
                    round_trip * (n + 1) + part * 50,
                    Side::Server,
                    server,
                    id.wrapping_add(part as u16),
                );
                if part % 2 == 0 {
                    let len = 40 + self.below(40) as usize;
                    let client = self.sealed_quic(len);
                    put(round_trip * (n + 1) + part * 50 + 20, Side::Client, client, id);
                }
            }
        }
        out
    }

    /// A packet with a short header.
    fn sealed_quic(&mut self, len: usize) -> Payload {
        let from = self.below(70_000) as usize;
        let mut bytes = self.noise[from..from + len].to_vec();
        bytes[0] = 0x40 | (bytes[0] & 0x3f);
        Payload::Bytes(bytes.into())
    }

    pub(super) fn http(&mut self, name: &str, done: Done) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        talk.client(Payload::Bytes(messages::request(name).into()));
        talk.wait(talk.round_trip);
        if done == Done::Page {
            talk.stream(&messages::response("403 Forbidden", "", BLOCK_PAGE));
        } else {
            let lines = self.size() / 60;
            let page: String = (0..lines)
                .map(|n| {
                    format!(
                        "<p>Line {n} of an ordinary page, with <a href=\"/{n}\">a link</a>.</p>\n"
                    )
                })
                .collect();
            let page = format!(
                "<!doctype html><html><head><title>{name}</title></head><body>{page}</body></html>"
            );
            let fields = "Server: nginx\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n";
            talk.stream(&messages::response("200 OK", fields, &page));
        }
        talk.close();
        talk.out
    }

    pub(super) fn tls(&mut self, name: &str, done: Done) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        let hello: Payload = Payload::Bytes(messages::client_hello(name, self.random()).into());
        if done == Done::Drop {
            talk.dropped(&hello);
            return talk.out;
        }
        talk.client(hello);
        if done == Done::Reset {
            let (ttl, id) = (90 + self.below(60) as u8, self.next() as u16);
            talk.forged_resets(ttl, id);
        }
        talk.wait(talk.round_trip);
        // One in five still speaks TLS 1.2, with a certificate that everybody can read.
        let answer = match self.below(5) {
            0 => messages::server_flight_1_2(name, self.random(), &self.noise),
            _ => messages::server_hello(self.random(), &self.noise),
        };
        talk.stream(&answer);
        if done == Done::Reset {
            return talk.out;
        }
        talk.client(Payload::Sealed(80));
        for _ in 0..1 + self.below(5) {
            talk.client(Payload::Sealed(100 + self.below(400) as u16));
            talk.wait(talk.round_trip);
            talk.sealed_stream(self.size());
        }
        talk.close();
        talk.out
    }

    pub(super) fn long(&mut self, name: &str) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        talk.client(Payload::Bytes(messages::client_hello(name, self.random()).into()));
        talk.wait(talk.round_trip);
        talk.stream(&messages::server_hello(self.random(), &self.noise));
        talk.sealed_stream(500_000 + self.below(1_500_000) as usize);
        talk.close();
        talk.out
    }

    /// A server that greets, a few lines, and what is encrypted from then on.
    pub(super) fn mail(&mut self, name: &str) -> VecDeque<Packet> {
        let mut talk = Talk::new(self);
        talk.handshake();
        talk.wait(talk.round_trip);
        for (asked, answer) in [
            ("", format!("220 {name} ESMTP\r\n")),
            (
                "EHLO client.example\r\n",
                format!("250-{name}\r\n250-SIZE 10240000\r\n250 STARTTLS\r\n"),
            ),
            ("STARTTLS\r\n", "220 2.0.0 Ready\r\n".to_owned()),
        ] {
            if !asked.is_empty() {
                talk.client(Payload::Bytes(asked.as_bytes().into()));
                talk.wait(talk.round_trip);
            }
            talk.stream(answer.as_bytes());
        }
        talk.client(Payload::Bytes(messages::client_hello(name, self.random()).into()));
        talk.wait(talk.round_trip);
        talk.stream(&messages::server_flight_1_2(name, self.random(), &self.noise));
        talk.sealed_stream(self.size());
        talk.close();
        talk.out
    }

    /// A call: fifty packets of sound a second each way (RFC 3550), after a word with the server (RFC 8489).
    pub(super) fn call(&mut self) -> VecDeque<Packet> {
        let mut out = VecDeque::new();
        let (id, seconds) = (self.next() as u16, 2 + self.below(6));
        let mut put = |at_us, from_client, bytes: Vec<u8>| {
            let (ttl, payload) =
                (if from_client == Side::Client { 63 } else { 54 }, Payload::Bytes(bytes.into()));
            out.push_back(Packet { at_us, from_client, ttl, id, tcp: None, payload });
        };
        let random = self.random();
        put(0, Side::Client, messages::stun(1, &random));
        put(30_000, Side::Server, messages::stun(0x101, &random));
        for n in 0..seconds * 50 {
            let at_us = 60_000 + n * 20_000;
            put(at_us, Side::Client, messages::rtp(n as u16, 1, &self.noise));
            put(at_us + 7_000, Side::Server, messages::rtp(n as u16, 2, &self.noise));
        }
        out
    }

    /// What time it is (RFC 5905).
    pub(super) fn time(&mut self) -> VecDeque<Packet> {
        let id = self.next() as u16;
        let datagram = |at_us, from_client, ttl, first| {
            let mut bytes = [0; 48];
            bytes[0] = first;
            let payload = Payload::Bytes(bytes.into());
            Packet { at_us, from_client, ttl, id, tcp: None, payload }
        };
        VecDeque::from([
            datagram(0, Side::Client, 63, 0x23),
            datagram(25_000, Side::Server, 55, 0x24),
        ])
    }

    /// Bytes of an answer: most are small and a few are large.
    fn size(&mut self) -> usize {
        let most = 300 << self.below(6);
        100 + self.below(most) as usize
    }
}

/// Words of a fingerprint that comes with the program.
const BLOCK_PAGE: &str = "<html><head><title>Blocked</title></head><body>This page has content that is prohibited for viewership from within the country.</body></html>";
