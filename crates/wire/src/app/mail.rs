//! SMTP (RFC 5321), IMAP (RFC 9051), POP3 (RFC 1939) and FTP (RFC 959): which protocol a server's greeting is of, and what
//! each line of a client says.

/// A protocol of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// SMTP.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop,
    /// FTP.
    Ftp,
}

impl Protocol {
    /// By the first line of the server, with the port where `220` is said by two of them.
    pub fn of_greeting(server: &[u8], port: u16) -> Option<Self> {
        match server {
            [b'*', b' ', b'O', b'K', ..] | [b'*', b' ', b'P', b'R', b'E', b'A', ..] => {
                Some(Self::Imap)
            }
            [b'+', b'O', b'K', ..] => Some(Self::Pop),
            [b'2', b'2', b'0', b' ' | b'-', ..] if matches!(port, 25 | 465 | 587 | 2525) => {
                Some(Self::Smtp)
            }
            [b'2', b'2', b'0', b' ' | b'-', ..] => {
                let line = first_line(server).to_ascii_lowercase();
                let says_mail = line.windows(4).any(|part| part == b"smtp");
                Some(if says_mail { Self::Smtp } else { Self::Ftp })
            }
            _ => None,
        }
    }

    /// By the client alone, where only it was captured and the port is the protocol's.
    pub fn of_port(port: u16) -> Option<Self> {
        match port {
            25 | 587 | 2525 => Some(Self::Smtp),
            143 => Some(Self::Imap),
            110 => Some(Self::Pop),
            21 => Some(Self::Ftp),
            _ => None,
        }
    }

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "SMTP",
            Self::Imap => "IMAP",
            Self::Pop => "POP3",
            Self::Ftp => "FTP",
        }
    }
}

/// What a line of a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// Who logs in, in the clear.
    User(&'a [u8]),
    /// A password, or a mechanism that carries one, in the clear. Its value is not given.
    Password,
    /// TLS is asked for: what follows is encrypted if the server agrees.
    StartTls,
    /// Sender or recipient of a message.
    Address(&'a [u8]),
    /// A message or file is sent or fetched.
    Content,
    /// Another command.
    Other,
}

/// The lines of a client, up to a line that asks for TLS (with it) or that has not ended.
pub fn said(protocol: Protocol, client: &[u8]) -> impl Iterator<Item = Said<'_>> {
    let mut rest = client;
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, next) = rest.split_at_checked(end + 1)?;
        rest = next;
        let said = line_says(protocol, line.trim_ascii());
        over = said == Said::StartTls;
        Some(said)
    })
}

/// True if these are the beginnings of a stream in the clear: letters and no control bytes but the ends of lines.
pub fn is_text(stream: &[u8]) -> bool {
    let head = stream.get(..stream.len().min(64)).unwrap_or(stream);
    !head.is_empty()
        && head.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b'\t' | 0x20..=0x7e | 0x80..))
}

fn line_says(protocol: Protocol, line: &[u8]) -> Said<'_> {
    let line = match protocol {
        // After the tag.
        Protocol::Imap => after_word(line),
        _ => line,
    };
    let (verb, rest) = word(line);
    let verb = verb.get(..verb.len().min(16)).unwrap_or(verb).to_ascii_uppercase();
    match (protocol, verb.as_slice()) {
        (_, b"STARTTLS" | b"STLS") => Said::StartTls,
        (Protocol::Ftp, b"AUTH") => Said::StartTls,
        (Protocol::Pop | Protocol::Ftp, b"USER") => Said::User(rest.trim_ascii()),
        (Protocol::Pop | Protocol::Ftp, b"PASS") => Said::Password,
        (Protocol::Smtp | Protocol::Pop, b"AUTH") | (Protocol::Imap, b"AUTHENTICATE") => {
            mechanism(rest)
        }
        (Protocol::Imap, b"LOGIN") => Said::User(word(rest).0),
        (Protocol::Smtp, b"MAIL" | b"RCPT") => match bracketed(rest) {
            Some(address) => Said::Address(address),
            None => Said::Other,
        },
        (Protocol::Smtp, b"DATA" | b"BDAT")
        | (Protocol::Imap, b"FETCH" | b"APPEND" | b"UID")
        | (Protocol::Pop, b"RETR" | b"TOP")
        | (Protocol::Ftp, b"RETR" | b"STOR" | b"LIST" | b"MLSD") => Said::Content,
        _ => Said::Other,
    }
}

