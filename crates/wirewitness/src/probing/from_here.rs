//! A run on this machine's line: consent, a list that is weighed, a pace, a file that a crash cannot spoil.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rustls::RootCertStore;
use serde_json::Value;
use time::OffsetDateTime;
use url::Url;
use wirewitness_analysis::judge::address::AsnTable as _;
use wirewitness_net::Clock as _;
use wirewitness_probe::apps::description::App;
use wirewitness_probe::helper::address::is_public;
use wirewitness_probe::journal::Journal;
use wirewitness_probe::kernel::KernelNet;
use wirewitness_probe::pace::{Pace, TargetRate};
use wirewitness_probe::record::Network;
use wirewitness_probe::run::{End, Runner, apart};
use wirewitness_probe::scrub::{Scrubber, Secrets};
use wirewitness_probe::service::Services;
use wirewitness_probe::targets::{self, Allow, LineError, Policy, Risks, Targets};
use wirewitness_probe::{Helpers, Session, TestHelper, Trust, Vantage};

use super::apps;
use super::consent::{self, Said};
use super::line::{self, Line, PublicAddress};
use super::report::{Places, Report, TEST_NAME, Taken};
use super::sent::{self, Measured, SubmitArgs};
use super::settings::{PlanArgs, TellArgs};
use crate::command_error::CommandError;
use crate::input::asn::Tables;
use crate::input::{authorities, token};
use crate::output::{self, Columns};
use crate::stop;

/// How to measure from this machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "On this machine's line")]
pub(crate) struct LineArgs {
    /// Targets that begin in a second, 1 to 100
    #[arg(long, value_name = "R", default_value = "2", conflicts_with = "lab")]
    rate: u32,
    /// A test helper: sees the same targets from elsewhere. May be given several times; asked in this order
    #[arg(long, value_name = "URL", conflicts_with_all = ["lab", "no_helper"])]
    helper: Vec<Url>,
    /// A file with the token that the helpers want
    #[arg(long, value_name = "FILE", requires = "helper")]
    helper_token_file: Option<PathBuf>,
    /// Measure without a test helper, and say nothing about it
    #[arg(long, conflicts_with = "lab")]
    no_helper: bool,
    /// The public resolver to ask over UDP: an address, or address:port
    #[arg(long, value_name = "IP", default_value = "8.8.8.8", value_parser = resolver, conflicts_with = "lab")]
    resolver: SocketAddr,
    /// The public resolver to ask over HTTPS
    #[arg(long, value_name = "URL", default_value = CLOUDFLARE, conflicts_with = "lab")]
    doh: Url,
    /// Go on with the file named by --output: what is in it is not measured again
    #[arg(long, requires = "output", conflicts_with_all = ["lab", "times"])]
    resume: bool,
    /// You have read docs/consent.md and agree, for this run
    #[arg(long, conflicts_with = "lab")]
    yes_i_consent: bool,
    /// Visit sites of this category of high risk too (lists/risk.csv). May be given several times
    #[arg(long, value_name = "CODE", conflicts_with = "lab")]
    allow_category: Vec<String>,
    /// This line's public address, so that it is kept out of the file; `none` if the file may tell it. Without this a
    /// public service is asked
    #[arg(long, value_name = "IP", conflicts_with = "lab")]
    public_address: Option<PublicAddress>,
    /// Networks of addresses: mmdb (autonomous_system_number) or lines of `first,last,number,name`, written beside each address
    #[arg(long, value_name = "PATH", conflicts_with = "lab")]
    asn: Vec<PathBuf>,
    /// Trust these authorities instead of Mozilla's, for targets and helpers alike (PEM)
    #[arg(long, value_name = "PEM", conflicts_with = "lab")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    submit: SubmitArgs,
}

/// What to measure from here, and how.
pub(crate) struct LineRun<'a> {
    /// Addresses and names from the command line.
    pub(crate) urls: &'a [String],
    /// Applications, each of which is among these as [`wirewitness_probe::apps::target`] has it.
    pub(crate) apps: &'a [App],
    /// A list.
    pub(crate) list: Option<&'a Path>,
    /// How to measure.
    pub(crate) line: &'a LineArgs,
    /// How much at once.
    pub(crate) plan: &'a PlanArgs,
    /// How to tell.
    pub(crate) tell: &'a TellArgs,
}

