//! Values that are shown in part: the first characters, and a hash that tells equal from different within one run.

use aws_lc_rs::hmac;

/// How values are shown.
#[derive(Debug, Clone)]
pub struct Mask {
    key: hmac::Key,
    shows: bool,
}

/// Whether the person asked for their own values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Values {
    /// First characters and a salted hash.
    #[default]
    Masked,
    /// As they are. Those of correspondents stay masked.
    Shown,
}

impl Mask {
    /// `salt` is random and new in each run, so that hashes cannot be looked up, nor compared between runs.
    pub fn new(salt: &[u8; 32], values: Values) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, salt), shows: values == Values::Shown }
    }

    /// A value of the person's own.
    pub fn own(&self, value: &str) -> String {
        if self.shows { clean(value) } else { self.hidden(value) }
    }

    /// A value of somebody else: masked always.
    pub fn correspondent(&self, value: &str) -> String {
        self.hidden(value)
    }

    /// At most three characters, and at most a quarter of the value: short ones would be told whole.
    fn hidden(&self, value: &str) -> String {
        let shown = (value.chars().count() / 4).min(3);
        let start: String = value.chars().take(shown).collect();
        let tag = hmac::sign(&self.key, value.as_bytes());
        let hash: String = tag.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{}…#{hash}", clean(&start))
    }
}

/// Fit for a terminal and a page: no control characters, and no more than 300 others.
fn clean(value: &str) -> String {
    let fit = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    value.chars().take(300).map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_value() {
        let mask = Mask::new(&[1; 32], Values::Masked);
        let hidden = mask.own("www.example.org");
        assert!(hidden.starts_with("www…#") && hidden.chars().count() == 13, "{hidden}");
        assert_eq!(mask.own("www.example.org"), hidden);
        assert_ne!(mask.own("www.example.com"), hidden);
        assert_ne!(Mask::new(&[2; 32], Values::Masked).own("www.example.org"), hidden);
        for short in ["", "1", "123"] {
            assert!(mask.own(short).starts_with("…#"));
        }
    }

    #[test]
    fn correspondents_are_masked_always() {
        let mask = Mask::new(&[1; 32], Values::Shown);
        assert_eq!(mask.own("a\u{1b}[2J"), "a\u{fffd}[2J");
        assert!(mask.correspondent("+923001234567").starts_with("+92…#"));
        assert!(!mask.correspondent("bob@example.net").contains("example"));
    }
}
