//! What an application is, as a file of TOML says it: names, endpoints, functions, and what must work.
//!
//! The keys are explained in `docs/apps.md`. Reading the file is the caller's. A mistake is named with file, line and what
//! was expected; a file is bounded in bytes, functions and endpoints, so that what a measurement of it costs is, too.

use std::net::IpAddr;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::targets::{Risks, Tier};

/// An application and what must work of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its short name: lower-case letters, digits, `-`, `_`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How visible danger is weighed: a category of `lists/risk.csv`.
    pub category: String,
    /// What people do with it, in order of weight.
    pub functions: Vec<Function>,
    /// Where it goes for that.
    pub endpoints: Vec<Endpoint>,
}

impl App {
    /// What being seen using it may mean for the person whose line it is.
    pub fn risk(&self) -> Tier {
        Risks::shipped().tier(&self.category)
    }
}

/// Something that people do with an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name: `messages`, `media`, `sign-up`, `calls`, ..
    pub name: String,
    /// How many of its endpoints it needs.
    pub needs: Needs,
}

/// How many of its endpoints a function needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// One is enough.
    Any,
    /// It fails with the first of them.
    All,
}

impl Needs {
    /// `any` or `all`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
        }
    }
}

/// One host that an application goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What for.
    pub function: String,
    /// A name or an address.
    pub host: String,
    /// Ports, each of which is tried; none where it is only looked up.
    pub ports: Vec<u16>,
    /// How far it is tried.
    pub ask: Ask,
    /// Path of the request, where there is one.
    pub path: String,
    /// Where it is documented.
    pub source: String,
    /// The day of that source, `2025-01-31`.
    pub date: String,
}

impl Endpoint {
    /// The address, where the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// How far an endpoint is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// The name is looked up.
    Lookup,
    /// A TCP connection.
    Connect,
    /// A TLS handshake.
    Tls,
    /// A page over TLS.
    HttpsGet,
    /// An empty POST in the clear.
    HttpPost,
}

/// A mistake in a description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: expected {expected}", line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct DescriptionError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1; none where the file as a whole is to blame.
    pub line: Option<usize>,
    /// What was expected.
    pub expected: String,
}

impl App {
    /// Reads and checks a description. `file` is its name, for errors.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(file: &str, text: &str) -> Result<Self, DescriptionError> {
        let error = |span: Option<Range<usize>>, expected: String| DescriptionError {
            file: file.to_owned(),
            line: span.map(|span| line_of(text, span.start)),
            expected,
        };
        if text.len() > MAX_BYTES {
            let expected = format!("at most {MAX_BYTES} bytes, not {}", text.len());
            return Err(error(None, expected));
        }
        let read: File = toml::from_str(text)
            .map_err(|wrong| error(wrong.span(), format!("another thing: {}", wrong.message())))?;
        read.check().map_err(|(span, expected)| error(span, expected))
    }
}

