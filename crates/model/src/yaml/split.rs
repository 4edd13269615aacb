//! Where the documents of a YAML stream begin and end.
//!
//! A line that is `---` or `...`, or begins so and goes on with white space, is a marker wherever it stands: not even
//! a block scalar may hold one (YAML 1.1 §9, forbidden content). So a stream is cut before any of it is parsed, and
//! damage in one document cannot reach the next.

/// I am one document of a stream, as text, with its `---` line if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk<'a> {
    pub(super) text: &'a str,
    /// Offset of the text in the stream, bytes.
    pub(super) offset: usize,
    /// Its first line, from 1.
    pub(super) line: usize,
}

/// I cut a stream into documents. Stretches of comments, directives and empty lines between them are left out.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    rest: &'a str,
    offset: usize,
    line: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, offset: text.len() - rest.len(), line: 1 }
    }

    /// Takes the next `length` bytes and `lines` lines.
    fn take(&mut self, length: usize, lines: usize) -> Chunk<'a> {
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        let chunk = Chunk { text, offset: self.offset, line: self.line };
        self.rest = rest;
        self.offset += text.len();
        self.line += lines;
        chunk
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        while !self.rest.is_empty() {
            let (mut length, mut lines, mut says_something) = (0, 0, false);
            for line in Lines(self.rest) {
                let begins = is_marker(line.as_bytes(), b"---");
                if is_marker(line.as_bytes(), b"...") || (begins && lines > 0) {
                    break;
                }
                length += line.len();
                lines += 1;
                says_something |= begins || !is_idle(line);
            }
            let chunk = self.take(length, lines);
            if self.rest.starts_with("...") {
                let end = Lines(self.rest).next().map_or(0, str::len);
                self.take(end, 1);
            }
            if says_something {
                return Some(chunk);
            }
        }
        None
    }
}

/// True for a line that begins with the marker and goes on with white space or nothing.
pub(super) fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.first().is_none_or(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')))
}

/// True for an empty line, a comment and a directive.
fn is_idle(line: &str) -> bool {
    line.starts_with('%') || line.trim_ascii_start().chars().next().is_none_or(|c| c == '#')
}

/// Lines with their ends: `\n`, `\r\n` or `\r`, as YAML has them.
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.find(['\n', '\r']).map_or(self.0.len(), |at| {
            let crlf = self.0.get(at..).is_some_and(|rest| rest.starts_with("\r\n"));
            at + 1 + usize::from(crlf)
        });
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(&str, usize, usize)> {
        let chunks: Vec<_> = Chunks::new(text).collect();
        for chunk in &chunks {
            assert_eq!(text.get(chunk.offset..chunk.offset + chunk.text.len()), Some(chunk.text));
        }
        chunks.into_iter().map(|chunk| (chunk.text, chunk.offset, chunk.line)).collect()
    }

    #[test]
    fn documents_end_at_markers() {
        assert_eq!(
            cut("---\na: 1\n...\n---\nb: 2\n---\nc: 3"),
            [("---\na: 1\n", 0, 1), ("---\nb: 2\n", 13, 4), ("---\nc: 3", 22, 6)]
        );
        assert_eq!(
            cut("---\r\na\r\n...\r\n--- b\r\n"),
            [("---\r\na\r\n", 0, 1), ("--- b\r\n", 13, 4)]
        );
        assert_eq!(cut("---\ra\r---\rb"), [("---\ra\r", 0, 1), ("---\rb", 6, 3)]);
        assert_eq!(cut("\u{feff}a\n...\n...\nb"), [("a\n", 3, 1), ("b", 13, 4)]);
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        assert_eq!(cut("# c\n%YAML 1.1\n\n---\na\n...\n# end\n"), [("---\na\n", 15, 4)]);
        assert_eq!(cut("...\n...\n\n"), []);
    }

    #[test]
    fn only_a_whole_marker_at_the_margin_counts() {
        for text in ["a: |\n  ---\n  ...\n", "a: b\n----\n", "a\n...b\n", "a\n -- -\n"] {
            assert_eq!(cut(text), [(text, 0, 1)]);
        }
    }
}
