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

/// Encrypted data of TLS, in one record.
pub(crate) fn sealed(noise: &[u8], len: u16) -> Vec<u8> {
    let mut out = vec![0x17, 3, 3];
    out.extend((len - 5).to_be_bytes());
    out.extend(&noise[..usize::from(len) - 5]);
    out
}

/// A plain request.
pub(crate) fn request(name: &str) -> Vec<u8> {
    format!("GET /page HTTP/1.1\r\nHost: {name}\r\nUser-Agent: example/1.0\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// A plain answer of so many bytes in all but the head.
pub(crate) fn response(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
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
