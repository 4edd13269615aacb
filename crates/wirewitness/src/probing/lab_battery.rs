//! The attribution battery inside a scenario: its far end on the scenario's first helper, its file like any other.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use wirewitness_lab::Scenario;
use wirewitness_lab::host::socket::HostNet;
use wirewitness_lab::scenario::{BatteryNames, Helper as Host, Running, StartError};
use wirewitness_model::battery::Battery;
use wirewitness_net::Listen;
use wirewitness_net::raw::Raw;
use wirewitness_probe::Trust;
use wirewitness_probe::battery::{self, ConsentToken, FarEnd, Plan, Test};
use wirewitness_probe::helper::battery::fragments::count;
use wirewitness_probe::helper::battery::headers::watch;
use wirewitness_probe::helper::battery::{Bounds, Desk, Ports, take_in};
use wirewitness_probe::helper::{self, Access, Helper, Limits, PublicOnly, Standing};

use crate::attributing::live::private_file;
use crate::command_error::CommandError;
use crate::output;

/// What a battery in the lab is told.
#[derive(Debug, Args)]
pub(crate) struct LabBatteryArgs {
    /// Where the battery of a scenario for attribution goes, a new file; the scenario's name if not said
    #[arg(long, value_name = "FILE")]
    battery: Option<PathBuf>,
    /// Tests of that battery, by name (docs/attribution.md)
    #[arg(long, value_name = "TEST,..", value_delimiter = ',', default_value = "residual,tls,dns")]
    tests: Vec<String>,
    /// Runs of each probe of that battery, 1 or 2
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2))]
    runs: u32,
}

impl LabBatteryArgs {
    /// Runs the battery on a scenario's path, from its first client or the one that is named.
    pub(crate) fn run(
        &self,
        scenario: &Scenario,
        names: &BatteryNames,
        (client, seed): (Option<&str>, Option<u64>),
    ) -> Result<ExitCode, CommandError> {
        let plan = self.plan(scenario, names, seed.unwrap_or(1))?;
        let named = client.or_else(|| scenario.clients().next()).unwrap_or_default().to_owned();
        let path = self.battery.clone();
        let path = path.unwrap_or_else(|| PathBuf::from(format!("{}.json", scenario.name())));
        let measured = |running: Running| async move { measured(&running, &named, &plan).await };
        let battery = scenario.run(seed, measured)??;
        private_file(&path)?.write_all(battery.to_json().as_bytes())?;
        output::complain(&summary(&battery, &path));
        Ok(ExitCode::SUCCESS)
    }

    fn plan(
        &self,
        scenario: &Scenario,
        names: &BatteryNames,
        seed: u64,
    ) -> Result<Plan, CommandError> {
        let usage = |message: String| CommandError::Usage {
            message,
            hint: format!("tests are {}", Test::ALL.map(Test::word).join(", ")),
        };
        let test = |word: &String| {
            Test::of(word).ok_or_else(|| usage(format!("{word:?} is no test of the battery")))
        };
        let plan = Plan {
            event: format!("lab, {}, seed {seed}", scenario.name()),
            tests: self.tests.iter().map(test).collect::<Result<_, _>>()?,
            runs: self.runs,
            ..Plan::new(&names.trigger, &names.neutral, seed)
        };
        plan.check().map_err(|error| usage(error.to_string()))?;
        Ok(plan)
    }
}

async fn measured(running: &Running, client: &str, plan: &Plan) -> Result<Battery, CommandError> {
    let wrong = |message: &str| CommandError::Usage {
        message: message.to_owned(),
        hint: "docs/lab.md explains [battery]".to_owned(),
    };
    let net = running.client(client).ok_or_else(|| wrong("the scenario has no such client"))?;
    let host = running.helpers().first().ok_or_else(|| wrong("the scenario has no helper"))?;
    let far_end = far_end(host).await?;
    battery::run(&net, &far_end, plan, &|_| {}).await.map_err(|error| CommandError::Measuring {
        message: output::clean(&error.to_string(), 400),
        hint: "docs/lab.md explains [battery]".to_owned(),
    })
}

/// Starts the far end on a host of the lab, as long as the lab runs. What its token guards is nobody's.
async fn far_end(host: &Host) -> Result<FarEnd, CommandError> {
    let address = host.addresses.first().copied().unwrap_or(std::net::Ipv4Addr::LOCALHOST.into());
    let net = &host.net;
    // Injectors look at 53; the others are there so that a battery need not wait for one to rest.
    let udp = [53].into_iter().chain(UDP_PORTS).collect();
    let server = SocketAddr::new(address, CONTROL_PORT);
    let token = ConsentToken::issue(server, TCP_PORTS.collect(), udp, [0; 32]);
    let trust = Trust::new(Trust::mozilla(), net)?;
    let rule = Arc::new(PublicOnly::default());
    let standing = Standing { trust: trust.clone(), rule, asns: Arc::new(|_| None) };
    let desk = Arc::new(Desk::new(token.clone(), Bounds::default()));
    let helper = Helper::new(net.clone(), standing, Access::Public, Limits::default());
    let helper = Arc::new(helper.with_battery(Arc::clone(&desk)));
    let any = SocketAddr::from(([0, 0, 0, 0], CONTROL_PORT));
    let listener = Listen::listen(net, any).await.map_err(StartError::Listen)?;
    tokio::spawn(helper::serve::<HostNet>(listener, None, helper));
    let ports = Ports::open(net, address, &desk).await;
    let ports = ports.map_err(|(_, failure)| StartError::Listen(failure))?;
    tokio::spawn(take_in(net.clone(), ports, Arc::clone(&desk)));
    if let Ok(pieces) = net.pieces() {
        desk.counts_fragments();
        tokio::spawn(count(net.clone(), pieces, Arc::clone(&desk)));
    }
    if let Ok(segments) = net.segments(&desk.token().tcp) {
        desk.records_headers();
        tokio::spawn(watch(net.clone(), segments, desk));
    }
    let url = format!("http://{server}/");
    let url = url.parse().map_err(std::io::Error::other)?;
    Ok(FarEnd { url, token, trust })
}

fn summary(battery: &Battery, path: &Path) -> String {
    let run = battery.run.clone().unwrap_or_default();
    let ended = run.ended.map_or_else(String::new, |why| format!("ended early: {why}\n"));
    let path = output::clean(&path.display().to_string(), 300);
    format!(
        "{ended}{} connections in {} virtual seconds; stored in {path}; `wirewitness attribute {path}` scores it\n",
        run.connections, run.seconds
    )
}

const TCP_PORTS: std::ops::Range<u16> = 20_000..20_064;
const UDP_PORTS: std::ops::Range<u16> = 20_100..20_160;
const CONTROL_PORT: u16 = 8080;
