//! Title of an HTML page, as OONI's probe extracts it.
//!
//! Same as the expression `(?i)<title>([^<]{1,512})</title>` of the probe (counted in characters, a byte that is not
//! UTF-8 being one), without running an expression over half a megabyte: the bytes between `<` and `<` are looked at once.

use std::borrow::Cow;

/// The longest title taken, in characters.
const MAX_CHARS: usize = 512;
const OPEN: &[u8] = b"<title>";
const CLOSE: &[u8] = b"</title>";

/// The title, or the empty string. Bytes that are not UTF-8 become U+FFFD.
pub fn title(body: &[u8]) -> Cow<'_, str> {
    let mut from = 0;
    while let Some(open) = find_open(body, from) {
        let rest = body.get(open + OPEN.len()..).unwrap_or_default();
        if let Some(text) = title_text(rest) {
            return String::from_utf8_lossy(text);
        }
        from = open + 1;
    }
    Cow::Borrowed("")
}

fn find_open(body: &[u8], from: usize) -> Option<usize> {
    let window = body.get(from..)?;
    memchr::memchr_iter(b'<', window)
        .find(|&at| window.get(at..).is_some_and(|tag| starts_with_ignoring_case(tag, OPEN)))
        .map(|at| from + at)
}

/// The bytes up to the closing tag, where they are a title.
fn title_text(rest: &[u8]) -> Option<&[u8]> {
    // Four bytes a character at most, so what lies further cannot end a title in time.
    let window = rest.get(..(MAX_CHARS * 4 + 1).min(rest.len()))?;
    let end = memchr::memchr(b'<', window)?;
    let text = rest.get(..end)?;
    let closed = starts_with_ignoring_case(rest.get(end..)?, CLOSE);
    (closed && (1..=MAX_CHARS).contains(&characters(text))).then_some(text)
}

/// Characters as Go's `range` counts them: every byte that starts no valid character is one.
fn characters(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

fn starts_with_ignoring_case(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn titles() {
        for (body, expected) in [
            ("<TITLE>Hello</tItLe>", "Hello"),
            ("x<title>a</title><title>b</title>", "a"),
            ("<title></title><title>b</title>", "b"),
            ("<title>a<b></title><title>c</title>", "c"),
            ("<title lang=\"en\">a</title>", ""),
            ("<title>never closed", ""),
            ("<title>\n two\n</title>", "\n two\n"),
            ("", ""),
        ] {
            assert_eq!(title(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn length_counts_characters() {
        let of = |n: usize| format!("<title>{}</title>", "й".repeat(n));
        assert_eq!(title(of(512).as_bytes()).chars().count(), 512);
        assert_eq!(title(of(513).as_bytes()), "");
        let invalid = [b"<title>".as_slice(), &[0xff; 512], b"</title>"].concat();
        assert_eq!(title(&invalid).chars().count(), 512);
    }

    proptest! {
        #[test]
        fn same_as_the_expression(parts in prop::collection::vec(prop_oneof![
            Just("<title>"), Just("</title>"), Just("<TITLE>"), Just("<"), Just("a"), Just("é"), Just("</titl"), Just("x y"),
        ], 0..12)) {
            let body = parts.concat();
            let expression = regex::Regex::new("(?i)<title>([^<]{1,512})</title>").unwrap();
            let expected = expression.captures(&body).map_or("", |c| c.get(1).unwrap().as_str());
            prop_assert_eq!(title(body.as_bytes()), expected);
        }
    }
}
