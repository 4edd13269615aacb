//! Scenarios: networks described in TOML, checked when loaded.
//!
//! The files are in `scenarios/`, the keys are explained in `docs/lab.md`. A mistake is named with file, line, key and
//! what was expected. Reading the file is the caller's: this crate opens none.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use rustls::{RootCertStore, ServerConfig};
use wirewitness_net::Failure;

mod asn;
mod build;
mod check;
mod spec;
mod truth;

use crate::capture::Record;
use crate::fabric::topology::LinkId;
use crate::host::socket::HostNet;
use crate::lab::{Lab, RunError};
use crate::server::authority::{Authority, AuthorityError};
use crate::server::web::ServeError;
use asn::AsnTable;
pub use spec::BatteryNames;
pub use truth::Truth;

/// A network described in TOML.
#[derive(Debug)]
pub struct Scenario {
    file: spec::File,
    truths: Vec<Truth>,
}

/// A mistake in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1; none where no line is to blame (a key is missing from the whole file).
    pub line: Option<usize>,
    /// The key, or the table, of that line.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": expected {}", self.expected)
    }
}

impl std::error::Error for ScenarioError {}

/// Why a scenario could not be run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The run did not end, or could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A port is taken.
    #[error("cannot listen: {0}")]
    Listen(#[from] Failure),
    /// A certificate could not be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A web server could not be started.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Scenario {
    /// Reads and checks a scenario. `file` is its name, for errors.
    ///
    /// # Errors
    /// The first mistake, with file, line, key and what was expected.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        if text.len() > MAX_TEXT {
            let expected = format!("at most {MAX_TEXT} bytes");
            return Err(ScenarioError { expected, ..locate(file, text, None) });
        }
        let parsed: spec::File = toml::from_str(text).map_err(|error| ScenarioError {
            expected: expectation(error.message()),
            ..locate(file, text, error.span())
        })?;
        check::check(&parsed).map_err(|flaw| ScenarioError {
            expected: flaw.expected,
            ..locate(file, text, Some(flaw.span))
        })?;
        let truths = parsed.truth.iter().map(Truth::new).collect();
        Ok(Self { file: parsed, truths })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// What it is about, in a sentence or two.
    pub fn about(&self) -> &str {
        &self.file.about
    }

    /// The names of its clients.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        self.file.client.iter().map(|client| client.name.get_ref().as_str())
    }

    /// Every name of its sites, in the order of the file: the targets there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.file.site.iter().flat_map(|site| &site.names).map(|name| name.get_ref().as_str())
    }

    /// Names for the attribution battery, where the file is a path for it.
    pub fn battery(&self) -> Option<&BatteryNames> {
        self.file.battery.as_ref()
    }

    /// What the verdicts on it must be, in the order of the file.
    pub fn truths(&self) -> &[Truth] {
        &self.truths
    }

    /// What the verdict on a URL must be, as one client sees it.
    pub fn truth(&self, client: &str, url: &str) -> Option<&Truth> {
        let about = |it: &&Truth| it.url == url;
        let own = |it: &&Truth| it.client.as_deref() == Some(client);
        let everybodys = |it: &&Truth| it.client.is_none();
        let named = self.truths.iter().filter(about).find(own);
        named.or_else(|| self.truths.iter().filter(about).find(everybodys))
    }

    /// Every URL that a verdict is given for, each once, in the order of the file.
    pub fn targets(&self) -> Vec<&str> {
        let mut targets = Vec::new();
        for url in self.truths.iter().map(|truth| truth.url.as_str()) {
            if !targets.contains(&url) {
                targets.push(url);
            }
        }
        targets
    }

    /// Runs `program` in it, from `seed` or the file's own.
    ///
    /// # Errors
    /// Where a server cannot be started, or the run does not end.
    pub fn run<F, R>(
        &self,
        seed: Option<u64>,
        program: impl FnOnce(Running) -> F,
    ) -> Result<R, StartError>
    where
        F: Future<Output = R>,
    {
        let (topology, named) = build::topology(&self.file, seed.unwrap_or(self.file.seed));
        Lab::run(topology, |lab| {
            let program = self.start(named, lab).map(program);
            async move {
                match program {
                    Ok(program) => Ok(program.await),
                    Err(error) => Err(error),
                }
            }
        })?
    }
}

impl Scenario {
    /// Starts the servers.
    fn start(&self, named: build::Named, lab: Lab) -> Result<Running, StartError> {
        let authority = Arc::new(Authority::new()?);
        build::serve(&self.file, &named, &lab, &authority)?;
        let facts = self.file.client.iter().map(|it| (it.name.get_ref().clone(), build::facts(it)));
        Ok(Running {
            clients: named.clients.iter().map(|(it, id)| (it.clone(), lab.net(*id))).collect(),
            facts: facts.collect(),
            helpers: build::helpers(&self.file, &named, &lab, &authority)?,
            public_resolvers: build::public_resolvers(&self.file),
            systems: AsnTable::new(&self.file),
            roots: Arc::new(authority.roots()?),
            access: named.access,
            lab,
        })
    }
}

