//! `wirewitness rules`: what each rule of the judge says, on what, and what it cannot tell apart.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use wirewitness_analysis::judge::{handbook, rules};

use crate::command_error::CommandError;

/// Explain the rules that verdicts name
///
/// Prints the handbook of all rules as Markdown (the same as docs/rules.md), or one rule.
#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Id of a rule, `web.tls.reset` say
    id: Option<String>,
    /// Print the tables of statuses, mechanisms and outcomes instead (the same as docs/outcomes.md)
    #[arg(long, conflicts_with = "id")]
    words: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &RulesArgs) -> Result<ExitCode, CommandError> {
    let text = match &args.id {
        _ if args.words => handbook::words(),
        None => handbook::rules(),
        Some(id) => {
            let id = id.split('@').next().unwrap_or(id);
            let rule = rules().find(|rule| rule.id == id).ok_or_else(|| CommandError::Usage {
                message: format!("there is no rule {id:?}"),
                hint: "`wirewitness rules` lists them".to_owned(),
            })?;
            handbook::rule(rule)
        }
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
