//! A person's day on a phone, as packets: every channel that a capture can show; the same behind a VPN; and one in which all is encrypted.

pub(crate) mod packets;
mod secure;

use std::net::{IpAddr, SocketAddr};

use wirewitness_wire::app::dns;

pub(crate) use packets::Life;

/// The phone, in both families; the second address is made from its hardware's number.
pub(crate) const PHONE: &str = "192.168.1.23";
const PHONE_V6: &str = "2001:db8:5:6:211:22ff:fe33:4455";
const PRIVATE_V6: &str = "2001:db8:5:6:1234:5678:9abc:def0";
/// Who is called and written to: must never be shown.
pub(crate) const CORRESPONDENTS: [&str; 4] =
    ["+15550101", "bob@correspondent.example", "203.0.113.77", "203.0.113.78"];

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

impl Life {
    fn here(&mut self) -> SocketAddr {
        let port = self.port();
        at(PHONE, port)
    }

    pub(crate) fn asks(&mut self, name: &str, answer: &str) {
        let (here, resolver) = (self.here(), at("192.168.1.1", 53));
        let question = dns::Message::question(7, name, dns::kind::A);
        self.datagram(here, resolver, &question.to_bytes().unwrap());
        let address: IpAddr = answer.parse().unwrap();
        let answer = question.answer(0, vec![dns::Answer::address(name, address)]);
        self.datagram(resolver, here, &answer.to_bytes().unwrap());
    }

    pub(crate) fn talks(&mut self, server: (&str, u16), says: &[&[u8]]) {
        let here = self.here();
        self.stream(here, at(server.0, server.1), says);
    }

    fn greets(&mut self, server: (&str, u16), hello: &[u8]) {
        // What the server says is encrypted.
        self.talks(server, &[hello, &[23, 3, 3, 0, 5, 1, 2, 3, 4, 5]]);
    }

    pub(crate) fn sends(&mut self, server: (&str, u16), payloads: &[&[u8]]) {
        let here = self.here();
        for payload in payloads {
            self.datagram(here, at(server.0, server.1), payload);
        }
    }

    /// Web pages with TLS 1.3 and QUIC; what else there is of encrypted traffic.
    fn encrypted(&mut self) {
        self.greets(("198.51.100.10", 443), &secure::hello("www.news.example", &[b"h2"]));
        self.greets(("198.51.100.11", 443), &secure::hello_with_ech("hidden.example"));
        self.sends(("198.51.100.12", 443), &[&secure::quic_initial("video.example")]);
        self.greets(("198.51.100.13", 853), &secure::hello("one.one.one.one", &[b"dot"]));
        self.greets(("198.51.100.14", 443), &secure::hello("dns.google", &[b"h2"]));
        self.greets(("198.51.100.15", 5228), &secure::hello("mtalk.google.com", &[]));
        self.greets(("198.51.100.16", 5223), &secure::hello("1-courier.push.apple.com", &[]));
        self.greets(("198.51.100.17", 443), &secure::hello("g.whatsapp.net", &[]));
        self.greets(("198.51.100.18", 443), &secure::hello("app-measurement.com", &[]));
    }