/// A scenario while it runs.
pub struct Running {
    /// The lab.
    pub lab: Lab,
    clients: BTreeMap<String, HostNet>,
    facts: BTreeMap<String, ClientFacts>,
    helpers: Vec<Helper>,
    public_resolvers: Vec<PublicResolver>,
    systems: AsnTable,
    roots: Arc<RootCertStore>,
    access: BTreeMap<String, LinkId>,
}

/// A host on the backbone for the caller's test helper. Names lead to it; nothing runs on it yet.
#[derive(Clone)]
pub struct Helper {
    /// Its names: the hosts of the test helper's URLs.
    pub names: Vec<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// The network as it sees it, with a resolver that is its own.
    pub net: HostNet,
    /// TLS with a good certificate for its names; HTTP/2 and HTTP/1.1.
    pub tls: Arc<ServerConfig>,
}

/// What is known of a client beside its network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// Number of its autonomous system.
    pub asn: Option<u32>,
    /// Its country, two letters.
    pub country: Option<String>,
    /// The name of its network.
    pub network: Option<String>,
    /// The address that the world sees.
    pub public_address: Option<IpAddr>,
    /// The resolvers that its system asks.
    pub resolvers: Vec<IpAddr>,
}

/// A resolver on the backbone, that anybody may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicResolver {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// It answers over UDP and TCP, on port 53.
    pub udp: bool,
    /// Its name for DNS over TLS (port 853), where it speaks that.
    pub dot: Option<String>,
    /// Its URL for DNS over HTTPS, where it speaks that.
    pub doh: Option<String>,
}

impl Running {
    /// The network as a client sees it.
    pub fn client(&self, name: &str) -> Option<HostNet> {
        self.clients.get(name).cloned()
    }

    /// The names of the clients.
    pub fn client_names(&self) -> Vec<String> {
        self.clients.keys().cloned().collect()
    }

    /// What is known of a client.
    pub fn facts(&self, client: &str) -> Option<&ClientFacts> {
        self.facts.get(client)
    }

    /// The hosts for test helpers, in the order of the file.
    pub fn helpers(&self) -> &[Helper] {
        &self.helpers
    }

    /// The resolvers on the backbone, in the order of the file.
    pub fn public_resolvers(&self) -> &[PublicResolver] {
        &self.public_resolvers
    }

    /// The number and the name of the autonomous system that an address belongs to.
    pub fn asn(&self, address: IpAddr) -> Option<(u32, &str)> {
        self.systems.of(address)
    }

    /// What clients in this lab trust. Nothing outside may.
    pub fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    /// Starts to record the link of a client, by its name, or of a site, by its first name.
    pub fn tap(&self, name: &str) {
        if let Some(link) = self.access.get(name) {
            self.lab.tap(*link);
        }
    }

    /// What was recorded of the link of a client or a site.
    pub fn records(&self, name: &str) -> Vec<Record> {
        self.access.get(name).map(|link| self.lab.records(*link)).unwrap_or_default()
    }

    /// The same as a pcapng file.
    pub fn pcapng(&self, name: &str) -> Option<Vec<u8>> {
        self.access.get(name).map(|link| self.lab.pcapng(*link))
    }
}

/// Turns TOML's words into what was expected: what it says after "expected", or all of it.
fn expectation(message: &str) -> String {
    match (message.split_once(", expected "), message.strip_prefix("missing field ")) {
        (Some((found, expected)), _) => format!("{expected} ({found})"),
        (None, Some(field)) => format!("a key {field}"),
        (None, None) => format!("TOML of this form ({message})"),
    }
}

/// The line of a span, and the key that stands on it. The last is left for the caller.
fn locate(file: &str, text: &str, span: Option<Range<usize>>) -> ScenarioError {
    let start = span.filter(|span| span.end > 0 || span.start > 0).map(|span| span.start);
    let before = start.and_then(|start| text.get(..start));
    let line = before.map(|before| before.bytes().filter(|byte| *byte == b'\n').count());
    let source = line.and_then(|line| text.lines().nth(line)).unwrap_or_default();
    let key = source.split('=').next().unwrap_or_default().trim();
    ScenarioError {
        file: file.to_owned(),
        line: line.map(|line| line + 1),
        key: key.to_owned(),
        expected: String::new(),
    }
}

/// Bytes of a scenario file.
const MAX_TEXT: usize = 1 << 20;
