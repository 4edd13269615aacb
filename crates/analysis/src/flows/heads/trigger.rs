//! What a client's first bytes ask for.

use wirewitness_wire::app::dns::Message;
use wirewitness_wire::app::http::RequestHead;
use wirewitness_wire::app::tls::{ClientHello, handshake_message};
use wirewitness_wire::read::be16;

use super::{CLIENT_LIMIT, Protocol};
use crate::tamper::finding::{Trigger, TriggerKind};

/// What was read of it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) protocol: Protocol,
    pub(super) trigger: Option<Trigger>,
    pub(super) encrypted_hello: bool,
    /// Where the hello or request ends in the stream, once it was read; or how much is kept of what is neither.
    pub(super) end: Option<usize>,
    /// Length of what was last looked at.
    looked: usize,
}

impl Asked {
    /// True if no more bytes can help.
    pub(super) fn is_read(&self) -> bool {
        self.end.is_some()
    }

    /// Reads again, if there is more than the last time. `is_all`: no more bytes will come.
    pub(super) fn read_more(&mut self, bytes: &[u8], is_all: bool, packet: impl Fn() -> u64) {
        if bytes.len() > self.looked {
            self.read(bytes, |_| packet());
        }
        if is_all && !self.is_read() {
            self.finish(bytes.len());
        }
    }

    /// Reads the first bytes of a client; `packet` says which one brought the first.
    pub(super) fn read(&mut self, bytes: &[u8], packet: impl Fn(()) -> u64) {
        self.looked = bytes.len();
        match bytes.first() {
            None => {}
            Some(22) => self.read_hello(bytes, packet),
            Some(b'A'..=b'Z') => self.read_request(bytes, packet),
            Some(_) => self.read_question(bytes, packet),
        }
    }

    fn finish(&mut self, end: usize) {
        if self.protocol == Protocol::Unread {
            self.protocol = Protocol::Other;
        }
        self.end = Some(end.min(CLIENT_LIMIT));
    }

    fn neither(&mut self) {
        self.protocol = Protocol::Other;
        self.end = Some(super::OTHER_LIMIT);
    }

    fn found(&mut self, kind: TriggerKind, value: &[u8], packet: u64) {
        let value = value.get(..value.len().min(MAX_VALUE)).unwrap_or_default();
        let mut value = String::from_utf8_lossy(value).into_owned();
        if kind == TriggerKind::Sni {
            value.make_ascii_lowercase();
        }
        self.trigger = Some(Trigger { kind, value, packet });
    }

    fn read_hello(&mut self, bytes: &[u8], packet: impl Fn(()) -> u64) {
        match handshake_message(bytes, CLIENT_LIMIT) {
            Ok(Some(message)) => {
                self.protocol = Protocol::Tls;
                if let Ok(hello) = ClientHello::parse(&message) {
                    self.encrypted_hello = hello.has_encrypted_hello();
                    if let Some(name) = hello.server_name().filter(|name| !name.is_empty()) {
                        self.found(TriggerKind::Sni, name, packet(()));
                    }
                }
                self.finish(records_len(bytes, message.len()));
            }
            Ok(None) => {
                if bytes.get(1).is_some_and(|major| *major == 3) {
                    self.protocol = Protocol::Tls;
                }
            }
            Err(_) => self.neither(),
        }
    }

    fn read_request(&mut self, bytes: &[u8], packet: impl Fn(()) -> u64) {
        match RequestHead::parse(bytes) {
            Ok(head) => {
                // A line without a version may be SMTP's or IRC's.
                if !head.version.is_empty() && !head.version.starts_with(b"HTTP/1.") {
                    return self.neither();
                }
                if !head.version.is_empty() {
                    self.protocol = Protocol::Http;
                }
                // The target is whole when its line is.
                if self.trigger.is_none()
                    && !head.version.is_empty()
                    && let Some((kind, value)) = asked_in(&head)
                {
                    self.found(kind, &value, packet(()));
                }
                if let Some(end) = head.end {
                    if head.version.is_empty() {
                        return self.neither();
                    }
                    if self.trigger.is_none() {
                        self.found(TriggerKind::Path, head.target, packet(()));
                    }
                    self.finish(end);
                } else if head.version.is_empty() && bytes.contains(&b'\n') {
                    self.neither();
                }
            }
            Err(error) if error.is_short() => {}
            Err(_) => self.neither(),
        }
    }

    fn read_question(&mut self, bytes: &[u8], packet: impl Fn(()) -> u64) {
        // Two bytes of length, then at least a header and a question.
        let (Some(len), Some(flags)) = (be16(bytes, 0), be16(bytes, 4)) else { return };
        if !(17..=MAX_QUESTION).contains(&len) || flags & 0xf800 != 0 {
            return self.neither();
        }
        let end = 2 + usize::from(len);
        if bytes.len() < end {
            // Only a question's counts look like this.
            if be16(bytes, 6).is_some_and(|count| count != 1) {
                self.neither();
            }
            return;
        }
        match bytes.get(2..end).and_then(Message::parse) {
            Some(message) if !message.response => {
                self.protocol = Protocol::Dns;
                self.found(TriggerKind::Qname, message.name.as_bytes(), packet(()));
                self.finish(end);
            }
            _ => self.neither(),
        }
    }
}

/// Who is asked in a request: by the target where that names one (RFC 9112 §3.2.2, §3.2.3), else by `Host`.
fn asked_in(head: &RequestHead<'_>) -> Option<(TriggerKind, Vec<u8>)> {
    let authority = if head.method == b"CONNECT" {
        Some(head.target)
    } else {
        let scheme = head.target.windows(3).take(8).position(|part| part == b"://");
        scheme.and_then(|at| head.target.get(at + 3..)?.split(|byte| *byte == b'/').next())
    };
    let host = match authority.filter(|authority| !authority.is_empty()) {
        Some(authority) => without_port(authority),
        None => head.host().filter(|host| !host.is_empty())?,
    };
    Some((TriggerKind::Host, host.to_ascii_lowercase()))
}

fn without_port(authority: &[u8]) -> &[u8] {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let port = colon.filter(|at| !authority.get(*at..).unwrap_or_default().contains(&b']'));
    authority.get(..port.unwrap_or(authority.len())).unwrap_or_default()
}

/// How many bytes of records hold a message of `message_len` bytes.
fn records_len(bytes: &[u8], message_len: usize) -> usize {
    let (mut at, mut left) = (0, message_len);
    while left > 0 {
        let Some(len) = be16(bytes, at + 3).map(usize::from).filter(|len| *len > 0) else { break };
        at += RECORD_HEAD + len.min(left);
        left = left.saturating_sub(len);
    }
    at.min(bytes.len())
}

const RECORD_HEAD: usize = 5;
/// Longer than any name.
const MAX_VALUE: usize = 512;
const MAX_QUESTION: u16 = 1024;
