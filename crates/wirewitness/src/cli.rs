//! The command line: one enum, one match. What each verb does is in `commands/<verb>.rs`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command_error::CommandError;
#[cfg(not(feature = "archive"))]
use crate::commands::not_built;
#[cfg(feature = "archive")]
use crate::commands::{archive, cluster, events, export, ingest, query, refresh, report, serve};
use crate::commands::{
    attribute, completions, exposure, helper, inspect, judge, lab, man, probe, rules, seal, submit,
    verify,
};

/// Finds, proves and explains interference with people's connections: blocking, throttling, tampering.
#[derive(Debug, Parser)]
#[command(name = "wirewitness", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Probe(Box<probe::ProbeArgs>),
    Submit(Box<submit::SubmitArgs>),
    Lab(Box<lab::LabArgs>),
    Helper(Box<helper::HelperArgs>),
    Judge(judge::JudgeArgs),
    Exposure(exposure::ExposureArgs),
    Inspect(inspect::InspectArgs),
    Attribute(attribute::AttributeArgs),
    Seal(Box<seal::SealArgs>),
    Verify(verify::VerifyArgs),
    #[cfg(feature = "archive")]
    Ingest(Box<ingest::IngestArgs>),
    #[cfg(feature = "archive")]
    Query(Box<query::QueryArgs>),
    #[cfg(feature = "archive")]
    Export(Box<export::ExportArgs>),
    #[cfg(feature = "archive")]
    Cluster(cluster::ClusterArgs),
    #[cfg(feature = "archive")]
    Events(Box<events::EventsArgs>),
    #[cfg(feature = "archive")]
    Archive(archive::KeepArgs),
    #[cfg(feature = "archive")]
    Refresh(refresh::RefreshArgs),
    #[cfg(feature = "archive")]
    Report(Box<report::ReportArgs>),
    #[cfg(feature = "archive")]
    Serve(Box<serve::ServeArgs>),
    #[cfg(not(feature = "archive"))]
    #[command(name = "ingest", aliases = not_built::VERBS, hide = true)]
    NotBuilt(not_built::NotBuiltArgs),
    Rules(rules::RulesArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// Runs the verb.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.verb {
        Verb::Probe(args) => probe::run(&args),
        Verb::Submit(args) => submit::run(&args),
        Verb::Lab(args) => lab::run(&args),
        Verb::Helper(args) => helper::run(&args),
        Verb::Judge(args) => judge::run(&args),
        Verb::Exposure(args) => exposure::run(&args),
        Verb::Inspect(args) => inspect::run(&args),
        Verb::Attribute(args) => attribute::run(&args),
        Verb::Seal(args) => seal::run(&args),
        Verb::Verify(args) => verify::run(&args),
        #[cfg(feature = "archive")]
        Verb::Ingest(args) => ingest::run(&args),
        #[cfg(feature = "archive")]
        Verb::Query(args) => query::run(&args),
        #[cfg(feature = "archive")]
        Verb::Export(args) => export::run(&args),
        #[cfg(feature = "archive")]
        Verb::Cluster(args) => cluster::run(&args),
        #[cfg(feature = "archive")]
        Verb::Events(args) => events::run(&args),
        #[cfg(feature = "archive")]
        Verb::Archive(args) => archive::run(&args),
        #[cfg(feature = "archive")]
        Verb::Refresh(args) => refresh::run(&args),
        #[cfg(feature = "archive")]
        Verb::Report(args) => report::run(&args),
        #[cfg(feature = "archive")]
        Verb::Serve(args) => serve::run(&args),
        #[cfg(not(feature = "archive"))]
        Verb::NotBuilt(args) => not_built::run(&args),
        Verb::Rules(args) => rules::run(&args),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
    }
}
