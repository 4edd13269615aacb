//! Sending what was measured, once it is safely in its file, where the person said so.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use url::Url;

use crate::command_error::CommandError;
use crate::input::sources;
use crate::output::{clean, complain};
use crate::submitting::receiver::{Clear, Receiver, Said};
use crate::submitting::{Submission, exit_code, sending};

/// Where to send what was measured. Without it nothing is sent.
#[derive(Debug, Clone, Args)]
pub(crate) struct SubmitArgs {
    /// When all is measured and in the file, send the file to this dashboard: https, or http on this machine. Without this nothing
    /// is sent (docs/submit.md)
    #[arg(long, value_name = "URL", conflicts_with = "lab")]
    submit: Option<Url>,
    /// A file with the token that the dashboard wants; without it the variable WIREWITNESS_SUBMIT_TOKEN is looked at
    #[arg(long, value_name = "FILE", requires = "submit")]
    submit_token_file: Option<PathBuf>,
    /// Send without TLS to another machine too: whoever is on the way can read and change it
    #[arg(long, requires = "submit")]
    submit_in_the_clear: bool,
}

/// What measuring came to.
pub(crate) struct Measured {
    /// Of the measurements.
    pub(crate) code: ExitCode,
    /// The file with the measurements, written to the disk.
    pub(crate) path: PathBuf,
    /// The person wished it to end.
    pub(crate) was_stopped: bool,
}

impl SubmitArgs {
    /// The receiver, where there is to be one.
    ///
    /// # Errors
    /// Its address will not do, or the token cannot be read.
    pub(crate) fn receiver(
        &self,
        authorities: Option<&PathBuf>,
    ) -> Result<Option<Receiver>, CommandError> {
        let Some(url) = &self.submit else { return Ok(None) };
        let clear = if self.submit_in_the_clear { Clear::Allowed } else { Clear::Loopback };
        let token_file = self.submit_token_file.as_deref();
        Receiver::new(Said { url, token_file, clear, authorities }).map(Some)
    }
}

/// What is said before anything is measured.
pub(crate) fn announce(receiver: &Receiver) {
    let url = clean(receiver.url().as_str(), 300);
    complain(&format!("when all is measured, the file is sent to {url}\n"));
}

/// Sends the file. A code that measuring has, of a finding or a failure, goes before the code of this.
///
/// # Errors
/// The file cannot be read again, or TLS cannot be set up.
pub(crate) async fn send(
    receiver: &Receiver,
    measured: Measured,
) -> Result<ExitCode, CommandError> {
    let Measured { code, path, was_stopped } = measured;
    if was_stopped {
        complain(&format!(
            "nothing is sent, since it was stopped; `wirewitness submit {} --to {}` does\n",
            clean(&path.display().to_string(), 300),
            receiver.url()
        ));
        return Ok(code);
    }
    let sources = sources::expand(&[path]);
    let settings = sending::Settings::default();
    let submission = Submission { sources: &sources, receiver, settings };
    let survey = submission.survey()?;
    complain(&survey.words(receiver));
    if survey.measurements == 0 {
        return Ok(code);
    }
    let outcome = submission.send(&survey).await?;
    submission.tell(&outcome);
    Ok(if code == ExitCode::SUCCESS { exit_code(&outcome) } else { code })
}