/// PLAIN and LOGIN carry the password as it is; others do not.
fn mechanism(rest: &[u8]) -> Said<'_> {
    match word(rest.trim_ascii()).0.to_ascii_uppercase().as_slice() {
        b"PLAIN" | b"LOGIN" | b"XOAUTH2" | b"OAUTHBEARER" => Said::Password,
        _ => Said::Other,
    }
}

fn bracketed(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().position(|byte| *byte == b'<')?;
    let rest = text.get(start + 1..)?;
    let end = rest.iter().position(|byte| *byte == b'>')?;
    rest.get(..end).filter(|address| !address.is_empty())
}

fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    (word, rest.get(1..).unwrap_or_default())
}

fn after_word(line: &[u8]) -> &[u8] {
    word(line).1
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// True if a stream begins as Telnet (RFC 854): a command that negotiates an option (IAC, then WILL, WONT, DO or DONT).
pub fn is_telnet(stream: &[u8]) -> bool {
    matches!(stream, [0xff, 0xfb..=0xfe, _, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_say() {
        use Protocol::{Ftp, Imap, Pop, Smtp};
        for (protocol, text, said_last) in [
            (Smtp, &b"EHLO x\r\nAUTH PLAIN AGE=\r\n"[..], Said::Password),
            (Smtp, b"AUTH CRAM-MD5\r\n", Said::Other),
            (Smtp, b"MAIL FROM:<a@example.net> SIZE=1\r\n", Said::Address(b"a@example.net")),
            (Smtp, b"MAIL FROM:<>\r\n", Said::Other),
            (Smtp, b"data\r\n", Said::Content),
            (Smtp, b"EHLO x\r\nSTARTTLS\r\n\x16\x03\x01\n", Said::StartTls),
            (Imap, b"a1 LOGIN alice secret\r\n", Said::User(b"alice")),
            (Imap, b"a2 UID FETCH 1 BODY[]\r\n", Said::Content),
            (Imap, b"a3 starttls\r\n", Said::StartTls),
            (Pop, b"USER alice\r\nPASS secret\r\n", Said::Password),
            (Pop, b"RETR 1\r\n", Said::Content),
            (Ftp, b"USER bob\r\n", Said::User(b"bob")),
            (Ftp, b"AUTH TLS\r\n", Said::StartTls),
        ] {
            assert_eq!(said(protocol, text).last(), Some(said_last), "{}", text.escape_ascii());
            for len in 0..text.len() {
                let _ = said(protocol, &text[..len]).count();
            }
        }
        assert_eq!(said(Smtp, b"AUTH PLAIN not ended").count(), 0);
    }

    #[test]
    fn greetings() {
        for (text, port, protocol) in [
            (&b"220 mx.example ESMTP\r\n"[..], 26, Some(Protocol::Smtp)),
            (b"220 ready\r\n", 25, Some(Protocol::Smtp)),
            (b"220-ready\r\n", 21, Some(Protocol::Ftp)),
            (b"* OK ready\r\n", 143, Some(Protocol::Imap)),
            (b"+OK\r\n", 110, Some(Protocol::Pop)),
            (b"HTTP/1.1 200 OK\r\n", 80, None),
            (b"", 25, None),
        ] {
            assert_eq!(Protocol::of_greeting(text, port), protocol);
        }
        assert!(is_text(b"EHLO x\r\n") && !is_text(b"\x16\x03\x01") && !is_text(b""));
        assert!(is_telnet(&[0xff, 0xfd, 1]) && !is_telnet(&[0xff, 0xfd]) && !is_telnet(b"login"));
    }
}
