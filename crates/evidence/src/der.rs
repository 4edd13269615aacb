//! As much of DER (X.690) as time stamps need: elements one after the other, with definite lengths.

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// Its tag, in one byte.
    pub(crate) tag: u8,
    /// What is in it.
    pub(crate) content: &'a [u8],
    /// All of it.
    pub(crate) whole: &'a [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, with elements in it.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// Elements that follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next one, which has this tag. None otherwise; then nothing is taken.
    pub(crate) fn one(&mut self, tag: u8) -> Option<Element<'a>> {
        let element = self.clone_next()?;
        (element.tag == tag).then(|| {
            self.0 = self.0.get(element.whole.len()..).unwrap_or_default();
            element
        })
    }

    fn clone_next(self) -> Option<Element<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            // Up to four bytes of length: more than any time stamp has.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |sum, it| sum << 8 | usize::from(*it)), rest)
            }
            _ => return None,
        };
        let content = rest.get(..length)?;
        let whole = self.0.get(..self.0.len() - rest.len() + length)?;
        Some(Element { tag: *tag, content, whole })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let tag = *self.0.first()?;
        self.one(tag)
    }
}
