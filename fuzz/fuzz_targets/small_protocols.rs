//! The protocols that are read for what they give away: each reads any bytes, and says nothing that is not in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirewitness_wire::app::{
    banner, coap, dhcp, local_names, mail, mqtt, ntp, rtp, sip, stun, tunnel, x509,
};
use wirewitness_wire::read::Malformed;

fuzz_target!(|bytes: &[u8]| {
    datagrams(bytes);
    sip_of(bytes);
    streams(bytes);
    names(bytes);
    certificate(bytes);
});

fn datagrams(bytes: &[u8]) {
    if let Some(message) = read(bytes, stun::Message::parse(bytes)) {
        let sum: usize = message.attributes().map(|(_, value)| value.len() + 4).sum();
        assert!(sum <= bytes.len());
        for (kind, _) in message.attributes() {
            assert!(message.has(kind));
            let _ = message.address(kind);
        }
    }
    if let Some(packet) = read(bytes, rtp::Packet::parse(bytes)) {
        assert!(packet.payload.len() + 12 <= bytes.len());
    }
    if let Some(message) = read(bytes, coap::Message::parse(bytes)) {
        let options: Vec<_> = message.options().collect();
        assert!(options.iter().map(|(_, value)| value.len() + 1).sum::<usize>() + 4 <= bytes.len());
        assert!(options.is_sorted_by_key(|(number, _)| *number));
    }
    if let Some(packet) = read(bytes, ntp::Packet::parse(bytes)) {
        assert!(!packet.tells_clock() || packet.mode == 3);
    }
    if let Some(message) = read(bytes, dhcp::Message::parse(bytes)) {
        let options: Vec<_> = message.options().collect();
        assert!(options.iter().map(|(_, value)| value.len() + 2).sum::<usize>() <= bytes.len());
        for (kind, _) in options {
            assert!(message.option(kind).is_some());
        }
    }
    for port in [443, 500, 1701, 4500] {
        let _ = tunnel::Tunnel::of_datagram(bytes, port).map(tunnel::Tunnel::name);
    }
}

fn sip_of(bytes: &[u8]) {
    let Some(message) = read(bytes, sip::Message::parse(bytes)) else { return };
    assert!(message.fields().count() + message.body.len() <= bytes.len());
    for (_, value) in message.fields() {
        assert!(sip::user(value).is_none_or(|user| user.len() < value.len()));
    }
    if let Some(session) = message.session() {
        assert!(session.media().count() + session.candidates() <= session.lines().count());
        let _ = session.has_key();
    }
}

fn streams(bytes: &[u8]) {
    for port in [21, 25, 143] {
        let _ = mail::Protocol::of_greeting(bytes, port);
    }
    use mail::Protocol::{Ftp, Imap, Pop, Smtp};
    for protocol in [Smtp, Imap, Pop, Ftp] {
        let whole: Vec<_> = mail::said(protocol, bytes).collect();
        let half: Vec<_> = mail::said(protocol, &bytes[..bytes.len() / 2]).collect();
        assert!(whole.starts_with(&half), "{protocol:?}");
    }
    let _ = (mail::is_text(bytes), mail::is_telnet(bytes));
    let whole: Vec<_> = mqtt::packets(bytes).collect();
    let half: Vec<_> = mqtt::packets(&bytes[..bytes.len() / 2]).collect();
    assert!(whole.starts_with(&half) && whole.len() * 2 <= bytes.len());
    assert!(!mqtt::has_amqp_plain(bytes) || mqtt::opens_amqp(bytes));
    let _ = banner::Banner::of(bytes).map(|banner| banner.name());
    let _ = tunnel::Tunnel::of_stream(bytes).map(tunnel::Tunnel::name);
}

fn names(bytes: &[u8]) {
    let names = read(bytes, local_names::names(bytes)).unwrap_or_default();
    assert!(names.len() <= 64);
    for name in names {
        let _ = local_names::netbios(&name);
    }
    let _ = local_names::netbios(&String::from_utf8_lossy(bytes));
    let field = local_names::ssdp_field(bytes, "user-agent");
    assert!(field.is_none_or(|it| local_names::is_ssdp(bytes) && it.len() < bytes.len()));
}

fn certificate(bytes: &[u8]) {
    let Some(certificate) = x509::Certificate::read(bytes) else { return };
    assert!(certificate.dns_names().map(|name| name.len() + 2).sum::<usize>() <= bytes.len());
    assert!(!certificate.is_self_issued || certificate.subject == certificate.issuer);
    // Bytes behind a certificate are not its own.
    assert_eq!(x509::Certificate::read(&[bytes, b"more"].concat()), Some(certificate));
}

/// What was read, or none: then where it went wrong is a place in the bytes.
fn read<T>(bytes: &[u8], result: Result<T, Malformed>) -> Option<T> {
    result.map_err(|error| assert!(error.offset() <= bytes.len(), "{error}")).ok()
}
