//! `wirewitness helper`: the test helper, which sees targets from where the censor is not.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::{ArgGroup, Args};
use tokio_rustls::TlsAcceptor;
use wirewitness_analysis::judge::address::AsnTable as _;
use wirewitness_net::{Accept as _, Listen as _};
use wirewitness_probe::Trust;
use wirewitness_probe::helper::{
    self, Access, Counts, Helper, Limits, PublicOnly, Standing, Token,
};
use wirewitness_probe::kernel::KernelNet;

use crate::attributing::far_end::{self, FarEndArgs};
use crate::command_error::CommandError;
use crate::input::asn::Tables;
use crate::input::{tls, token};
use crate::output;
use crate::probing::line;
use crate::stop;

/// Run a test helper: the control side of measurements, in OONI's protocol
///
/// Put it where nobody interferes. It visits what probes ask for, from there, and tells what it saw; it contacts only
/// addresses of the public internet. It keeps nothing about who asked (docs/probe.md).
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("access").required(true))]
pub(crate) struct HelperArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Whoever wants to may ask
    #[arg(long, group = "access")]
    public: bool,
    /// Only those may ask who know the token in this file, of at least sixteen characters
    #[arg(long, value_name = "FILE", group = "access")]
    token_file: Option<PathBuf>,
    /// The certificate with its chain, PEM. Without it the helper speaks plain HTTP, for a proxy in front of it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Networks of addresses: mmdb (autonomous_system_number) or lines of `first,last,number,name`, told beside each address
    #[arg(long, value_name = "PATH")]
    asn: Vec<PathBuf>,
    /// A public address of this host that its interfaces do not have (behind NAT): never contacted
    #[arg(long, value_name = "IP")]
    own_address: Vec<IpAddr>,
    /// A port that is contacted beside 80 and 443. May be given several times
    #[arg(long, value_name = "PORT")]
    also_port: Vec<u16>,
    /// Requests worked on at once; further ones get 503
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight)]
    max_requests: usize,
    /// Connections held at once; further ones are closed
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Requests of one client in a minute; further ones get 429
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests_per_minute)]
    requests_per_minute: u32,
    #[command(flatten)]
    far_end: FarEndArgs,
}

/// Runs the verb.
pub(crate) fn run(args: &HelperArgs) -> Result<ExitCode, CommandError> {
    let access = match &args.token_file {
        Some(path) => Access::Bearer(read_token(path)?),
        None => Access::Public,
    };
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
        _ => None,
    };
    let net = KernelNet::new();
    let helper = Helper::new(net.clone(), standing(args, &net)?, access, limits(args));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve((args, net), tls, helper));
    runtime.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(
    (args, net): (&HelperArgs, KernelNet),
    tls: Option<TlsAcceptor>,
    mut helper: Helper<KernelNet>,
) -> Result<(), CommandError> {
    let listener = net.listen(args.listen).await.map_err(|failure| CommandError::Measuring {
        message: format!("cannot listen on {}: {failure}", args.listen),
        hint: "name another address or port with --listen".to_owned(),
    })?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let local = listener.local_addr();
    // A token names the port that this server has.
    let desk = args.far_end.desk(local.port())?;
    if let Some(desk) = &desk {
        helper = helper.with_battery(Arc::clone(desk));
    }
    let helper = Arc::new(helper);
    writeln!(std::io::stdout().lock(), "listening on {scheme}://{local}/")?;
    if tls.is_none() && !local.ip().is_loopback() {
        output::complain("without TLS, what is asked and answered can be read on the way\n");
    }
    let far_end = match &desk {
        Some(desk) => Some(far_end::open(&net, args.listen.ip(), desk).await?),
        None => None,
    };
    let far_end = async {
        match far_end {
            Some(far_end) => far_end.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = stop::asked_for() => {}
        () = far_end => {}
        () = helper::serve::<KernelNet>(listener, tls, Arc::clone(&helper)) => {}
    }
    output::complain(&words(helper.counts()));
    Ok(())
}

fn words(counts: &Counts) -> String {
    let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    format!(
        "stopped: {} measured; {} too many at once, {} too fast, {} not admitted, {} malformed; {} \
         connections, {} more closed at once\n",
        read(&counts.measured),
        read(&counts.busy),
        read(&counts.too_fast),
        read(&counts.not_admitted),
        read(&counts.malformed),
        read(&counts.connections),
        read(&counts.shed),
    )
}

fn standing(args: &HelperArgs, net: &KernelNet) -> Result<Standing, CommandError> {
    let tables = Tables::open(&args.asn)?;
    let mut own = args.own_address.clone();
    own.extend(line::own_addresses());
    Ok(Standing {
        trust: Trust::new(Trust::mozilla(), net)?,
        rule: Arc::new(PublicOnly::new(own)),
        asns: Arc::new(move |address| tables.asn(address)),
    })
}

fn limits(args: &HelperArgs) -> Limits {
    let defaults = Limits::default();
    Limits {
        ports: defaults.ports.iter().chain(&args.also_port).copied().collect(),
        in_flight: args.max_requests,
        connections: args.max_connections,
        requests_per_minute: args.requests_per_minute,
        ..defaults
    }
}

fn read_token(path: &Path) -> Result<Token, CommandError> {
    Token::new(&token::read(path)?).map_err(|error| CommandError::BadFile {
        path: path.display().to_string(),
        message: error.to_string(),
        hint: "`openssl rand -hex 32` makes a good one".to_owned(),
    })
}
