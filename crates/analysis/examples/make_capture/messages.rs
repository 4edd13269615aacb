//! The messages that the conversations begin with: TLS hellos, HTTP, DNS, QUIC Initials.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use aws_lc_rs::hkdf;

/// A `ClientHello` in a record (RFC 8446 §4.1.2), with a name, padded as browsers do.
pub(crate) fn client_hello(name: &str, random: [u8; 32]) -> Vec<u8> {
    let hello = hello(name, random, 512);
    let mut out = vec![0x16, 3, 1];
    out.extend((hello.len() as u16).to_be_bytes());
    out.extend(hello);
    out
}

fn hello(name: &str, random: [u8; 32], least: usize) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut server_name = ((name.len() + 3) as u16).to_be_bytes().to_vec();
    server_name.push(0);
    server_name.extend((name.len() as u16).to_be_bytes());
    server_name.extend(name.as_bytes());
    extension(&mut extensions, 0, &server_name);
    extension(&mut extensions, 43, &[2, 3, 4]);
    extension(&mut extensions, 10, &[0, 4, 0, 0x1d, 0, 0x17]);
    extension(&mut extensions, 13, &[0, 4, 4, 3, 8, 4]);
    extension(&mut extensions, 16, &[0, 3, 2, b'h', b'2']);
    let fixed = 4 + 2 + 32 + 1 + 32 + 2 + 6 + 2 + 2;
    let pad = least.saturating_sub(fixed + extensions.len() + 4);
    extension(&mut extensions, 21, &vec![0; pad]);
    let mut body = vec![3, 3];
    body.extend(random);
    body.push(32);
    body.extend(random);
    body.extend([0, 6, 0x13, 1, 0x13, 2, 0xc0, 0x2f, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut out = vec![1];
    out.extend(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend(body);
    out
}

fn extension(out: &mut Vec<u8>, kind: u16, bytes: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend(bytes);
}

/// A `ServerHello` of TLS 1.3 and the beginning of what is encrypted.
pub(crate) fn server_hello(random: [u8; 32], noise: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random);
    body.push(32);
    body.extend(random);
    body.extend([0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
    let mut out = vec![0x16, 3, 3];
    out.extend((body.len() as u16 + 4).to_be_bytes());
    out.push(2);
    out.extend(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend(body);
    out.extend([0x17, 3, 3, 4, 0]);
    out.extend(&noise[..1024]);
    out
}

/// The server's first flight of TLS 1.2 (RFC 5246 §7.3): hello, a certificate for the name, key exchange, done.
pub(crate) fn server_flight_1_2(name: &str, random: [u8; 32], noise: &[u8]) -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend(random);
    hello.extend([0, 0xc0, 0x2f, 0, 0, 0]);
    let leaf = certificate(name, noise);
    let chain = long(&[long(&leaf), long(&certificate("Example Authority", noise))].concat());
    let mut exchange = vec![3, 0, 0x1d, 32];
    exchange.extend(&noise[..32]);
    exchange.extend([4, 1, 1, 0]);
    exchange.extend(&noise[..256]);
    let mut out = Vec::new();
    for (kind, body) in [(2, hello), (11, chain), (12, exchange), (14, Vec::new())] {
        let message = [&[kind][..], &long(&body)].concat();
        out.extend([0x16, 3, 3]);
        out.extend((message.len() as u16).to_be_bytes());
        out.extend(message);
    }
    out
}

/// With its length before it, in three bytes.
fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat()
}

/// A certificate as far as those who look at it look: names, times, a key and a signature that are noise (RFC 5280 §4.1).
fn certificate(name: &str, noise: &[u8]) -> Vec<u8> {
    let rsa = der(0x30, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0]]);
    let called = |name: &str| {
        let value = [&der(6, &[&[0x55, 4, 3]])[..], &der(12, &[name.as_bytes()])].concat();
        der(0x30, &[&der(0x31, &[&der(0x30, &[&value])])])
    };
    let times = [der(23, &[b"230101000000Z"]), der(23, &[b"331231235959Z"])].concat();
    let key = der(0x30, &[&rsa, &der(3, &[&[0], &noise[..270]])]);
    let names = der(0x30, &[&der(0x82, &[name.as_bytes()])]);
    let alternatives = der(0x30, &[&der(6, &[&[0x55, 0x1d, 17]]), &der(4, &[&names])]);
    let content = der(
        0x30,
        &[
            &[0xa0, 3, 2, 1, 2],
            &der(2, &[&[1], &noise[..8]]),
            &rsa,
            &called("Example Authority"),
            &der(0x30, &[&times]),
            &called(name),
            &key,
            &der(0xa3, &[&der(0x30, &[&alternatives])]),
        ],
    );
    der(0x30, &[&content, &rsa, &der(3, &[&[0], &noise[..256]])])
}

