//! The consent of a far end: a token that its operator hands out, for one address and one set of ports.
//!
//! A token is no password that is sent along. Both sides prove that they know its secret over fresh numbers (HMAC with SHA-256,
//! RFC 2104), so that whoever listens cannot use it, and whoever did not issue it cannot pretend to consent.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use wirewitness_model::hex::hex;

/// Consent to be tested: where, and the secret that proves it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentToken {
    /// The address that may be contacted.
    pub address: IpAddr,
    /// The port of the far end's own server, where it is asked.
    pub control: u16,
    /// TCP ports of it that take probes.
    pub tcp: Vec<u16>,
    /// UDP ports of it that take probes.
    pub udp: Vec<u16>,
    /// 32 bytes, in hexadecimal.
    secret: String,
}

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin as one.
    #[error(
        "no consent token: one begins with {PREFIX:?}, and `wirewitness helper --battery` prints it"
    )]
    Prefix,
    /// Cut, or changed.
    #[error("a consent token that is damaged: was it copied whole?")]
    Damaged,
    /// More ports than a far end has.
    #[error("a consent token for {have} ports; at most {MOST_PORTS} of a kind are used")]
    Ports {
        /// How many it names.
        have: usize,
    },
}

/// Which side proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who measures.
    Client,
    /// The far end.
    FarEnd,
}

impl ConsentToken {
    /// A token for the address of `server`, for its port as that of the far end's own server, and for these ports of it.
    pub fn issue(server: SocketAddr, tcp: Vec<u16>, udp: Vec<u16>, secret: [u8; 32]) -> Self {
        let (address, control) = (server.ip(), server.port());
        Self { address, control, tcp, udp, secret: hex(&secret) }
    }

    /// A token with a secret that nobody knows yet; none where the system has no randomness.
    pub fn fresh(server: SocketAddr, tcp: Vec<u16>, udp: Vec<u16>) -> Option<Self> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).ok()?;
        Some(Self::issue(server, tcp, udp, secret))
    }

    /// The text that is handed out.
    pub fn text(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads what was handed out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let coded = text.trim().strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        if coded.len() > LONGEST {
            return Err(TokenError::Damaged);
        }
        let json = URL_SAFE_NO_PAD.decode(coded).map_err(|_| TokenError::Damaged)?;
        let token: Self = serde_json::from_slice(&json).map_err(|_| TokenError::Damaged)?;
        let have = token.tcp.len().max(token.udp.len());
        if have > MOST_PORTS {
            return Err(TokenError::Ports { have });
        }
        let whole =
            token.secret.len() == 64 && token.secret.bytes().all(|it| it.is_ascii_hexdigit());
        if whole { Ok(token) } else { Err(TokenError::Damaged) }
    }

    /// What `side` says over these fresh words to show that it knows the secret.
    pub fn proof(&self, side: Side, words: &[&str]) -> String {
        hex(hmac::sign(&self.key(), &said(side, words)).as_ref())
    }

    /// Whether `proof` is what `side` would say; in constant time.
    pub fn is_proof(&self, side: Side, words: &[&str], proof: &str) -> bool {
        let Some(tag) = bytes_of_hex(proof) else { return false };
        hmac::verify(&self.key(), &said(side, words), &tag).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes())
    }
}

impl std::fmt::Debug for ConsentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let server = SocketAddr::new(self.address, self.control);
        write!(f, "ConsentToken({server}, {} + {} ports)", self.tcp.len(), self.udp.len())
    }
}

fn said(side: Side, words: &[&str]) -> Vec<u8> {
    let side = match side {
        Side::Client => "client",
        Side::FarEnd => "far end",
    };
    let mut bytes = Vec::new();
    for word in std::iter::once(&side).chain(words) {
        bytes.extend((word.len() as u64).to_be_bytes());
        bytes.extend(word.as_bytes());
    }
    bytes
}

/// The bytes that a text of hexadecimal digits says.
pub(crate) fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |it: u8| char::from(it).to_digit(16);
    let byte = |pair: &[u8; 2]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

const PREFIX: &str = "wwb1.";
/// Characters of the longest token that is read.
const LONGEST: usize = 16 * 1024;
/// Most ports of a kind.
pub const MOST_PORTS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> ConsentToken {
        ConsentToken::issue(server(), vec![443, 8443], vec![53], [7; 32])
    }

    fn server() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 8080))
    }

    #[test]
    fn a_token_can_be_handed_out_and_read() {
        assert_eq!(ConsentToken::parse(&token().text()), Ok(token()));
        assert_eq!(ConsentToken::parse(&format!("  {}\n", token().text())), Ok(token()));
        assert_eq!(ConsentToken::parse("hunter2"), Err(TokenError::Prefix));
        let text = token().text();
        for end in PREFIX.len()..text.len() {
            assert_eq!(ConsentToken::parse(&text[..end]), Err(TokenError::Damaged), "{end}");
        }
        let many = ConsentToken::issue(server(), (0..=512).collect(), vec![], [7; 32]);
        assert_eq!(ConsentToken::parse(&many.text()), Err(TokenError::Ports { have: 513 }));
        assert!(!format!("{:?}", token()).contains("0707"), "the secret is not shown");
    }

    #[test]
    fn a_proof_holds_for_its_side_and_words_only() {
        let proof = token().proof(Side::Client, &["ab", "c"]);
        assert!(token().is_proof(Side::Client, &["ab", "c"], &proof));
        for (side, words) in [(Side::FarEnd, ["ab", "c"]), (Side::Client, ["a", "bc"])] {
            assert!(!token().is_proof(side, &words, &proof));
        }
        let other = ConsentToken::issue(server(), vec![], vec![], [8; 32]);
        assert!(!other.is_proof(Side::Client, &["ab", "c"], &proof));
        for bad in ["", "0", "zz", &proof[2..]] {
            assert!(!token().is_proof(Side::Client, &["ab", "c"], bad), "{bad}");
        }
    }
}
