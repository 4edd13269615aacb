//! Sending measurements to somebody's dashboard, only where a person says so. In reading order:
//!
//! - [`receiver`]: to whom, and how.
//! - [`batches`]: the records of files, cut into posts, the same each time.
//! - [`survey`]: what leaves the machine, told before it does.
//! - [`answer`]: what the receiver says, which may be anything.
//! - [`sending`]: one post after the other, tried again where that may help.
//!
//! What is sent is read from files that stay, so a submission that fails loses nothing; the receiver takes each record once, so it
//! may be sent again.

pub(crate) mod answer;
pub(crate) mod batches;
pub(crate) mod receiver;
pub(crate) mod sending;
pub(crate) mod survey;

use std::process::ExitCode;

use crate::command_error::CommandError;
use crate::input::sources::Source;
use crate::output::{clean, complain};
use crate::stop;
use batches::Batches;
use receiver::Receiver;
use sending::{Outcome, Sending, Settings};
use survey::Survey;

/// A submission.
pub(crate) struct Submission<'a> {
    /// Files, each of which can be read twice.
    pub(crate) sources: &'a [Source],
    /// To whom.
    pub(crate) receiver: &'a Receiver,
    /// How.
    pub(crate) settings: Settings,
}

impl Submission<'_> {
    /// Reads everything once, and says what would leave the machine.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn survey(&self) -> Result<Survey, CommandError> {
        let mut batches = Batches::new(self.sources, self.settings.batch, u64::MAX);
        while batches.next()?.is_some() {}
        for problem in batches.complaints() {
            complain(&format!("{}\n", clean(problem, 400)));
        }
        Ok(batches.into_survey())
    }

    /// Sends what was told, until somebody stops it.
    ///
    /// # Errors
    /// A file cannot be read, or TLS cannot be set up. What the receiver or the network does is no error, but an outcome.
    pub(crate) async fn send(&self, survey: &Survey) -> Result<Outcome, CommandError> {
        let batches = Batches::new(self.sources, self.settings.batch, survey.measurements);
        let mut sending = Sending::new(self.receiver, self.settings)?;
        let stopped = {
            let all = sending.all(batches);
            tokio::select! {
                biased;
                sent = all => { sent?; false }
                () = stop::asked_for() => true,
            }
        };
        let mut outcome = sending.into_outcome();
        if stopped {
            outcome.why = Some("stopped".to_owned());
        }
        outcome.unsent = survey.measurements.saturating_sub(outcome.answered());
        Ok(outcome)
    }

    /// Tells of the outcome, with what to do where something is still to be sent.
    pub(crate) fn tell(&self, outcome: &Outcome) {
        complain(&outcome.words());
        if outcome.unsent > 0 {
            let files: Vec<String> = self.sources.iter().map(|it| clean(it.name(), 300)).collect();
            complain(&format!(
                "nothing is lost: they are in {0}. What was taken already is taken once, so send it again with\n  \
                 wirewitness submit {0} --to {1}{2}\n",
                files.join(" "),
                self.receiver.url(),
                if self.receiver.has_token() { " --token-file FILE" } else { "" },
            ));
        }
    }
}

/// 0 where everything was taken, or is in quarantine; 1 where something was refused or not sent.
pub(crate) fn exit_code(outcome: &Outcome) -> ExitCode {
    if outcome.unsent + outcome.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
