//! Running a battery from this machine, against one's own helper.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use url::Url;
use wirewitness_model::battery::Battery;
use wirewitness_probe::Trust;
use wirewitness_probe::battery::chance::Chance;
use wirewitness_probe::battery::{self, ConsentToken, FarEnd, Plan, Step, Test};
use wirewitness_probe::kernel::KernelNet;

use crate::command_error::CommandError;
use crate::input::token;
use crate::output::{clean, complain};
use crate::probing::consent::{self, Said};
use crate::stop;

/// What a live battery is told.
#[derive(Debug, Args)]
pub(crate) struct LiveArgs {
    /// Run a battery against your own helper (`wirewitness helper --battery`) at this URL, store it and score it
    #[arg(long, value_name = "URL", requires = "token", requires = "name")]
    live: Option<Url>,
    /// The consent token that the helper wrote when it started, in a file
    #[arg(long, value_name = "FILE", requires = "live")]
    token: Option<PathBuf>,
    /// A name that is censored here: popular and harmless to be seen asking for. It is sent, and never visited
    #[arg(long, value_name = "NAME", requires = "live")]
    name: Option<String>,
    /// A name that is not censored
    #[arg(long, value_name = "NAME", default_value = "example.com")]
    neutral: String,
    /// Tests, by name (docs/attribution.md)
    #[arg(long, value_name = "TEST,..", value_delimiter = ',', default_value = "residual,tls,dns")]
    tests: Vec<String>,
    /// Runs of each probe that are to agree, 1 or 2; the second as far as the connections of a run last
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=2))]
    runs: u32,
    /// Where to store the battery. It may hold what betrays your address: keep it to yourself
    #[arg(long, value_name = "FILE", default_value = "battery.json")]
    out: PathBuf,
    /// The seed of the order of trials, to try the same order again
    #[arg(long, value_name = "N", requires = "live")]
    seed: Option<u64>,
    /// You have read docs/consent.md and agree
    #[arg(long, requires = "live")]
    yes_i_consent: bool,
}

impl LiveArgs {
    /// Runs the battery, if one is to be run, and stores it: its file.
    pub(crate) fn run(&self) -> Result<Option<PathBuf>, CommandError> {
        let (Some(url), Some(token), Some(name)) = (&self.live, &self.token, &self.name) else {
            return Ok(None);
        };
        let plan = self.plan(name)?;
        let token =
            ConsentToken::parse(&token::read(token)?).map_err(|error| CommandError::BadFile {
                path: token.display().to_string(),
                message: error.to_string(),
                hint: "the helper's operator has it".to_owned(),
            })?;
        consent::ensure(if self.yes_i_consent { Said::Yes } else { Said::Nothing })?;
        let mut file = private_file(&self.out)?;
        complain(&announcement(&plan, &token));
        let net = KernelNet::new();
        let trust = Trust::new(Trust::mozilla(), &net)?;
        let far_end = FarEnd { url: url.clone(), token, trust };
        let battery = match measured(&net, &far_end, &plan) {
            Ok(battery) => battery,
            Err(error) => {
                // Nothing was measured: an empty file says less than none.
                let _ = std::fs::remove_file(&self.out);
                return Err(error);
            }
        };
        file.write_all(battery.to_json().as_bytes())?;
        file.sync_all()?;
        complain(&summary(&battery, &self.out));
        Ok(Some(self.out.clone()))
    }

    fn plan(&self, name: &str) -> Result<Plan, CommandError> {
        let usage = |message: String| CommandError::Usage {
            message,
            hint: format!("tests are {}", Test::ALL.map(Test::word).join(", ")),
        };
        let test = |word: &String| {
            Test::of(word).ok_or_else(|| usage(format!("{word:?} is no test of the battery")))
        };
        let seed = self.seed.unwrap_or_else(Chance::fresh_seed);
        let plan = Plan {
            event: format!("live battery, seed {seed}"),
            tests: self.tests.iter().map(test).collect::<Result<_, _>>()?,
            runs: self.runs,
            ..Plan::new(name, &self.neutral, seed)
        };
        plan.check().map_err(|error| usage(error.to_string()))?;
        Ok(plan)
    }
}

fn measured(net: &KernelNet, far_end: &FarEnd, plan: &Plan) -> Result<Battery, CommandError> {
    let most = plan.cost().0;
    let shown = std::io::stderr().is_terminal();
    let watch = move |step: Step| {
        if shown {
            let word = step.test.word();
            complain(&format!("\r{word}: {} of some {most} connections   ", step.connections));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ran = runtime.block_on(async {
        tokio::select! {
            biased;
            () = stop::asked_for() => None,
            ran = battery::run(net, far_end, plan, &watch) => Some(ran),
        }
    });
    runtime.shutdown_background();
    if shown {
        complain("\n");
    }
    let ran = ran.ok_or_else(|| CommandError::Measuring {
        message: "stopped: nothing is kept of a battery that did not end".to_owned(),
        hint: "`--tests` names fewer tests".to_owned(),
    })?;
    ran.map_err(|error| CommandError::Measuring {
        message: clean(&error.to_string(), 400),
        hint: "docs/attribution.md says how a helper consents".to_owned(),
    })
}

fn announcement(plan: &Plan, token: &ConsentToken) -> String {
    let (connections, time) = plan.cost();
    format!(
        "{connections} connections to {} at most one a second: {} or more, longer where blocks outlive their trigger.\n\
         They carry the names {} and {}; nothing is fetched, and nobody else is contacted.\n",
        token.address,
        minutes(time),
        clean(&plan.trigger, 260),
        clean(&plan.neutral, 260),
    )
}

fn summary(battery: &Battery, path: &Path) -> String {
    let mut text = String::new();
    let run = battery.run.clone().unwrap_or_default();
    for skipped in &run.skipped {
        text += &format!("not run: {}: {}\n", skipped.test, skipped.why);
    }
    for note in &run.notes {
        text += &format!("note: {note}\n");
    }
    if let Some(why) = &run.ended {
        text += &format!("ended early: {why}\n");
    }
    let time = minutes(Duration::from_secs(run.seconds));
    text + &format!("{} connections in {time}; stored in {}\n", run.connections, path.display())
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// A new file that only its owner reads; never one that is there already.
pub(crate) fn private_file(path: &Path) -> Result<std::fs::File, CommandError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| CommandError::BadFile {
        path: path.display().to_string(),
        message: format!("cannot be written: {error}"),
        hint: "a file that is there is not written over; name another".to_owned(),
    })
}
