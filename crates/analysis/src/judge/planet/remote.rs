//! What a table of observations needs of a row that was measured from afar.

use aws_lc_rs::digest;
use wirewitness_model::outcome::{Layer, Outcome};
use wirewitness_model::verdict::Verdict;

/// I am one row of a scan: what was tried through one public server or resolver, and what that says.
#[derive(Debug, Clone, PartialEq)]
pub struct Remote {
    /// `hyperquack.echo`, `.discard`, `.http`, `.https`, `hyperquack` where the service is not known, or `satellite`.
    pub test: &'static str,
    /// Start, microseconds since 1970. For satellite v1 it is the scan's, from the name of its folder; none where that
    /// has no date either.
    pub started_us: Option<i64>,
    /// Country of the server or resolver, two capital letters.
    pub country: Option<[u8; 2]>,
    /// Number of its network (AS), where a table of networks was given.
    pub asn: Option<u32>,
    /// Name of its network. The files of today do not have it.
    pub network_name: Option<String>,
    /// Address of the server or resolver. Censored Planet publishes it: these are public servers, not people.
    pub vantage: String,
    /// A number that stands for the vantage: the first eight bytes of the SHA-256 of `censoredplanet:` and the
    /// address. The same in every scan.
    pub vantage_id: u64,
    /// What was tried, as in the file, cut after [`MAX_TEXT`] bytes.
    pub target: String,
    /// The host name in it, in lower case.
    pub domain: String,
    /// True where the row is a reference for others: the answer of a control resolver.
    pub is_control: bool,
    /// The tries, in the order of the file; at most [`MAX_STEPS`].
    pub steps: Vec<Step>,
    /// Tries and answers beyond the limits.
    pub steps_left_out: u64,
    /// What the row says.
    pub verdict: Verdict,
}

/// I am one try, or one address of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The layer it belongs to.
    pub layer: Layer,
    /// What it came to.
    pub outcome: Outcome,
    /// The name that was tried: the target, or a harmless one.
    pub name: String,
    /// True for a try with a harmless name.
    pub is_control: bool,
    /// Why it failed, in OONI's words (df-007); `unknown_failure: ..` for what they have none for.
    pub failure: Option<String>,
    /// The address that was answered.
    pub answer: Option<String>,
    /// Network (AS) of that address.
    pub answer_asn: Option<u32>,
    /// Status code of the response.
    pub status: Option<u16>,
    /// Length of the body in bytes.
    pub body_bytes: Option<u64>,
    /// SHA-256 of the body.
    pub body_sha256: Option<[u8; 32]>,
    /// Start, milliseconds after the row's first try.
    pub t_ms: Option<f64>,
    /// Run time in milliseconds.
    pub took_ms: Option<f64>,
}

/// The most steps kept of one row.
pub const MAX_STEPS: usize = 256;
/// The most bytes kept of a text of the file.
pub const MAX_TEXT: usize = 512;

impl Step {
    /// A step that came to this, and nothing else known of it.
    pub(super) fn new(layer: Layer, outcome: Outcome, name: &str) -> Self {
        Self {
            layer,
            outcome,
            name: cut(name),
            is_control: false,
            failure: None,
            answer: None,
            answer_asn: None,
            status: None,
            body_bytes: None,
            body_sha256: None,
            t_ms: None,
            took_ms: None,
        }
    }

    /// Writes down length and digest of a body; an empty one has no digest.
    pub(super) fn body(&mut self, body: &[u8]) {
        self.body_bytes = Some(body.len() as u64);
        self.body_sha256 = (!body.is_empty()).then(|| sha256(body));
    }
}

/// The number that stands for a vantage.
pub fn vantage_id(address: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = sha256(format!("censoredplanet:{address}").as_bytes());
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}

/// The text, cut after [`MAX_TEXT`] bytes at most.
pub(super) fn cut(text: &str) -> String {
    let mut end = MAX_TEXT.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_vantage_is_the_digest_of_its_address() {
        // printf 'censoredplanet:192.0.2.1' | sha256sum
        assert_eq!(vantage_id("192.0.2.1"), VANTAGE_192_0_2_1);
        assert_ne!(vantage_id("192.0.2.1"), vantage_id("192.0.2.2"));
    }

    const VANTAGE_192_0_2_1: u64 = 0xac0d05070e34cc74;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("a"), "a");
        assert_eq!(cut(&format!("a{}", "é".repeat(400))).len(), MAX_TEXT - 1);
    }

    #[test]
    fn an_empty_body_has_a_length_and_no_digest() {
        let mut step = Step::new(Layer::Http, Outcome::HttpResponse, "a");
        step.body(b"");
        assert_eq!((step.body_bytes, step.body_sha256), (Some(0), None));
    }
}