impl LineRun<'_> {
    /// Measures and tells.
    ///
    /// # Errors
    /// No consent, wrong usage, nothing to measure, or nowhere to write.
    pub(crate) fn run(&self) -> Result<ExitCode, CommandError> {
        // What is wrong with the command line is told before anybody has to read two pages.
        let rate = TargetRate::new(self.line.rate)
            .map_err(|error| usage(error.to_string(), "2 is usual"))?;
        let prepared = Prepared {
            rate,
            roots: authorities::read(self.line.ca_file.as_deref())?,
            helpers: self.helpers()?,
        };
        let receiver = self.line.submit.receiver(self.line.ca_file.as_ref())?;
        let policy = self.policy()?;
        self.given().collect::<Result<Vec<_>, _>>()?;
        consent::ensure(if self.line.yes_i_consent { Said::Yes } else { Said::Nothing })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| measuring(format!("no runtime: {error}"), "try again"))?;
        let end = runtime.block_on(async {
            receiver.iter().for_each(sent::announce);
            let measured = self.inside(&policy, prepared).await?;
            match &receiver {
                Some(receiver) => sent::send(receiver, measured).await,
                None => Ok(measured.code),
            }
        });
        // A lookup that the system still waits for must not hold the program up.
        runtime.shutdown_background();
        end
    }

    async fn inside(&self, policy: &Policy, prepared: Prepared) -> Result<Measured, CommandError> {
        let net = KernelNet::new();
        let Prepared { rate, roots, helpers } = prepared;
        let services = Services::new(
            net.clone(),
            Trust::new(Arc::clone(&roots), &net)?,
            helpers.known.clone(),
        );
        let line = line::find(&services, &net, self.line.public_address).await?;
        let tables = Arc::new(Tables::open(&self.line.asn)?);
        let asks_helper = !helpers.test_helpers.is_empty();
        let pace = Arc::new(Pace::new(net.clone(), rate));
        let session = Session::new(net.clone(), roots, vantage(&line, &tables), helpers)?
            .with_networks(networks(tables))
            .with_pace(Arc::clone(&pace))
            .with_follow_up(self.plan.follow_up());
        let (path, journal) = self.journal(&net)?;
        let expected = self.count(policy, &journal)?;
        let places = Places {
            scrubber: scrubber(&line)?,
            journal: Some(journal),
            expected: expected * u64::from(self.plan.times.get()),
            columns: Columns { target: TARGET_WIDTH, client: None },
        };
        self.announce(expected, (&path, asks_helper));
        let report = RefCell::new(Report::begin(self.tell, places)?);
        let end = self.measure((net, &pace), session, (policy, &report)).await?;
        let report = report.into_inner();
        if let End::Stopped { given_up } = end {
            report.say(&format!(
                "stopped; {given_up} given up. `--resume --output {}` goes on\n",
                path.display()
            ));
        }
        let was_stopped = matches!(end, End::Stopped { .. });
        Ok(Measured { code: report.finish()?, path, was_stopped })
    }

    async fn measure(
        &self,
        (net, pace): (KernelNet, &Pace<KernelNet>),
        session: Session<KernelNet>,
        (policy, report): (&Policy, &RefCell<Report<'_>>),
    ) -> Result<End, CommandError> {
        let session = Arc::new(session);
        let apps: Arc<[App]> = self.apps.into();
        let is_new = |url: &String| !(self.line.resume && report.borrow().has(url));
        let targets = |_| self.targets(policy).into_iter().flatten().flatten().filter(is_new);
        let measure = |url: String| {
            let (session, apps) = (Arc::clone(&session), Arc::clone(&apps));
            async move {
                let task = {
                    let url = url.clone();
                    async move { apps::measure(&session, &url, &apps).await }
                };
                let measured = match apart(task).await {
                    Ok(measured) => measured,
                    Err(lost) => Err(lost.to_string()),
                };
                (url, measured)
            }
        };
        let mut helper_was_heard_of = self.line.helper.is_empty();
        let plan = self.plan.plan(AT_ONCE);
        Runner::new((net, pace), plan, stop::asked_for())
            .run(targets, measure, async |done| {
                let (url, measured) = done.measured;
                let mut report = report.borrow_mut();
                match measured {
                    Ok(measurement) => {
                        if !helper_was_heard_of {
                            helper_was_heard_of = true;
                            tell_of_helper(&report, &measurement);
                        }
                        let taken = Taken { client: None, round: done.round, truth: None };
                        report.measurement(measurement, taken)?;
                    }
                    Err(reason) => report.refuse(&url, &reason),
                }
                Ok(())
            })
            .await
    }

    /// What was given on the command line, as it is visited: by the person's own will, wherever it leads.
    fn given(&self) -> impl Iterator<Item = Result<String, CommandError>> {
        let is_app = |text: &&String| self.apps.iter().any(|app| apps::is(app, text));
        self.urls.iter().map(move |text| match targets::parse(text) {
            _ if is_app(&text) => Ok(text.clone()),
            Ok((input, _)) => Ok(input),
            Err(LineError::NotPublic(_)) if text.contains("://") => Ok(text.clone()),
            Err(error) => Err(usage(format!("{text:?}: {error}"), "give http or https URLs")),
        })
    }

    /// All targets: what was given, then the list; without either the small list that comes with the program.
    fn targets(&self, policy: &Policy) -> Result<Weighed<'_>, CommandError> {
        let given = self.given().map(|it| it.map_err(|error| error.to_string()));
        let (list, name): (Box<dyn BufRead>, String) = match self.list {
            Some(path) => {
                let name = path.display().to_string();
                let file = File::open(path)
                    .map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
                (Box::new(BufReader::new(file)), name)
            }
            None if self.urls.is_empty() => {
                (Box::new(SMALL_LIST.as_bytes()), "small.csv".to_owned())
            }
            None => return Ok(Box::new(given)),
        };
        let listed = Targets::new(list, &name, policy.clone());
        let listed = listed.map(|it| it.map(|it| it.input).map_err(|error| error.to_string()));
        Ok(Box::new(given.chain(listed)))
    }

    /// Reads the list once, to know how long it is and to tell what is wrong with it.
    fn count(&self, policy: &Policy, journal: &Journal) -> Result<u64, CommandError> {
        let (mut count, mut wrong) = (0_u64, 0_u64);
        for target in self.targets(policy)? {
            match target {
                Ok(url) if self.line.resume && journal.has(TEST_NAME, Some(&url)) => {}
                Ok(_) => count += 1,
                Err(reason) => {
                    wrong += 1;
                    if wrong <= MOST_COMPLAINTS {
                        output::complain(&format!("{}\n", output::clean(&reason, 300)));
                    }
                }
            }
        }
        if wrong > MOST_COMPLAINTS {
            let more = wrong - MOST_COMPLAINTS;
            output::complain(&format!("{more} more lines of the list are not measured\n"));
        }
        Ok(count)
    }

    fn policy(&self) -> Result<Policy, CommandError> {
        let risks = Risks::shipped();
        let allow = Allow::new(&risks, self.line.allow_category.iter().map(|it| it.to_uppercase()))
            .map_err(|error| usage(error.to_string(), "lists/risk.csv says why"))?;
        Ok(Policy { risks, allow })
    }

    fn helpers(&self) -> Result<Helpers, CommandError> {
        let token = self.line.helper_token_file.as_deref().map(token::read).transpose()?;
        let helper = |url: &Url| TestHelper { url: url.clone(), token: token.clone() };
        let mut helpers = Helpers {
            resolvers: vec![self.line.resolver],
            doh: vec![self.line.doh.clone()],
            test_helpers: self.line.helper.iter().map(helper).collect(),
            ..Helpers::default()
        };
        // A resolver that lies about names must not decide who is asked about lies.
        if self.line.doh.as_str() == CLOUDFLARE {
            let host = self.line.doh.host_str().unwrap_or_default().to_owned();
            helpers.known.insert(host, CLOUDFLARE_ADDRESSES.to_vec());
        }
        Ok(helpers)
    }

    fn journal(&self, net: &KernelNet) -> Result<(PathBuf, Journal), CommandError> {
        let path = match &self.tell.output {
            Some(path) => path.clone(),
            None => PathBuf::from(format!("measurements-{}.jsonl", moment(net))),
        };
        let journal =
            if self.line.resume { Journal::resume(&path)? } else { Journal::create(&path)? };
        Ok((path, journal))
    }

    fn announce(&self, targets: u64, (path, asks_helper): (&Path, bool)) {
        let (rate, plural) = (self.line.rate, if targets == 1 { "" } else { "s" });
        output::complain(&format!(
            "{targets} target{plural}, {rate} a second at most; measurements go to {}\n",
            output::clean(&path.display().to_string(), 300)
        ));
        if !asks_helper && !self.line.no_helper {
            output::complain(
                "no test helper: what fails cannot be told from what is down. `--helper URL` names \
                 one, `--no-helper` does without\n",
            );
        }
    }
}

