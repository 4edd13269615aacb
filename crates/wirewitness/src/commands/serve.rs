//! `wirewitness serve`: an archive for browsers and for programs.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use url::Url;
use wirewitness_dashboard::facts;
use wirewitness_dashboard::open::Open;
use wirewitness_dashboard::server::listen::Listener;
use wirewitness_dashboard::server::token::Token;
use wirewitness_dashboard::server::{Limits, Settings, serve};
use wirewitness_dashboard::submit::{self, Submit};
use wirewitness_net::Clock as _;
use wirewitness_probe::kernel::KernelNet;
use wirewitness_store::archive;
use wirewitness_store::query::{Options, Workers};

use super::query::network_names;
use crate::archiving::place::ArchiveArgs;
use crate::attributing::profiles;
use crate::command_error::CommandError;
use crate::input::{tls, token};
use crate::output::{clean, complain};
use crate::refreshing::folder::Data;
use crate::serving::{categories, demo};
use crate::stop;

/// Show an archive: pages for people, an API, feeds
///
/// Pages need no script, and nothing is loaded from elsewhere. No cookie is set, and nothing of who reads is kept. It listens on this
/// machine only unless told otherwise (docs/howto/publish-a-dashboard.md). Programs ask under /api/ (docs/api.md).
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// Without an archive: fill one from the lab, of a country that does not exist, and show it. It is gone when the program ends
    #[arg(long, conflicts_with = "archive")]
    demo: bool,
    /// Where to listen; port 0 takes a free one. May be given several times
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8085")]
    listen: Vec<SocketAddr>,
    /// A socket in the file system to listen on too, for a proxy or an onion service on this machine
    #[cfg(unix)]
    #[arg(long, value_name = "PATH")]
    listen_unix: Option<PathBuf>,
    /// The certificate with its chain, PEM. Without it pages are sent in the clear, for a proxy in front
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Who knows the token in this file, of at least sixteen characters, may ask in SQL and see counters from elsewhere
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Take measurements that are posted, into this folder; `wirewitness ingest DIR/kept` takes them into an archive
    #[arg(long, value_name = "DIR")]
    submissions: Option<PathBuf>,
    /// Who posts has to know the token in this file. May be given several times; without any, anybody may post
    #[arg(long, value_name = "FILE", requires = "submissions")]
    submit_token_file: Vec<PathBuf>,
    /// Names of networks: lines of `number,name`, or the table of --asn
    #[arg(long, value_name = "FILE")]
    network_names: Option<PathBuf>,
    /// Categories of names: a list of the Citizen Lab's form (`url,category_code,..`). May be given several times; the first that has a name counts
    #[arg(long, value_name = "FILE")]
    lists: Vec<PathBuf>,
    /// Lists from a folder that `wirewitness refresh` filled, after those of --lists
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Show what the files were called that measurements were read from. A person's file may be called after them
    #[arg(long)]
    file_names: bool,
    /// Memory of one question for sorting, joining and grouping, MB
    #[arg(long, value_name = "MB", default_value_t = 128)]
    memory: usize,
    /// Seconds after which a question is given up
    #[arg(long, value_name = "S", default_value_t = 20)]
    timeout: u64,
    /// Connections held at once; keep it below the system's limit of open files
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
}

/// Runs the verb.
pub(crate) fn run(args: &ServeArgs) -> Result<ExitCode, CommandError> {
    let settings = Settings {
        limits: Limits { connections: args.max_connections, ..Limits::default() },
        tls: match (&args.tls_cert, &args.tls_key) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            _ => None,
        },
        admin: args.admin_token_file.as_deref().map(read_token).transpose()?,
        now,
    };
    let submit = args.submit()?;
    // Every thread holds memory that others freed; by default there can be 512 of them, each for some seconds.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(MOST_THREADS)
        .thread_keep_alive(THREADS_STAY)
        .enable_all()
        .build()?;
    let served = runtime.block_on(args.serve(settings, submit));
    runtime.shutdown_timeout(Duration::from_secs(1));
    served.map(|()| ExitCode::SUCCESS)
}

