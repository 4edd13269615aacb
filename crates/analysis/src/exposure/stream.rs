//! What the beginnings of a TCP connection tell, once it has ended or is full.

use wirewitness_wire::app::banner::Banner;
use wirewitness_wire::app::mail::{self, Protocol, Said};
use wirewitness_wire::app::mqtt;
use wirewitness_wire::app::tls::{ClientHello, handshake_message};
use wirewitness_wire::app::tunnel::Tunnel;
use wirewitness_wire::app::{dns, sip};

use super::channel::Reading;
use super::ledger::{How, Value};
use super::scribe::{Scribe, text};
use super::{calls, greeting, web};

/// Both ways of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream<'a> {
    pub(super) client: &'a [u8],
    pub(super) server: &'a [u8],
    pub(super) port: u16,
}

/// What a connection came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Came {
    /// A name is readable in it.
    pub(super) named: bool,
    /// Its content is in the clear.
    pub(super) clear: bool,
    /// It was told what it is, so that its address need not be.
    pub(super) known: bool,
    /// It is a tunnel.
    pub(super) tunnel: Option<Tunnel>,
}

/// Reads a connection.
pub(super) fn read(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> Came {
    if let Some(came) = tls(scribe, stream) {
        return came;
    }
    let clear = Came { clear: true, known: true, ..Came::default() };
    if let Some(named) = web::requests(scribe, stream.client) {
        return Came { named, ..clear };
    }
    if let Some(tunnel) = Tunnel::of_stream(stream.client) {
        return Came { tunnel: Some(tunnel), known: true, ..Came::default() };
    }
    if remote(scribe, stream) {
        return Came { known: true, ..Came::default() };
    }
    let any = lines(scribe, stream)
        || things(scribe, stream)
        || plain_dns(scribe, stream)
        || call(scribe, stream);
    if any {
        return clear;
    }
    if stream.client.is_empty() { Came::default() } else { by_port(scribe, stream.port) }
}

fn tls(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> Option<Came> {
    if !matches!(stream.client, [22, 3, 0..=4, ..]) {
        return None;
    }
    let (mut named, mut tor) = (false, false);
    let message = handshake_message(stream.client, stream.client.len().max(1) + 1).ok().flatten();
    if let Some(hello) = message.as_deref().and_then(|it| ClientHello::parse(it).ok()) {
        named = greeting::hello(scribe, &hello, How::Tls);
        if stream.port == 853 || greeting::offers_dns(&hello) {
            scribe.ledger.sums.dns_encrypted += 1;
            scribe.read(Reading::EncryptedDns, Value::Word("DNS over TLS"));
        } else if let Some(name) = hello.server_name()
            && is_resolver(scribe, name)
        {
            scribe.ledger.sums.dns_encrypted += 1;
        }
        tor = made_up(&hello);
    }
    let certificate = greeting::server(scribe, stream.server);
    // Its certificates have no alternative names.
    if tor && (matches!(stream.port, 9001 | 9030 | 9040 | 9050) || certificate == Some(false)) {
        scribe.read(Reading::Tor, Value::None);
    }
    named |= certificate == Some(true);
    if !named {
        by_port(scribe, stream.port);
    }
    Some(Came { named, known: named, ..Came::default() })
}

fn is_resolver(scribe: &Scribe<'_>, name: &[u8]) -> bool {
    let service = str::from_utf8(name)
        .ok()
        .and_then(|it| scribe.pen.tables.service(&it.to_ascii_lowercase()));
    service.is_some_and(|it| it.kind == super::tables::Kind::Resolver)
}

/// A name `www.<8 to 20 letters of base 32>.com` or `.net`, as Tor's program makes them up.
fn made_up(hello: &ClientHello<'_>) -> bool {
    let Some(name) = hello.server_name().and_then(|it| it.strip_prefix(b"www.")) else {
        return false;
    };
    let middle = name.strip_suffix(b".com").or_else(|| name.strip_suffix(b".net"));
    middle.is_some_and(|it| {
        (8..=20).contains(&it.len())
            && it.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
    })
}

fn remote(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> bool {
    let Some(banner) = Banner::of(stream.client).or_else(|| Banner::of(stream.server)) else {
        return false;
    };
    let words = match banner {
        Banner::Ssh(software) => format!("SSH ({})", text(software)),
        Banner::Smb { version_1: true } => "SMB 1, which encrypts nothing".to_owned(),
        Banner::Vnc(version) => format!("VNC {}", text(version)),
        other => other.name().to_owned(),
    };
    scribe.read(Reading::Remote, Value::Word(&words));
    if let Banner::Rdp(Some(user)) = banner {
        scribe.read(Reading::RemoteUser, Value::Own(&text(user)));
    }
    true
}

/// Mail, FTP and Telnet.
fn lines(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> bool {
    if mail::is_telnet(stream.client) || mail::is_telnet(stream.server) {
        scribe.read(Reading::MailContent, Value::Word("Telnet"));
        return true;
    }
    let by_port = || Protocol::of_port(stream.port).filter(|_| mail::is_text(stream.client));
    let Some(protocol) = Protocol::of_greeting(stream.server, stream.port).or_else(by_port) else {
        return false;
    };
    let name = Value::Word(protocol.name());
    let mut content = false;
    for said in mail::said(protocol, stream.client).take(500) {
        match said {
            Said::User(user) => {
                scribe.read(Reading::LoginUser, Value::Own(&text(user)));
                if protocol == Protocol::Imap {
                    // IMAP's LOGIN has the password on the same line.
                    scribe.read(Reading::LoginSecret, name);
                }
            }
            Said::Password => scribe.read(Reading::LoginSecret, name),
            Said::StartTls => scribe.read(Reading::MailUpgrade, name),
            Said::Address(address) => {
                scribe.read(Reading::MailAddress, Value::Correspondent(&text(address)))
            }
            Said::Content => content = true,
            Said::Other => {}
        }
    }
    if content {
        scribe.read(Reading::MailContent, name);
    }
    true
}

fn things(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> bool {
    let mut any = false;
    for packet in mqtt::packets(stream.client).take(200) {
        match packet {
            mqtt::Packet::Connect(connect) => {
                any = true;
                scribe.read(Reading::ThingClient, Value::Own(&text(connect.client)));
                if let Some(user) = connect.user {
                    scribe.read(Reading::ThingClient, Value::Own(&text(user)));
                }
                if connect.has_password {
                    scribe.read(Reading::ThingSecret, Value::Word("MQTT"));
                }
            }
            mqtt::Packet::Topic(topic) if any => {
                scribe.read(Reading::ThingTopic, Value::Own(&text(topic)))
            }
            _ if !any => return false,
            _ => {}
        }
    }
    if mqtt::opens_amqp(stream.client) {
        any = true;
        scribe.read(Reading::ThingClient, Value::Word("AMQP"));
        if mqtt::has_amqp_plain(stream.client) {
            scribe.read(Reading::ThingSecret, Value::Word("AMQP"));
        }
    }
    any
}

/// DNS over TCP: each message follows its length.
fn plain_dns(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> bool {
    let Some(message) = stream.client.get(2..).filter(|_| stream.port == 53) else { return false };
    let Ok(message) = dns::Message::read(message) else { return false };
    scribe.ledger.sums.dns_plain += 1;
    scribe.read(Reading::DnsName, Value::Own(&message.name));
    scribe.name(message.name.as_bytes(), How::Dns);
    true
}

fn call(scribe: &mut Scribe<'_>, stream: &Stream<'_>) -> bool {
    let Ok(message) = sip::Message::parse(stream.client) else { return false };
    calls::sip(scribe, &message);
    true
}

/// What only the port tells.
fn by_port(scribe: &mut Scribe<'_>, port: u16) -> Came {
    let word = match port {
        5228..=5230 => "Google push (FCM), by its port",
        5223 => "Apple push (APNs), by its port",
        5222 => {
            scribe.read(Reading::Messenger, Value::Word("XMPP, by its port"));
            return Came::default();
        }
        _ => return Came::default(),
    };
    scribe.read(Reading::Push, Value::Word(word));
    Came::default()
}
