//! Real greetings of TLS and QUIC, from rustls: hellos, certificates, Initial packets.

use std::sync::Arc;

use rustls::client::{EchGreaseConfig, EchMode};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, quic};

/// What a client and a server say to each other in a handshake, in turn.
pub(crate) fn handshake(
    name: &str,
    version: &'static rustls::SupportedProtocolVersion,
) -> Vec<Vec<u8>> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut said = Vec::new();
    for _ in 0..3 {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        said.push(bytes);
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets().unwrap();
        said.push(bytes);
    }
    said
}

fn plain_config(alpn: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
    config
}

/// A hello of TLS 1.3 alone.
pub(crate) fn hello(name: &str, alpn: &[&[u8]]) -> Vec<u8> {
    first_words(plain_config(alpn), name)
}

/// A hello with the extension of an encrypted one: GREASE, which looks the same.
pub(crate) fn hello_with_ech(name: &str) -> Vec<u8> {
    let suite = aws_lc_rs::hpke::ALL_SUPPORTED_SUITES[0];
    let (public, _) = suite.generate_key_pair().unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_ech(EchMode::Grease(EchGreaseConfig::new(suite, public)))
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    first_words(config, name)
}

fn first_words(config: ClientConfig, name: &str) -> Vec<u8> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// A client's first datagram of QUIC version 1, encrypted as RFC 9001 §5 says.
pub(crate) fn quic_initial(name: &str) -> Vec<u8> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let config = Arc::new(plain_config(&[b"h3"]));
    let mut client =
        quic::ClientConnection::new(config, quic::Version::V1, name, vec![1, 2, 0x40, 0x64])
            .unwrap();
    let mut hello = Vec::new();
    client.write_hs(&mut hello);
    let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().unwrap();
    let id = [7_u8; 8];
    let keys = suite.quic_suite().unwrap().keys(&id, rustls::Side::Client, quic::Version::V1);
    let mut payload = vec![6, 0, 0x40 | (hello.len() >> 8) as u8, hello.len() as u8];
    payload.extend(&hello);
    payload.resize(1162, 0);
    // Initial, four bytes of packet number; ids; no token; length.
    let mut packet = vec![0xc3, 0, 0, 0, 1, 8];
    packet.extend(id);
    packet.extend([0, 0]);
    packet.extend((0x4000_u16 | (4 + 1162 + 16)).to_be_bytes());
    let number_at = packet.len();
    packet.extend([0, 0, 0, 0]);
    let tag = keys.local.packet.encrypt_in_place(0, &packet, &mut payload).unwrap();
    packet.extend(&payload);
    packet.extend(tag.as_ref());
    let sample: Vec<u8> = packet[number_at + 4..number_at + 20].to_vec();
    let (head, rest) = packet.split_at_mut(number_at);
    keys.local.header.encrypt_in_place(&sample, &mut head[0], &mut rest[..4]).unwrap();
    packet
}
