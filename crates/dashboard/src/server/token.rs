//! Who may do more than read: bearer tokens (RFC 6750 §2.1).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use hyper::header::{AUTHORIZATION, HeaderMap};

/// A secret that a client has to say. Only its hash is kept, and compared in a time that does not depend on it.
#[derive(Clone)]
pub struct Token(Digest);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A token that anybody could guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has at least {SHORTEST_BYTES} bytes, this one {have}")]
pub struct TooShort {
    /// Its length.
    pub have: usize,
}

impl Token {
    /// A secret of at least sixteen bytes.
    pub fn new(secret: &str) -> Result<Self, TooShort> {
        match secret.len() {
            have if have < SHORTEST_BYTES => Err(TooShort { have }),
            _ => Ok(Self(digest(&SHA256, secret.as_bytes()))),
        }
    }

    /// Whether a request says it.
    pub fn is_said(&self, headers: &HeaderMap) -> bool {
        said(headers).is_some_and(|said| {
            verify_slices_are_equal(self.0.as_ref(), digest(&SHA256, said).as_ref()).is_ok()
        })
    }

    /// A number for the table of rates, which tells nothing of the secret.
    pub(crate) fn number(&self) -> u64 {
        u64::from_le_bytes(self.0.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

/// The token that a request says. The scheme's name has no case (RFC 9110 §11.1).
fn said(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, said) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| said.trim_ascii())
}

const SHORTEST_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_admitted() {
        let token = Token::new("sixteen-bytes-at-least").unwrap();
        for (said, admitted) in [
            ("Bearer sixteen-bytes-at-least", true),
            ("bearer  sixteen-bytes-at-least ", true),
            ("Bearer sixteen-bytes-at-leasT", false),
            ("Basic sixteen-bytes-at-least", false),
            ("sixteen-bytes-at-least", false),
            ("Bearer", false),
            ("Bearer ", false),
        ] {
            let headers = [(AUTHORIZATION, said.parse().unwrap())].into_iter().collect();
            assert_eq!(token.is_said(&headers), admitted, "{said}");
        }
        assert!(!token.is_said(&HeaderMap::new()));
        assert_eq!(Token::new("short").unwrap_err(), TooShort { have: 5 });
    }
}