/// An element of DER (X.690 §8.1).
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = (body.len() as u16).to_be_bytes();
    let head = match body.len() {
        0..128 => vec![tag, len[1]],
        128..256 => vec![tag, 0x81, len[1]],
        _ => vec![tag, 0x82, len[0], len[1]],
    };
    [head, body].concat()
}

/// A message of STUN without attributes (RFC 8489 §5).
pub(crate) fn stun(kind: u16, random: &[u8; 32]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &[0, 0, 0x21, 0x12, 0xa4, 0x42], &random[..12]].concat()
}

/// Twenty milliseconds of sound (RFC 3551, type 0).
pub(crate) fn rtp(number: u16, source: u8, noise: &[u8]) -> Vec<u8> {
    let time = (u32::from(number) * 160).to_be_bytes();
    let head = [&[0x80, 0][..], &number.to_be_bytes(), &time, &[0, 0, 0, source]].concat();
    [&head[..], &noise[usize::from(number)..][..160]].concat()
}

/// A plain request.
pub(crate) fn request(name: &str) -> Vec<u8> {
    format!("GET /page HTTP/1.1\r\nHost: {name}\r\nUser-Agent: example/1.0\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// A plain answer.
pub(crate) fn response(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A DNS question for an address of version 4, and its answer where there is an address.
pub(crate) fn dns(id: u16, name: &str, answer: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend(if answer.is_some() { [0x81, 0x80] } else { [1, 0] });
    out.extend([0, 1, 0, u8::from(answer.is_some()), 0, 0, 0, 0]);
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.extend([0, 0, 1, 0, 1]);
    if let Some(address) = answer {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4]);
        out.extend(address);
    }
    out
}

/// A client's Initial packet of QUIC version 1 (RFC 9001 §5), 1200 bytes, with a hello in one CRYPTO frame.
pub(crate) fn quic_initial(name: &str, random: [u8; 32]) -> Vec<u8> {
    let id = &random[..8];
    let hello = hello(name, random, 300);
    let mut header = vec![0xc3, 0, 0, 0, 1, 8];
    header.extend(id);
    header.extend([0, 0]);
    let rest = 1200 - header.len() - 2;
    header.extend((0x4000 | rest as u16).to_be_bytes());
    header.extend([0, 0, 0, 0]);
    let mut payload = vec![6, 0];
    payload.extend((0x4000 | hello.len() as u16).to_be_bytes());
    payload.extend(hello);
    payload.resize(rest - 4 - 16, 0);
    protect(id, &header, payload)
}

fn protect(id: &[u8], header: &[u8], mut payload: Vec<u8>) -> Vec<u8> {
    let salt = [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];
    let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(id);
    let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &expand(&initial, "client in", 32));
    let key = UnboundKey::new(&AES_128_GCM, &expand(&secret, "quic key", 16)).unwrap();
    // Packet number 0: the nonce is the vector itself.
    let nonce = Nonce::try_assume_unique_for_key(&expand(&secret, "quic iv", 12)).unwrap();
    LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::from(header), &mut payload).unwrap();
    let mut packet = [header, &payload].concat();
    let number = header.len() - 4;
    let mask = quic::HeaderProtectionKey::new(&quic::AES_128, &expand(&secret, "quic hp", 16))
        .unwrap()
        .new_mask(&packet[number + 4..number + 20])
        .unwrap();
    packet[0] ^= mask[0] & 0x0f;
    for n in 0..4 {
        packet[number + n] ^= mask[1 + n];
    }
    packet
}

fn expand(secret: &hkdf::Prk, label: &str, len: usize) -> Vec<u8> {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let head = (len as u16).to_be_bytes();
    let label_len = [6 + label.len() as u8];
    let info = [&head[..], &label_len, b"tls13 ", label.as_bytes(), &[0]];
    let mut out = vec![0; len];
    secret.expand(&info, Len(len)).unwrap().fill(&mut out).unwrap();
    out
}