/// From 1.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    title: Spanned<String>,
    category: Spanned<String>,
    function: Vec<FunctionTable>,
    endpoint: Vec<EndpointTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionTable {
    name: Spanned<String>,
    needs: Needs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointTable {
    function: Spanned<String>,
    hosts: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    ports: Vec<Spanned<u16>>,
    ask: Spanned<Ask>,
    path: Option<Spanned<String>>,
    source: Spanned<String>,
    date: Spanned<String>,
}

/// Where in the text, and what was expected there.
type Flaw = (Option<Range<usize>>, String);

fn flaw<T>(at: &Spanned<T>, expected: &str) -> Flaw {
    (Some(at.span()), expected.to_owned())
}

impl File {
    fn check(self) -> Result<App, Flaw> {
        if !is_word(self.name.get_ref()) {
            return Err(flaw(&self.name, WORD));
        }
        if !is_line(self.title.get_ref()) {
            return Err(flaw(&self.title, LINE));
        }
        if !self.category.get_ref().bytes().all(|it| it.is_ascii_uppercase()) {
            return Err(flaw(&self.category, "a category of lists/risk.csv"));
        }
        let mut functions: Vec<Function> = Vec::new();
        for table in self.function {
            let name = table.name.get_ref();
            if !is_word(name) || functions.iter().any(|it| it.name == *name) {
                return Err(flaw(&table.name, "another name, of letters, digits, `-` and `_`"));
            }
            if functions.len() == MAX_FUNCTIONS {
                return Err(flaw(&table.name, &format!("at most {MAX_FUNCTIONS} functions")));
            }
            functions.push(Function { name: table.name.into_inner(), needs: table.needs });
        }
        let mut endpoints = Vec::new();
        for table in &self.endpoint {
            table.check(&functions, &mut endpoints)?;
        }
        match functions.iter().find(|it| endpoints.iter().all(|at| at.function != it.name)) {
            Some(idle) => Err((None, format!("an endpoint of the function {:?}", idle.name))),
            None if functions.is_empty() => Err((None, "a function".to_owned())),
            None => Ok(App {
                name: self.name.into_inner(),
                title: self.title.into_inner(),
                category: self.category.into_inner(),
                functions,
                endpoints,
            }),
        }
    }
}

impl EndpointTable {
    fn check(&self, functions: &[Function], endpoints: &mut Vec<Endpoint>) -> Result<(), Flaw> {
        let function = self.function.get_ref();
        if !functions.iter().any(|it| it.name == *function) {
            return Err(flaw(&self.function, "the name of a function of this file"));
        }
        let ask = *self.ask.get_ref();
        if (ask == Ask::Lookup) != self.ports.is_empty() {
            return Err(flaw(&self.ask, "ports, unless names are only looked up"));
        }
        if let Some(port) = self.ports.iter().find(|it| *it.get_ref() == 0) {
            return Err(flaw(port, "a port from 1 to 65535"));
        }
        if let Some(port) = self.ports.get(MAX_PORTS) {
            return Err(flaw(port, &format!("at most {MAX_PORTS} ports")));
        }
        let asks = matches!(ask, Ask::HttpsGet | Ask::HttpPost);
        if let Some(path) = self.path.as_ref().filter(|it| !asks || !is_path(it.get_ref())) {
            return Err(flaw(path, "a path that begins with `/`, beside a request"));
        }
        if !is_line(self.source.get_ref()) {
            return Err(flaw(&self.source, LINE));
        }
        if !is_day(self.date.get_ref()) {
            return Err(flaw(&self.date, "a day, such as \"2025-01-31\""));
        }
        if self.hosts.get_ref().is_empty() {
            return Err(flaw(&self.hosts, "a host"));
        }
        for host in self.hosts.get_ref() {
            let is_address = host.get_ref().parse::<IpAddr>().is_ok();
            let fits = if is_address { ask != Ask::Lookup } else { is_name(host.get_ref()) };
            if !fits {
                return Err(flaw(host, "a host name in lower case, or an address with a port"));
            }
            if endpoints.len() == MAX_ENDPOINTS {
                return Err(flaw(host, &format!("at most {MAX_ENDPOINTS} endpoints")));
            }
            endpoints.push(Endpoint {
                function: function.clone(),
                host: host.get_ref().clone(),
                ports: self.ports.iter().map(|it| *it.get_ref()).collect(),
                ask,
                path: self.path.as_ref().map_or_else(|| "/".to_owned(), |it| it.get_ref().clone()),
                source: self.source.get_ref().clone(),
                date: self.date.get_ref().clone(),
            });
        }
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    let fits = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_".contains(&it);
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(fits)
}

fn is_line(text: &str) -> bool {
    (1..=MAX_LINE).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= MAX_LINE && text.bytes().all(|it| it.is_ascii_graphic())
}

/// RFC 1123 §2.1, in lower case and with a dot.
fn is_name(text: &str) -> bool {
    let fits = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_".contains(&it);
    let label = |it: &str| (1..=63).contains(&it.len()) && it.bytes().all(fits);
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

fn is_day(text: &str) -> bool {
    let digits = |part: Option<&str>, length: usize| {
        part.is_some_and(|it| it.len() == length && it.bytes().all(|it| it.is_ascii_digit()))
    };
    let mut parts = text.split('-');
    let fits = digits(parts.next(), 4) && digits(parts.next(), 2) && digits(parts.next(), 2);
    fits && parts.next().is_none()
}

/// Bytes of a description.
const MAX_BYTES: usize = 64 << 10;
const MAX_FUNCTIONS: usize = 8;
/// Hosts of a description.
const MAX_ENDPOINTS: usize = 64;
const MAX_PORTS: usize = 4;
const MAX_WORD: usize = 40;
const MAX_LINE: usize = 300;
const WORD: &str = "lower-case letters, digits, `-` and `_`, at most 40";
const LINE: &str = "a line of 1 to 300 characters";

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"name = "chat"
title = "Chat"
category = "COMT"

[[function]]
name = "messages"
needs = "any"

[[endpoint]]
function = "messages"
hosts = ["a.example.org", "192.0.2.1"]
ports = [443]
ask = "connect"
source = "invented"
date = "2026-01-31"
"#;

    #[test]
    fn a_good_file_is_read() {
        let app = App::parse("chat.toml", GOOD).unwrap();
        assert_eq!((app.name.as_str(), app.endpoints.len()), ("chat", 2));
        assert_eq!(app.endpoints[1].address(), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(app.risk(), Tier::Ordinary);
    }

    /// What is put in whose place, and which line is to blame.
    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (from, to, line) in [
            ("\"chat\"", "\"Chat!\"", 1),
            ("\"COMT\"", "\"comt\"", 3),
            ("needs = \"any\"", "needs = \"some\"", 7),
            ("needs = \"any\"", "need = \"any\"", 7),
            ("function = \"messages\"", "function = \"calls\"", 10),
            ("a.example.org", "A.example.org", 11),
            ("a.example.org", "nodots", 11),
            ("[443]", "[0]", 12),
            ("[443]", "[1, 2, 3, 4, 5]", 12),
            ("[443]", "[65536]", 12),
            ("\"connect\"", "\"lookup\"", 13),
            ("\"connect\"", "\"dance\"", 13),
            ("source = \"invented\"", "source = \"\"", 14),
            ("2026-01-31", "yesterday", 15),
            ("title =", "title", 2),
        ] {
            assert_eq!(GOOD.matches(from).count(), 1, "{from}");
            let error = App::parse("chat.toml", &GOOD.replace(from, to)).unwrap_err();
            assert_eq!(error.line, Some(line), "{to}: {error}");
            assert!(error.to_string().starts_with(&format!("chat.toml:{line}: expected ")));
        }
        let endless = "#".repeat(MAX_BYTES + 1);
        assert_eq!(App::parse("x", &endless).unwrap_err().line, None);
        let many: Vec<String> = (0..65).map(|n| format!("\"h{n}.example.org\"")).collect();
        let many = GOOD.replace("\"a.example.org\", \"192.0.2.1\"", &many.join(","));
        assert!(App::parse("x", &many).unwrap_err().expected.contains("at most 64"));
    }

    #[test]
    fn no_part_of_a_file_is_a_surprise() {
        for end in 0..GOOD.len() {
            let _ = App::parse("x", &GOOD[..end]);
        }
    }
}
