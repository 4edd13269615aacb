//! TLS and QUIC handshakes (df-006-tlshandshake).

use super::record::record;
use crate::lenient::{Failure, Flag, Int, List, MaybeBinary, Real, Text};

record! {
    /// I am one TLS or QUIC handshake.
    pub struct Handshake {
        /// `tcp` or `udp`.
        network: Text<'a> = "network",
        /// `address:port`, IPv6 in brackets.
        address: Text<'a> = "address",
        /// Cipher suite agreed on.
        cipher_suite: Text<'a> = "cipher_suite",
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// Application protocol agreed on.
        negotiated_protocol: Text<'a> = "negotiated_protocol",
        /// True where the certificate was not checked.
        no_tls_verify: Flag = "no_tls_verify",
        /// The chain that the peer sent, leaf first, DER.
        peer_certificates: List<MaybeBinary<'a>> = "peer_certificates",
        /// The name sent in the clear (SNI).
        server_name: Text<'a> = "server_name",
        /// The outer name, with Encrypted Client Hello.
        outer_server_name: Text<'a> = "outer_server_name",
        /// The ECH configuration: base64, or `GREASE`.
        echconfig: Text<'a> = "echconfig",
        /// Version agreed on.
        tls_version: Text<'a> = "tls_version",
        /// Start, seconds since the measurement began.
        t0: Real = "t0",
        /// End, seconds since the measurement began.
        t: Real = "t",
        /// `classic`, `depth=N`, `fetch_body=BOOL`, ..
        tags: List<Text<'a>> = "tags",
        /// Which operations belong to this connection.
        transaction_id: Int = "transaction_id",
    }
}
