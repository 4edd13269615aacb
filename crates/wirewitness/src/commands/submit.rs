//! `wirewitness submit`: measurement files to somebody's dashboard.

use std::io::Write as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use url::Url;

use crate::command_error::CommandError;
use crate::input::sources;
use crate::output::complain;
use crate::submitting::receiver::{Clear, Receiver, Said};
use crate::submitting::sending::{self, Settings};
use crate::submitting::{Submission, exit_code};

/// Send measurement files to a dashboard that takes them
///
/// Says first how much leaves this machine, to whom, and what of it could tell who measured. Records that tell the address of who measured
/// stay. What the receiver has already it takes once, so a file may be sent again (docs/submit.md).
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// Files and folders of measurements
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The dashboard: https, or http on this machine
    #[arg(long, value_name = "URL")]
    to: Url,
    /// A file with the token that the dashboard wants; without it the variable WIREWITNESS_SUBMIT_TOKEN is looked at
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Send without TLS to another machine too: whoever is on the way can read and change it
    #[arg(long)]
    in_the_clear: bool,
    /// Trust these authorities instead of Mozilla's (PEM)
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    /// Records in one post, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = sending::BATCH, value_parser = batch)]
    batch: NonZeroUsize,
    /// How often one post is tried, 1 to 10
    #[arg(long, value_name = "N", default_value_t = sending::TRIES, value_parser = tries)]
    tries: NonZeroU32,
    /// Seconds that one try may take, 1 to 3600
    #[arg(long, value_name = "S", default_value_t = sending::TIMEOUT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// Say what would leave this machine, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// What came of it as one JSON object (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &SubmitArgs) -> Result<ExitCode, CommandError> {
    let sources = sources::expand(&args.files);
    if sources.iter().any(|it| !it.is_file()) {
        return Err(CommandError::Usage {
            message: "standard input cannot be told of before it is sent".to_owned(),
            hint: "write it into a file".to_owned(),
        });
    }
    let clear = if args.in_the_clear { Clear::Allowed } else { Clear::Loopback };
    let receiver = Receiver::new(Said {
        url: &args.to,
        token_file: args.token_file.as_deref(),
        clear,
        authorities: args.ca_file.as_ref(),
    })?;
    let settings = Settings {
        batch: args.batch,
        tries: args.tries,
        timeout: Duration::from_secs(args.timeout),
    };
    let submission = Submission { sources: &sources, receiver: &receiver, settings };
    let survey = submission.survey()?;
    complain(&survey.words(&receiver));
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if survey.measurements == 0 {
        return Err(CommandError::Measuring {
            message: "there is no measurement to send".to_owned(),
            hint: "expected OONI's format, one JSON object a line".to_owned(),
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(submission.send(&survey));
    // A lookup that the system still waits for must not hold the program up.
    runtime.shutdown_background();
    let outcome = outcome?;
    submission.tell(&outcome);
    if args.json {
        let line = serde_json::to_string(&outcome).map_err(std::io::Error::from)?;
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(exit_code(&outcome))
}

fn batch(text: &str) -> Result<NonZeroUsize, String> {
    let number: Option<NonZeroUsize> = text.parse().ok();
    number.filter(|it| it.get() <= 1_000).ok_or_else(|| "expected 1 to 1000".to_owned())
}

fn tries(text: &str) -> Result<NonZeroU32, String> {
    let number: Option<NonZeroU32> = text.parse().ok();
    number.filter(|it| it.get() <= 10).ok_or_else(|| "expected 1 to 10".to_owned())
}
