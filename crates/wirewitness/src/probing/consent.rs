//! Asking for consent, once for each version of the text, before anything of this machine is measured.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use wirewitness_probe::consent::{Consent, State, TEXT};

use crate::command_error::CommandError;
use crate::environment;
use crate::output;

/// Whether somebody said it on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// `--yes-i-consent`: for this run. It is not kept.
    Yes,
    /// Nothing: what was agreed to before counts, or the person is asked.
    Nothing,
}

/// Goes on only with consent to the present text.
///
/// # Errors
/// There is none.
pub(crate) fn ensure(said: Said) -> Result<(), CommandError> {
    if said == Said::Yes {
        return Ok(());
    }
    let consent = Consent::present();
    let place = place();
    let kept = place.as_ref().and_then(|place| std::fs::read_to_string(place).ok());
    match consent.given(kept.as_deref()) {
        State::Given => return Ok(()),
        State::Outdated => output::complain("The text that you agreed to has changed.\n\n"),
        State::Missing => {}
    }
    if !std::io::stdin().is_terminal() {
        return Err(refused("nobody is here to ask"));
    }
    output::complain(&format!("{TEXT}\nDo you agree? Write `yes`, or anything else to stop: "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() != "yes" {
        return Err(refused("you did not agree"));
    }
    keep(place, &consent);
    Ok(())
}

fn refused(why: &str) -> CommandError {
    CommandError::Usage {
        message: format!("nothing is measured without consent, and {why}"),
        hint: "read docs/consent.md; `--yes-i-consent` says that you have and that you agree. \
               `--lab pakistan-2025` measures inside a simulated network and needs no consent"
            .to_owned(),
    }
}

/// Keeps the text's fingerprint. Where that fails the person is asked again the next time.
fn keep(place: Option<PathBuf>, consent: &Consent) {
    let kept = place.as_ref().map(|place| {
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        writeln!(std::fs::File::create(place)?, "{}", consent.fingerprint())
    });
    match (kept, place) {
        (Some(Ok(())), Some(place)) => {
            output::complain(&format!("Kept in {}.\n", place.display()));
        }
        _ => output::complain("This could not be kept; you will be asked again.\n"),
    }
}

fn place() -> Option<PathBuf> {
    environment::config_folder().map(|folder| folder.join("consent"))
}
