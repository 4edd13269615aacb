//! The matrix: every technique of the lab and every harmless failure, each a row that says what was done and what must
//! be seen and said of it. What is expected follows from what the box, the server or the line was told to do.
//!
//! A row of interference has twins: the same target with nobody interfering, and the same target down for everybody.

mod blocked;
mod harmless;

use wirewitness_lab::Scenario;

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) url: &'static str,
    /// The target: the text of a scenario, ending in the table of its site.
    pub(crate) site: &'static str,
    /// What is done to it: the text of a scenario.
    pub(crate) deed: String,
    pub(crate) client: &'static str,
    /// A list of the measurement, and what must be in it (`*`: and more behind): `tls_handshakes connection_reset`.
    pub(crate) outcome: &'static str,
    /// Status and mechanism, as they are true: `blocked tls.reset.sni`.
    pub(crate) verdict: &'static str,
    /// What is said where a measurement of today cannot show the truth.
    pub(crate) said: &'static str,
}

/// Rows of interference.
pub(crate) fn interference() -> Vec<Row> {
    blocked::rows()
}

/// Rows in which nobody interferes.
pub(crate) fn harmless() -> Vec<Row> {
    harmless::rows()
}

/// The twins of rows of interference, each target once: nobody interferes; silent; refusing.
pub(crate) fn twins(rows: &[Row]) -> Vec<Row> {
    let mut targets: Vec<(&str, &str)> = rows.iter().map(|row| (row.url, row.site)).collect();
    targets.sort_unstable();
    targets.dedup();
    targets.iter().flat_map(|&(url, site)| twins_of(url, site)).collect()
}

fn twins_of(url: &'static str, site: &'static str) -> [Row; 3] {
    let twin = |name, state: &str, outcome, verdict| Row {
        name,
        // Still inside the table of the site.
        deed: format!("state = \"{state}\"\n"),
        ..row(name, url, "", outcome, verdict).at(site)
    };
    [
        twin("nobody interferes", "up", "requests 200", "ok -"),
        twin("silent", "silent", "tcp_connect generic_timeout_error", "down server.down"),
        twin("refusing", "closed", "tcp_connect connection_refused", "down server.down"),
    ]
}

impl Row {
    /// The case as a scenario. `access` is the access link of lines that are neither lossy nor slow themselves.
    pub(crate) fn scenario(&self, access: &str) -> Scenario {
        let base = include_str!("base.toml").replace(ACCESS, access);
        let text = format!("{base}\n{}\n{}", self.site, self.deed);
        Scenario::parse(self.name, &text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Another target.
    fn at(self, site: &'static str) -> Self {
        Self { site, ..self }
    }

    /// Less than the truth, for the reason that stands above the row.
    fn said(self, said: &'static str) -> Self {
        Self { said, ..self }
    }

    /// Another line.
    fn from(self, client: &'static str) -> Self {
        Self { client, ..self }
    }
}

fn row(
    name: &'static str,
    url: &'static str,
    deed: impl Into<String>,
    outcome: &'static str,
    verdict: &'static str,
) -> Row {
    Row {
        name,
        url,
        site: PAGE,
        deed: deed.into(),
        client: "home",
        outcome,
        verdict,
        said: verdict,
    }
}

/// The access link as `base.toml` has it.
pub(crate) const ACCESS: &str = "access = { delay_ms = 10 }";

const HTTP: &str = "http://target.example/";
const HTTPS: &str = "https://target.example/";

/// A page of the usual kind.
const PAGE: &str = r#"
[[site]]
names = ["target.example"]
addresses = ["192.88.99.80"]
html = "<title>Everyday gardening letters</title><p>Words."
bytes = 3_000
"#;

/// The same with IPv6 as well.
const DUAL: &str = r#"
[[site]]
names = ["target.example"]
addresses = ["192.88.99.80", "3fff:2::80"]
html = "<title>Everyday gardening letters</title><p>Words."
bytes = 3_000
"#;

/// As much as a prober reads: long enough to have a speed.
const LARGE: &str = r#"
[[site]]
names = ["target.example"]
addresses = ["192.88.99.80"]
bytes = 524_288
"#;
