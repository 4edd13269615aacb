//! Text made safe for a page. Whatever comes from a capture was written by somebody else.

/// Text of others without control characters and without marks that turn the direction of writing, each replaced by U+FFFD. It still has
/// to be escaped for HTML; for maud, which escapes, and for files that are not HTML.
pub fn harmless(text: &str) -> String {
    text.chars().map(harmless_letter).collect()
}

/// What a letter of somebody else's text becomes.
fn harmless_letter(letter: char) -> char {
    match letter {
        // These could make one text look like another.
        '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{061c}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    }
}

/// The text with all that HTML could take for its own replaced.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(harmless_letter(letter)),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_html_is_left() {
        assert_eq!(
            escape("<a href='x' b=\"&\">\u{202e}\u{7}"),
            "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;\u{fffd}\u{fffd}"
        );
    }
}
