//! A run inside a scenario: every client measures its targets in virtual time, and the truth is compared.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value;
use tokio_rustls::TlsAcceptor;
use url::Url;
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::scenario::{ClientFacts, Helper as Host, Running, StartError};
use wirewitness_lab::{Scenario, Truth};
use wirewitness_net::Listen;
use wirewitness_probe::apps::description::App;
use wirewitness_probe::helper::{self, Access, AddressRule, Helper, Limits, Standing};
use wirewitness_probe::journal::Journal;
use wirewitness_probe::pace::Pace;
use wirewitness_probe::record::Network;
use wirewitness_probe::run::{Plan, Runner};
use wirewitness_probe::scrub::Scrubber;
use wirewitness_probe::{FollowUp, HarmlessName, Helpers, Session, TestHelper, Trust, Vantage};

use super::apps;
use super::report::{Places, Report, Taken};
use super::settings::{PlanArgs, TellArgs};
use crate::command_error::CommandError;
use crate::output::{self, Columns};

/// What to measure in a scenario.
pub(crate) struct LabRun<'a> {
    /// The network.
    pub(crate) scenario: &'a Scenario,
    /// The clients, each of the scenario.
    clients: Vec<&'a str>,
    /// What to measure from each; none for what the scenario knows the truth about.
    urls: Vec<String>,
    apps: Vec<App>,
    seed: Option<u64>,
    capture: Option<PathBuf>,
}

/// What a person asks for in a lab, beside the scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabWishes {
    /// A client; all if none.
    pub(crate) client: Option<String>,
    /// Targets; the scenario's own if none.
    pub(crate) urls: Vec<String>,
    /// Applications, each of which is among the targets as [`wirewitness_probe::apps::target`] has it.
    pub(crate) apps: Vec<App>,
    /// The seed; the scenario's own if none.
    pub(crate) seed: Option<u64>,
    /// Where the packets of the client's line go.
    pub(crate) capture: Option<PathBuf>,
}

impl<'a> LabRun<'a> {
    /// A run of `scenario`, as wished.
    ///
    /// # Errors
    /// A client that it does not have; a capture of more than one client's line.
    pub(crate) fn new(scenario: &'a Scenario, wishes: LabWishes) -> Result<Self, CommandError> {
        let all: Vec<&str> = scenario.clients().collect();
        let clients = match &wishes.client {
            None => all,
            Some(wanted) => {
                all.iter().find(|it| *it == wanted).map(|it| vec![*it]).ok_or_else(|| {
                    CommandError::Usage {
                        message: format!("the scenario has no client {wanted:?}"),
                        hint: format!("its clients: {}", all.join(", ")),
                    }
                })?
            }
        };
        if wishes.capture.is_some() && clients.len() > 1 {
            return Err(CommandError::Usage {
                message: "a capture is of one client's line".to_owned(),
                hint: format!("name it with --client: {}", clients.join(", ")),
            });
        }
        let LabWishes { urls, apps, seed, capture, .. } = wishes;
        Ok(Self { scenario, clients, urls, apps, seed, capture })
    }

    /// Measures and tells.
    ///
    /// # Errors
    /// The lab does not run, or what came of it cannot be written.
    pub(crate) fn run(self, plan: &PlanArgs, tell: &TellArgs) -> Result<ExitCode, CommandError> {
        let targets = self.targets();
        let places = Places {
            // Nobody's addresses: the lab's are reserved for documentation.
            scrubber: Scrubber::nothing(),
            journal: tell.output.as_deref().map(Journal::create).transpose()?,
            expected: targets.len() as u64 * u64::from(plan.times.get()),
            columns: columns(&targets),
        };
        let mut report = Report::begin(tell, places)?;
        let (plan, follow_up) = (plan.plan(NonZeroUsize::MIN), plan.follow_up());
        let measuring = Measuring { run: &self, targets, plan, follow_up };
        let program = |running| measuring.inside(running, &mut report);
        self.scenario.run(self.seed, program)??;
        report.finish()
    }