    fn plain_web(&mut self) {
        self.asks("shop.example", "198.51.100.20");
        let page = b"GET /search?q=medicine&access_token=tokenvalue&android_id=3f2a9c&lat=33.6844 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Phone/1\r\n\
            Cookie: sid=topsecretcookie; theme=1\r\nAuthorization: Basic YTpi\r\n\r\n";
        let form = b"POST /login HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nContent-Length: 55\r\n\r\n\
            {\"imei\":\"356938035643809\",\"password\":\"opensesame!\",\"a\":1}";
        self.talks(
            ("198.51.100.20", 80),
            &[&[&page[..], form].concat(), b"HTTP/1.1 200 OK\r\n\r\n"],
        );
        self.talks(
            ("198.51.100.21", 80),
            &[b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\nUser-Agent: Dalvik\r\n\r\n"],
        );
        self.talks(
            ("198.51.100.22", 80),
            &[b"GET /files/app-1.2.apk HTTP/1.1\r\nHost: store.example\r\n\r\n"],
        );
        self.talks(("198.51.100.23", 80), &[b"GET /abc HTTP/1.1\r\nHost: ocsp.ca.example\r\n\r\n"]);
    }

    fn mail_and_things(&mut self) {
        self.talks(
            ("198.51.100.30", 25),
            &[
                b"",
                b"220 mx.example ESMTP\r\n",
                b"EHLO x\r\nAUTH PLAIN AGE=\r\nMAIL FROM:<alice@example.net>\r\nRCPT TO:<bob@correspondent.example>\r\nDATA\r\nhello\r\n.\r\n",
            ],
        );
        self.talks(
            ("198.51.100.31", 143),
            &[b"", b"* OK ready\r\n", b"a LOGIN alice secretpass\r\nb UID FETCH 1 BODY[]\r\n"],
        );
        self.talks(
            ("198.51.100.32", 110),
            &[b"", b"+OK\r\n", b"USER alice\r\nPASS secretpass\r\nRETR 1\r\n"],
        );
        self.talks(
            ("198.51.100.33", 21),
            &[b"", b"220 files\r\n", b"USER bob\r\nPASS x\r\nRETR a.txt\r\n"],
        );
        self.talks(
            ("198.51.100.34", 23),
            &[b"\xff\xfd\x01\xff\xfd\x1f", b"\xff\xfb\x01login: ", b"alice\r\n"],
        );
        self.talks(("198.51.100.35", 587), &[b"", b"220 mx ESMTP\r\n", b"EHLO x\r\nSTARTTLS\r\n"]);
        let connect = b"\x10\x20\x00\x04MQTT\x04\xc2\x00\x3c\x00\x05phone\x00\x05alice\x00\x06secret\x30\x0c\x00\x0ahome/alarm";
        self.talks(("198.51.100.36", 1883), &[connect]);
        self.talks(("198.51.100.37", 5672), &[b"AMQP\x00\x00\x09\x01"]);
        self.sends(("198.51.100.38", 5683), &[&[&[0x40, 1, 0, 7, 0xb4][..], b"temp"].concat()]);
        let mut time = [0_u8; 48];
        time[0] = 0x23;
        time[40..44].copy_from_slice(&0xe900_0000_u32.to_be_bytes());
        time[47] = 1;
        self.sends(("198.51.100.39", 123), &[&time]);
    }

    fn calls(&mut self) {
        let invite = b"INVITE sip:+15550101@sip.example SIP/2.0\r\nFrom: <sip:+15550100@sip.example>;tag=1\r\nTo: <sip:+15550101@sip.example>\r\n\
            Content-Type: application/sdp\r\n\r\nv=0\r\nm=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n";
        self.datagram(at(PHONE, 5060), at("198.51.100.40", 5060), invite);
        for number in 0..12_u8 {
            let sound =
                [&[0x80, 0, 0, number, 0, 0, 0, number, 1, 2, 3, 4][..], &[0xd5; 160]].concat();
            self.datagram(at(PHONE, 4000), at("203.0.113.77", 4002), &sound);
        }
        // A check of ICE with a user name, straight to the partner.
        let check =
            [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12], &[0, 6, 0, 4], b"ab:c"].concat();
        self.sends(("203.0.113.78", 50_000), &[&check]);
        let setup = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12]].concat();
        self.sends(("198.51.100.41", 3478), &[&setup]);
    }

    fn remote(&mut self) {
        self.talks(("198.51.100.50", 22), &[b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-dropbear\r\n"]);
        let rdp = b"\x03\x00\x00\x2b\x26\xe0\x00\x00\x00\x00\x00Cookie: mstshash=alice\r\n\x01\x00\x08\x00\x03\x00\x00\x00";
        self.talks(("198.51.100.51", 3389), &[rdp]);
        self.talks(("198.51.100.52", 445), &[b"\x00\x00\x00\x55\xfeSMB\x40\x00\x00\x00"]);
    }

    fn local(&mut self) {
        let mdns = b"\x00\x00\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00\x04_ipp\x04_tcp\x05local\x00\x00\x0c\x00\x01\
            \x0cAlices-phone\xc0\x16\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";
        self.datagram(at(PHONE, 5353), at("224.0.0.251", 5353), mdns);
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nST: ssdp:all\r\nUSER-AGENT: Phone/1\r\n\r\n";
        self.datagram(at(PHONE, 40_000), at("239.255.255.250", 1900), search);
        let llmnr =
            b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07printer\x00\x00\x01\x00\x01";
        self.datagram(at(PHONE, 40_001), at("224.0.0.252", 5355), llmnr);
        let mut dhcp = vec![0_u8; 236];
        dhcp[0] = 1;
        dhcp.extend([0x63, 0x82, 0x53, 0x63, 12, 12]);
        dhcp.extend(b"Alices-phone");
        dhcp.extend([60, 15]);
        dhcp.extend(b"android-dhcp-14");
        dhcp.push(255);
        self.datagram(at("0.0.0.0", 68), at("255.255.255.255", 67), &dhcp);
        // A neighbour announces itself: nothing of it may be shown.
        let ours = self.hardware;
        self.hardware = [2, 0, 0, 0, 0, 9];
        let theirs = b"\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x0fNeighbours-Name\x05local\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x09";
        self.datagram(at("192.168.1.77", 5353), at("224.0.0.251", 5353), theirs);
        self.hardware = ours;
    }

    fn tunnels(&mut self) {
        self.sends(("198.51.100.60", 51820), &[&wireguard_initiation(), &[4; 120]]);
        self.sends(("198.51.100.61", 1194), &[&[&[0x38][..], &[9; 8], &[0; 5]].concat()]);
        let ike =
            [&[7; 8][..], &[0; 8], &[33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 60], &[9; 32]].concat();
        self.sends(("198.51.100.62", 500), &[&ike]);
        self.raw(
            PHONE.parse().unwrap(),
            "198.51.100.62".parse().unwrap(),
            50,
            &[1, 2, 3, 4, 0, 0, 0, 1, 9, 9, 9, 9],
        );
        self.talks(("198.51.100.63", 1723), &[b"\x00\x9c\x00\x01\x1a\x2b\x3c\x4d\x00\x01\x00\x00"]);
        self.greets(("198.51.100.64", 9001), &secure::hello("www.qmf2lq7zxw3a.com", &[]));
        self.greets(("198.51.100.65", 443), &secure::hello("api.mullvad.net", &[]));
    }
}

fn wireguard_initiation() -> Vec<u8> {
    let mut bytes = vec![5; 148];
    bytes[..4].copy_from_slice(&[1, 0, 0, 0]);
    bytes
}

/// All channels that a capture can show.
pub(crate) fn whole_day() -> Life {
    let mut life = Life::new();
    life.local();
    life.encrypted();
    life.wait_minutes(60);
    life.plain_web();
    let old = secure::handshake("old.example", &rustls::version::TLS12);
    let old: Vec<&[u8]> = old.iter().map(Vec::as_slice).collect();
    life.talks(("198.51.100.70", 443), &old);
    life.wait_minutes(120);
    life.mail_and_things();
    life.calls();
    life.remote();
    life.tunnels();
    // A port that says nothing, and IPv6 with the hardware's number in the address.
    life.talks(("198.51.100.80", 4444), &[&[1, 2, 3, 4, 5], &[6, 7, 8]]);
    let port = life.port();
    life.stream(
        at(PHONE_V6, port),
        at("2001:db8:ffff::1", 443),
        &[&secure::hello("six.example", &[])],
    );
    life
}

/// The same life behind a tunnel that covers IPv4 only; and that forgets one lookup.
pub(crate) fn behind_vpn() -> Life {
    let mut life = Life::new();
    let here = life.here();
    let there = at("198.51.100.60", 51820);
    life.datagram(here, there, &wireguard_initiation());
    for _ in 0..200 {
        life.wait_minutes(1);
        life.datagram(here, there, &[4; 700]);
        life.datagram(there, here, &[4; 1200]);
    }
    let end = life.now_ns;
    life.now_ns = packets::MORNING_NS + 600_000_000_000;
    life.asks("leaked.example", "198.51.100.90");
    let port = life.port();
    life.stream(
        at(PRIVATE_V6, port),
        at("2001:db8:ffff::1", 443),
        &[&secure::hello("leaked6.example", &[])],
    );
    life.now_ns = end;
    life
}

/// All is encrypted, and nothing announces itself.
pub(crate) fn harmless() -> Life {
    let mut life = Life::new();
    life.encrypted();
    life
}

/// So many devices of one home, each with a page.
pub(crate) fn household(devices: u8) -> Life {
    let mut life = Life::new();
    for device in 0..devices {
        life.hardware[5] = device + 1;
        let port = life.port();
        let here = at(&format!("192.168.1.{}", device + 10), port);
        life.stream(here, at("198.51.100.10", 443), &[&secure::hello("www.news.example", &[])]);
    }
    life
}
