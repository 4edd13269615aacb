//! Certificates that go in the clear (TLS up to 1.2) and are for other names than the one asked for.

use wirewitness_wire::app::tls_server::{Item, certificates, kind, messages};
use wirewitness_wire::app::x509::Certificate;

use crate::flows::heads::Heads;
use crate::tamper::finding::{End, Evidence, TriggerKind};

/// Says that the server's certificate is for other names. It may be the server's own mistake, or its default one.
pub(super) fn of_another(heads: &Heads) -> Option<Evidence> {
    let asked = heads.trigger().filter(|trigger| trigger.kind == TriggerKind::Sni)?;
    for item in messages(heads.bytes(End::Server)) {
        let Ok(Item::Message { kind: kind::CERTIFICATE, bytes }) = item else { continue };
        let leaf = certificates(&bytes).flatten().next()?;
        let leaf = Certificate::read(leaf)?;
        let names: Vec<&[u8]> = leaf.dns_names().chain(leaf.subject).take(MAX_NAMES).collect();
        if names.is_empty() || names.iter().any(|name| is_for(name, asked.value.as_bytes())) {
            return None;
        }
        let first = names.first().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
        let issuer = leaf.issuer.map(String::from_utf8_lossy).unwrap_or_default();
        let says = format!(
            "{} was asked for, and the certificate is for {first:?} and others, by {issuer:?}",
            asked.value
        );
        let packet = heads.pieces(End::Server).first().map_or(0, |piece| piece.packet);
        return Some(Evidence { kind: "certificate_of_another", says, packets: vec![packet] });
    }
    None
}

/// Whether a name of a certificate is for a host (RFC 9525 §6.3): a star stands for one label, the first.
fn is_for(name: &[u8], host: &[u8]) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(parent) = name.strip_prefix(b"*") else { return false };
    let dot = host.iter().position(|byte| *byte == b'.');
    dot.and_then(|dot| host.get(dot..)).is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
}

const MAX_NAMES: usize = 512;

#[cfg(test)]
mod tests {
    use super::is_for;

    #[test]
    fn names_and_stars() {
        for (name, host, expected) in [
            ("a.example", "A.example", true),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", false),
            ("*.example", "example", false),
            ("b.example", "a.example", false),
            ("*", "a", false),
        ] {
            assert_eq!(is_for(name.as_bytes(), host.as_bytes()), expected, "{name} {host}");
        }
    }
}