    /// Every client with every target of its own.
    fn targets(&self) -> Vec<Target<'_>> {
        let truth = |client, url: &str| self.scenario.truth(client, url);
        let of_client = |client: &'a str| -> Vec<Target<'_>> {
            if !self.urls.is_empty() {
                let target =
                    |url: &String| Target { client, url: url.clone(), truth: truth(client, url) };
                return self.urls.iter().map(target).collect();
            }
            let known = self.scenario.targets();
            if known.is_empty() {
                let names = self.scenario.names().map(|name| format!("https://{name}/"));
                return names.map(|url| Target { client, url, truth: None }).collect();
            }
            // What is true for another client only says nothing about this one.
            let target = |url: &str| {
                let truth = truth(client, url)?;
                Some(Target { client, url: url.to_owned(), truth: Some(truth) })
            };
            known.into_iter().filter_map(target).collect()
        };
        self.clients.iter().flat_map(|client| of_client(client)).collect()
    }
}

/// A client and what it measures.
#[derive(Debug, Clone)]
struct Target<'a> {
    client: &'a str,
    url: String,
    truth: Option<&'a Truth>,
}

fn columns(targets: &[Target<'_>]) -> Columns {
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    Columns {
        target: longest(&mut targets.iter().map(|it| it.url.chars().count())),
        client: Some(longest(&mut targets.iter().map(|it| it.client.chars().count()))),
    }
}

/// A run that is inside the lab.
struct Measuring<'a, 'r> {
    run: &'r LabRun<'a>,
    targets: Vec<Target<'r>>,
    plan: Plan,
    follow_up: FollowUp,
}

impl Measuring<'_, '_> {
    async fn inside(self, running: Running, report: &mut Report<'_>) -> Result<(), CommandError> {
        let running = Arc::new(running);
        let helpers = helpers(&running).await?;
        let sessions = self.sessions(&running, &helpers)?;
        if let (Some(_), [client]) = (&self.run.capture, self.run.clients.as_slice()) {
            running.tap(client);
        }
        let Some(clock) = self.run.clients.first().and_then(|client| running.client(client)) else {
            return Ok(());
        };
        let pace = Pace::unlimited(clock.clone());
        Runner::new((clock, &pace), self.plan, std::future::pending())
            .run(
                |_| self.targets.iter(),
                |target| measure(sessions.get(target.client), target, &self.run.apps),
                async |done| {
                    let (measurement, target) = done.measured;
                    let Some(measurement) = measurement else {
                        report.refuse(&target.url, "is no http or https URL");
                        return Ok(());
                    };
                    let client = Some(target.client);
                    let taken = Taken { client, round: done.round, truth: target.truth };
                    report.measurement(measurement, taken)
                },
            )
            .await?;
        self.capture(&running)
    }

    fn sessions(
        &self,
        running: &Arc<Running>,
        test_helpers: &[TestHelper],
    ) -> Result<BTreeMap<&str, Session<HostNet>>, CommandError> {
        let mut sessions = BTreeMap::new();
        for client in &self.run.clients {
            let Some(net) = running.client(client) else { continue };
            let vantage = vantage(running, running.facts(client));
            let asked = whom_to_ask(running, test_helpers);
            let session = Session::new(net, running.roots(), vantage, asked)?
                .with_networks(networks(running))
                .with_follow_up(self.follow_up);
            sessions.insert(*client, session);
        }
        Ok(sessions)
    }

    fn capture(&self, running: &Running) -> Result<(), CommandError> {
        let (Some(path), [client]) = (&self.run.capture, self.run.clients.as_slice()) else {
            return Ok(());
        };
        let packets = running.records(client).len();
        write_whole(path, &running.pcapng(client).unwrap_or_default())?;
        let path = output::clean(&path.display().to_string(), 300);
        output::complain(&format!("{path}: {packets} packets of the line of {client}\n"));
        Ok(())
    }
}

async fn measure<'t>(
    session: Option<&Session<HostNet>>,
    target: &'t Target<'t>,
    chosen: &[App],
) -> (Option<Value>, &'t Target<'t>) {
    let measurement = match session {
        Some(session) => apps::measure(session, &target.url, chosen).await.ok(),
        None => None,
    };
    (measurement, target)
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    std::fs::write(path, bytes).map_err(|error| CommandError::Measuring {
        message: format!("{}: cannot be written: {error}", path.display()),
        hint: "name another file".to_owned(),
    })
}

