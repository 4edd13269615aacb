//! Informed consent: the text, and whether it is what somebody agreed to.
//!
//! Asking, and keeping the answer, is the binary's. What is kept is the text's own fingerprint, so that a changed text
//! is asked again.

use aws_lc_rs::digest::{SHA256, digest};
use wirewitness_model::hex::hex;

/// The text of informed consent, in plain English.
pub const TEXT: &str = include_str!("../../../docs/consent.md");

/// The consent that the present text asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    fingerprint: String,
}

/// Whether somebody agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// To the present text.
    Given,
    /// To another text; ask again and say that it changed.
    Outdated,
    /// To none that can be recognised; ask.
    Missing,
}

impl Consent {
    /// The consent to [`TEXT`].
    pub fn present() -> Self {
        Self::to(TEXT)
    }

    fn to(text: &str) -> Self {
        // A checkout may end its lines either way; it is the same text.
        let text = text.replace("\r\n", "\n");
        Self { fingerprint: hex(digest(&SHA256, text.as_bytes()).as_ref()) }
    }

    /// What to keep when somebody agrees: SHA-256 of the text, 64 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the kept text says, `None` if nothing is kept.
    pub fn given(&self, stored: Option<&str>) -> State {
        match stored.map(str::trim) {
            Some(kept) if kept == self.fingerprint => State::Given,
            Some(kept) if is_fingerprint(kept) => State::Outdated,
            Some(_) | None => State::Missing,
        }
    }
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_text_counts() {
        let consent = Consent::present();
        let kept = format!("{}\n", consent.fingerprint());
        assert_eq!(consent.given(Some(&kept)), State::Given);
        let before = Consent::to("Another text.");
        assert_eq!(consent.given(Some(before.fingerprint())), State::Outdated);
        for nothing in [None, Some(""), Some("yes"), Some("true")] {
            assert_eq!(consent.given(nothing), State::Missing, "{nothing:?}");
        }
    }

    #[test]
    fn the_fingerprint_is_sha_256_and_knows_no_line_ends() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            Consent::to("abc").fingerprint(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Consent::to("a\r\nb"), Consent::to("a\nb"));
    }

    #[test]
    fn the_text_says_what_a_person_must_know() {
        for word in
            ["provider", "law", "Nothing is uploaded", "Ctrl-C", "Delete", "not a privacy tool"]
        {
            assert!(TEXT.contains(word), "{word}");
        }
    }
}
