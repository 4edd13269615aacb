//! The page of a device, from the cells of `http`.

use super::cells::DeviceCells;

/// What a device answers in a site's name.
#[derive(Debug)]
pub(super) struct Page {
    bytes: Vec<u8>,
}

impl Page {
    /// None where nothing of a page is known.
    pub(super) fn new(cells: &DeviceCells<'_>) -> Option<Self> {
        if !cells.knows("http") {
            return None;
        }
        let text = |key| cells.words("http", key).first().map(String::as_str);
        let body = text("body");
        let usual = if body.is_some() { "403" } else { "302" };
        let mut head = format!("HTTP/1.1 {} Blocked\r\n", text("status").unwrap_or(usual));
        for (name, key) in [("Server", "server"), ("Via", "via")] {
            if let Some(value) = text(key) {
                head += &format!("{name}: {value}\r\n");
            }
        }
        // A page needs no place to go to.
        if body.is_none() {
            head += &format!("Location: {}\r\n", place(text("location").unwrap_or(PLACE)));
        }
        head += "Content-Type: text/html\r\nConnection: close\r\n\r\n";
        let page = body.map(|text| format!("<title>Blocked</title><p>{text}"));
        Some(Self { bytes: (head + &page.unwrap_or_default()).into_bytes() })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A cell says what is in a location, which may be less than all of it.
fn place(text: &str) -> String {
    if text.starts_with('/') || text.contains("://") {
        return text.to_owned();
    }
    format!("http://{text}/")
}

const PLACE: &str = "blocked.invalid";