fn vantage(running: &Running, facts: Option<&ClientFacts>) -> Vantage {
    let facts = facts.cloned().unwrap_or_default();
    let resolver = facts.resolvers.first().copied();
    let resolver_network = resolver.and_then(|resolver| running.asn(resolver));
    Vantage {
        asn: facts.asn.unwrap_or(0),
        network: facts.network.unwrap_or_default(),
        country: facts.country.unwrap_or_else(|| "ZZ".to_owned()),
        resolver,
        resolver_asn: resolver_network.map_or(0, |(asn, _)| asn),
        resolver_network: resolver_network.map_or_else(String::new, |(_, org)| org.to_owned()),
    }
}

/// Whose network an address belongs to, as the scenario has it.
fn networks(running: &Arc<Running>) -> Arc<wirewitness_probe::dns::Networks> {
    let running = Arc::clone(running);
    Arc::new(move |address| {
        running.asn(address).map(|(asn, org)| Network { asn, org: org.to_owned() })
    })
}

/// The resolvers on the backbone and the test helpers; their addresses are known to whoever measures.
fn whom_to_ask(running: &Running, test_helpers: &[TestHelper]) -> Helpers {
    let mut asked = Helpers { test_helpers: test_helpers.to_vec(), ..Helpers::default() };
    for resolver in running.public_resolvers() {
        if let (true, Some(address)) = (resolver.udp, resolver.addresses.first()) {
            asked.resolvers.push(SocketAddr::new(*address, DNS_PORT));
        }
        if let Some(url) = resolver.doh.as_deref().and_then(|url| Url::parse(url).ok()) {
            know(&mut asked.known, url.host_str().unwrap_or_default(), &resolver.addresses);
            asked.doh.push(url);
        }
    }
    for helper in running.helpers() {
        for name in &helper.names {
            know(&mut asked.known, name, &helper.addresses);
            // The one name of which a scenario says that it is nobody's target.
            asked.harmless = HarmlessName(name.clone());
        }
    }
    asked
}

fn know(known: &mut BTreeMap<String, Vec<IpAddr>>, name: &str, addresses: &[IpAddr]) {
    known.insert(name.to_owned(), addresses.to_vec());
}

/// Starts our own test helper on every host that the scenario has for one.
async fn helpers(running: &Arc<Running>) -> Result<Vec<TestHelper>, CommandError> {
    let mut helpers = Vec::new();
    for host in running.helpers() {
        serve(host, running).await?;
        let names = host.names.iter();
        let urls = names.filter_map(|name| Url::parse(&format!("https://{name}/")).ok());
        helpers.extend(urls.map(|url| TestHelper { url, token: None }));
    }
    Ok(helpers)
}

/// Runs as long as the lab does.
async fn serve(host: &Host, running: &Arc<Running>) -> Result<(), CommandError> {
    let table = Arc::clone(running);
    let standing = Standing {
        trust: Trust::new(running.roots(), &host.net)?,
        rule: Arc::new(InsideOnly),
        asns: Arc::new(move |address| table.asn(address).map(|(asn, _)| asn)),
    };
    let helper = Helper::new(host.net.clone(), standing, Access::Public, limits());
    let any = SocketAddr::from(([0, 0, 0, 0], HTTPS_PORT));
    let listener = Listen::listen(&host.net, any).await.map_err(StartError::Listen)?;
    let tls = TlsAcceptor::from(Arc::clone(&host.tls));
    tokio::spawn(helper::serve::<HostNet>(listener, Some(tls), Arc::new(helper)));
    Ok(())
}

/// In the lab every address is the lab's own, and the public ones are nobody's there.
struct InsideOnly;

impl AddressRule for InsideOnly {
    fn allows(&self, _: IpAddr) -> bool {
        true
    }
}

/// There are no strangers in a lab, but perhaps a thousand targets at once of one client.
fn limits() -> Limits {
    Limits {
        in_flight: MANY,
        in_flight_per_client: MANY,
        connections: MANY,
        connections_per_client: MANY,
        requests_per_minute: u32::MAX,
        outgoing: MANY,
        ..Limits::default()
    }
}

const MANY: usize = 100_000;
const DNS_PORT: u16 = 53;
const HTTPS_PORT: u16 = 443;