/// What must be right before anybody is asked anything.
struct Prepared {
    rate: TargetRate,
    roots: Arc<RootCertStore>,
    helpers: Helpers,
}

/// Targets, and why others are none.
type Weighed<'a> = Box<dyn Iterator<Item = Result<String, String>> + 'a>;

fn tell_of_helper(report: &Report<'_>, measurement: &Value) {
    if let Some(failure) = measurement.pointer("/test_keys/control_failure").and_then(Value::as_str)
    {
        report.say(&format!(
            "no test helper answered ({}); going on without\n",
            output::clean(failure, 100)
        ));
    }
}

fn vantage(line: &Line, tables: &Tables) -> Vantage {
    let asn = line.public.iter().find_map(|address| tables.asn(*address));
    Vantage {
        asn: asn.unwrap_or(0),
        country: line.country.clone().unwrap_or_else(|| "ZZ".to_owned()),
        ..Vantage::default()
    }
}

fn networks(tables: Arc<Tables>) -> Arc<wirewitness_probe::dns::Networks> {
    Arc::new(move |address| {
        let asn = tables.asn(address)?;
        Some(Network { asn, org: String::new() })
    })
}

/// Takes out the line's addresses, those of its interfaces, and the system's resolvers.
fn scrubber(line: &Line) -> Result<Scrubber, CommandError> {
    let mut secrets = Secrets { line: line.public.clone(), ..Secrets::default() };
    // Those of the local network are nobody's outside it.
    secrets.line.extend(line::own_addresses().into_iter().filter(|it| is_public(*it)));
    secrets.resolvers = line::system_resolvers();
    Scrubber::new(&secrets).map_err(|error| measuring(error.to_string(), "this is a fault of ours"))
}

/// `20250101T000000Z`.
fn moment(net: &KernelNet) -> String {
    let now = OffsetDateTime::from(net.now().wall);
    let (hour, minute, second) = now.to_hms();
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address: Result<IpAddr, _> = text.parse();
    let whole = || text.parse().map_err(|_| "expected an address, or address:port".to_owned());
    address.map_or_else(|_| whole(), |address| Ok(SocketAddr::new(address, DNS_PORT)))
}

fn usage(message: String, hint: &str) -> CommandError {
    CommandError::Usage { message, hint: hint.to_owned() }
}

fn measuring(message: String, hint: &str) -> CommandError {
    CommandError::Measuring { message, hint: hint.to_owned() }
}

const SMALL_LIST: &str = include_str!("../../../../lists/small.csv");
const CLOUDFLARE: &str = "https://cloudflare-dns.com/dns-query";
/// Cloudflare, "1.1.1.1 IP addresses".
const CLOUDFLARE_ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V4(std::net::Ipv4Addr::new(1, 0, 0, 1)),
];
/// As many as a test helper works on for one client.
const AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);
const TARGET_WIDTH: usize = 40;
const MOST_COMPLAINTS: u64 = 20;
const DNS_PORT: u16 = 53;
