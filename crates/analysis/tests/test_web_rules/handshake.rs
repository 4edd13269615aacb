//! TLS handshakes.

use wirewitness_model::verdict::{Confidence, Locus, Mechanism};

use super::{Row, blocked, case, down, ok_though, proven, unknown};
use crate::certificates::SELF_SIGNED;
use crate::world::{SITE, SITE_TOO, World};

pub(super) fn rows() -> Vec<Row> {
    vec![reset(), timeout(), close(), certificate(), down_for_all()]
}

fn reset() -> Row {
    Row {
        rule: "web.tls.reset",
        cases: [
            case(
                "reset on the ClientHello, where the control shakes hands",
                World::https("news.example").handshake(SITE, "connection_reset"),
                blocked("web.tls.reset", Mechanism::TlsResetSni, Locus::Path, Confidence::High),
            ),
            case(
                "one of two servers resets, the other delivers",
                World::https("news.example")
                    .at(&[SITE, SITE_TOO])
                    .handshake(SITE, "connection_reset"),
                ok_though("web.ok.proven", Mechanism::TlsResetSni, Locus::Path, Confidence::High),
            ),
            case(
                "the server resets everybody",
                World::https("news.example")
                    .handshake(SITE, "connection_reset")
                    .control_handshake(SITE, "connection_reset"),
                down("web.tls.down", Mechanism::ServerDown, Confidence::High),
            ),
        ],
    }
}

fn timeout() -> Row {
    Row {
        rule: "web.tls.timeout",
        cases: [
            case(
                "silence after the ClientHello, where the control shakes hands",
                World::https("news.example").handshake(SITE, "generic_timeout_error"),
                blocked("web.tls.timeout", Mechanism::TlsTimeout, Locus::Path, Confidence::High),
            ),
            case(
                "silence already at the connect",
                World::https("news.example").connect(SITE, 443, "generic_timeout_error"),
                blocked(
                    "web.tcp.timeout",
                    Mechanism::TcpTimeout,
                    Locus::Unknown,
                    Confidence::Medium,
                ),
            ),
            case(
                "the server opens connections and says nothing, to the control neither",
                World::https("news.example")
                    .handshake(SITE, "generic_timeout_error")
                    .control_handshake(SITE, "generic_timeout_error"),
                down("web.tls.down", Mechanism::ServerDown, Confidence::High),
            ),
        ],
    }
}

fn close() -> Row {
    Row {
        rule: "web.tls.close",
        cases: [
            case(
                "closed on the ClientHello, where the control shakes hands",
                World::https("news.example").handshake(SITE, "eof_error"),
                blocked("web.tls.close", Mechanism::TlsClose, Locus::Path, Confidence::High),
            ),
            case(
                "closed after the handshake, on the request",
                World::https("news.example").request_fails("eof_error"),
                blocked("web.http.close", Mechanism::HttpClose, Locus::Path, Confidence::Medium),
            ),
            case(
                "the server closes on everybody",
                World::https("news.example")
                    .handshake(SITE, "eof_error")
                    .control_handshake(SITE, "eof_error"),
                down("web.tls.down", Mechanism::ServerDown, Confidence::High),
            ),
        ],
    }
}

fn certificate() -> Row {
    let shown =
        World::https("news.example").certificate(SITE, "ssl_unknown_authority", SELF_SIGNED);
    Row {
        rule: "web.tls.certificate",
        cases: [
            case(
                "a certificate that signs itself, where the control gets the right one",
                shown.clone(),
                blocked(
                    "web.tls.certificate",
                    Mechanism::TlsMitmSelfSigned,
                    Locus::Path,
                    Confidence::High,
                ),
            ),
            case(
                "the same, and no control: it may be a login page's",
                shown.clone().no_control("ssl_unknown_authority"),
                unknown("web.connect.no_control"),
            ),
            case(
                "the site's own certificate is not signed by anybody, for the control neither",
                shown.control_handshake(SITE, "ssl_unknown_authority"),
                down("web.tls.down", Mechanism::ServerBadCertificate, Confidence::High),
            ),
        ],
    }
}

fn down_for_all() -> Row {
    Row {
        rule: "web.tls.down",
        cases: [
            case(
                "the server cannot agree on TLS with anybody",
                World::https("news.example")
                    .handshake(SITE, "ssl_failed_handshake")
                    .control_handshake(SITE, "ssl_failed_handshake"),
                down("web.tls.down", Mechanism::ServerDown, Confidence::High),
            ),
            case(
                "the control's handshake fails, the probe's does not",
                World::https("news.example").control_handshake(SITE, "ssl_failed_handshake"),
                proven(),
            ),
            case(
                "the line was lost after the connect, before the control",
                World::https("news.example")
                    .handshake(SITE, "generic_timeout_error")
                    .no_control("generic_timeout_error"),
                unknown("web.connect.no_control"),
            ),
        ],
    }
}