impl ServeArgs {
    async fn serve(&self, settings: Settings, submit: Option<Submit>) -> Result<(), CommandError> {
        let catalogue = profiles::load(None)?;
        let mut lists = self.lists.clone();
        lists.extend(self.data.as_deref().map(Data::lists).transpose()?.unwrap_or_default());
        let facts = facts::Settings {
            query: self.options()?,
            catalogue: Some(Arc::new(catalogue)),
            is_demonstration: self.demo,
            shows_file_names: self.file_names,
            categories: Arc::new(categories::read(&lists)?),
            ..facts::Settings::default()
        };
        let with = (settings.admin.clone(), submit);
        // Gone with the folder, at the end.
        let demo = if self.demo { Some(made_up().await?) } else { None };
        let url = match &demo {
            Some((_, url)) => url.clone(),
            None => self.archive.url()?,
        };
        let open = Open::new(url, facts, with).await.map_err(|error| CommandError::Asking {
            message: error.to_string(),
            hint: "`wirewitness archive check` says whether an archive is whole".to_owned(),
        })?;
        let listeners = self.listeners().await?;
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        for address in listeners.iter().filter_map(Listener::address) {
            writeln!(std::io::stdout().lock(), "listening on {scheme}://{address}/")?;
            if settings.tls.is_none() && !address.ip().is_loopback() {
                complain("without TLS, what is read can be seen and changed on the way\n");
            }
        }
        let serving = serve(listeners, open.served.clone(), settings, stop::asked_for());
        let renewing = open.stay_new(RENEWED_EVERY, |error| {
            let words = clean(&error.to_string(), 300);
            complain(&format!(
                "the archive cannot be read again, the last state is shown: {words}\n"
            ));
        });
        tokio::select! {
            () = serving => {}
            () = renewing => {}
        }
        complain("stopped\n");
        Ok(())
    }

    async fn listeners(&self) -> Result<Vec<Listener>, CommandError> {
        let failed = |place: &dyn std::fmt::Display, error: &std::io::Error| CommandError::Asking {
            message: format!("cannot listen on {place}: {error}"),
            hint: "name another address or port with --listen".to_owned(),
        };
        let mut listeners = Vec::new();
        for address in &self.listen {
            let listener = Listener::tcp(*address).await;
            listeners.push(listener.map_err(|error| failed(address, &error))?);
        }
        #[cfg(unix)]
        if let Some(path) = &self.listen_unix {
            let listener = Listener::unix(path).await;
            listeners.push(listener.map_err(|error| failed(&path.display(), &error))?);
        }
        Ok(listeners)
    }

    fn options(&self) -> Result<Options, CommandError> {
        Ok(Options {
            partitions: Some(2),
            memory_bytes: self.memory.max(1) << 20,
            spill_bytes: 4 << 30,
            timeout: Some(Duration::from_secs(self.timeout.max(1))),
            names: network_names(self.network_names.as_deref())?,
            workers: Some(Workers::new(available_parallelism().map_or(2, usize::from))?),
            ..Options::default()
        })
    }

    fn submit(&self) -> Result<Option<Submit>, CommandError> {
        let Some(folder) = &self.submissions else { return Ok(None) };
        let tokens =
            self.submit_token_file.iter().map(|it| read_token(it)).collect::<Result<_, _>>()?;
        let submit = Submit::new(folder.clone(), tokens, submit::Limits::default(), now);
        let unreadable =
            |source| CommandError::Unreadable { path: folder.display().to_string(), source };
        submit.map(Some).map_err(unreadable)
    }
}

/// An archive from the lab, in a folder of its own.
async fn made_up() -> Result<(tempfile::TempDir, Url), CommandError> {
    let folder = tempfile::Builder::new().prefix("wirewitness-demo-").tempdir()?;
    let url = archive::locate(&folder.path().display().to_string())?;
    complain("filling an archive from the lab\n");
    let filled = demo::fill(&url).await?;
    complain(&format!("{} made-up verdicts, {} events\n", filled.rows, filled.events));
    Ok((folder, url))
}

fn read_token(path: &Path) -> Result<Token, CommandError> {
    Token::new(&token::read(path)?).map_err(|error| CommandError::BadFile {
        path: path.display().to_string(),
        message: error.to_string(),
        hint: "`openssl rand -hex 32` makes a good one".to_owned(),
    })
}

/// Threads for what takes long.
const MOST_THREADS: usize = 6;
const THREADS_STAY: Duration = Duration::from_secs(3_600);

/// Seconds since 1970.
fn now() -> i64 {
    let since = KernelNet::new().now().wall.duration_since(UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX))
}

const RENEWED_EVERY: Duration = Duration::from_secs(5);
