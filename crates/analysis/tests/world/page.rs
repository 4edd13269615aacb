//! Pages that come, or are put in the place of others.

use serde_json::{Map, Value, json};

/// Status, headers and body.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    title: &'static str,
    text: String,
}

impl Page {
    /// The front page of the invented site, some 1.5 kB.
    pub(crate) fn of_the_site() -> Self {
        let headline = "<p>Bread is dearer than last year, and the river is back in its bed.</p>\n";
        Self::titled("Morning Chronicle of Example").text(&headline.repeat(18))
    }

    /// A short page with this title.
    pub(crate) fn titled(title: &'static str) -> Self {
        let headers = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
        Self { status: 200, headers, title, text: String::new() }
    }

    /// A block page that carries the mark of a filtering product.
    pub(crate) fn of_a_filter() -> Self {
        Self::titled("Web Page Blocked")
            .status(403)
            .text("<p>This page is filtered. FortiGuard Intrusion Prevention.</p>\n")
    }

    /// A block page without any mark that is only one product's.
    pub(crate) fn of_a_vague_filter() -> Self {
        Self::titled("Notice").text("<p>this website has been blocked</p>\n")
    }

    /// A redirect.
    pub(crate) fn redirect(location: &str) -> Self {
        let headers = vec![("Location", location.to_owned())];
        Self { status: 302, headers, title: "", text: String::new() }
    }

    /// No answer at all.
    pub(crate) fn nothing() -> Self {
        Self { status: 0, headers: Vec::new(), title: "", text: String::new() }
    }

    /// With this status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With this header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With this text in its body.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn title(&self) -> &'static str {
        self.title
    }

    pub(super) fn body(&self) -> String {
        if self.title.is_empty() {
            return self.text.clone();
        }
        let (title, text) = (self.title, &self.text);
        format!("<html><head><title>{title}</title></head>\n<body>\n{text}</body></html>\n")
    }

    /// Headers by name.
    pub(super) fn headers(&self) -> Value {
        let pairs = self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        Value::Object(pairs.collect::<Map<_, _>>())
    }

    /// Headers in order.
    pub(super) fn headers_list(&self) -> Value {
        self.headers.iter().map(|(name, value)| json!([name, value])).collect()
    }
}
