//! Applications on the command line: which, and what measuring them costs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use wirewitness_net::Net;
use wirewitness_probe::apps::cost::Estimate;
use wirewitness_probe::apps::description::{App, DescriptionError};
use wirewitness_probe::apps::{self, Apps};
use wirewitness_probe::{Session, web};

use crate::command_error::CommandError;
use crate::output;

/// Which applications.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AppArgs {
    /// Measure an application, function by function: telegram, whatsapp, .. or all (docs/apps.md). May be given several times
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    app: Vec<String>,
    /// Applications of one's own beside those that come with the program: a folder of TOML files
    #[arg(long, value_name = "DIR", requires = "app")]
    apps: Option<PathBuf>,
}

impl AppArgs {
    /// The applications that were asked for.
    ///
    /// # Errors
    /// A description with a mistake, a folder that cannot be read, a name that nobody has.
    pub(crate) fn chosen(&self) -> Result<Vec<App>, CommandError> {
        if self.app.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = Apps::shipped().map_err(mistake)?;
        if let Some(folder) = &self.apps {
            read_folder(folder, &mut known)?;
        }
        let mut chosen: Vec<App> = Vec::new();
        for name in &self.app {
            let found: Vec<&App> = match name.as_str() {
                "all" => known.iter().collect(),
                name => known.find(name).into_iter().collect(),
            };
            if found.is_empty() {
                let names: Vec<&str> = known.iter().map(|it| it.name.as_str()).collect();
                return Err(CommandError::Usage {
                    message: format!("no application {name:?}"),
                    hint: format!("there are {} and all", names.join(", ")),
                });
            }
            let new = found.into_iter().filter(|app| !chosen.contains(app)).cloned();
            let new: Vec<App> = new.collect();
            chosen.extend(new);
        }
        Ok(chosen)
    }
}

/// Whether a target is this application.
pub(crate) fn is(app: &App, target: &str) -> bool {
    apps::target(app) == target
}

/// Says what measuring applications costs, before it is done.
pub(crate) fn announce(chosen: &[App]) {
    for app in chosen {
        let cost = Estimate::of(app);
        output::complain(&format!(
            "{}: {} names looked up, {} connections (at most {}), about {} kB (at most {} kB), at most {} s; whoever sees the \
             line sees these names and addresses; risk: {}\n",
            output::clean(&app.title, 100),
            cost.lookups,
            cost.connections,
            cost.connections_at_most,
            kilobytes(cost.bytes),
            kilobytes(cost.bytes_at_most),
            cost.seconds_at_most,
            cost.risk,
        ));
    }
}

/// What a measurement of an application has cost; none for one of no application.
pub(crate) fn spent(measurement: &Value) -> Option<String> {
    let keys = measurement.get("test_keys")?;
    let cost = keys.get("x_cost")?;
    let of = |key: &str| cost.get(key).and_then(Value::as_u64).unwrap_or(0);
    let title = keys.pointer("/x_app/title").and_then(Value::as_str).unwrap_or("-");
    Some(format!(
        "{}: it took {} names looked up, {} connections, {} kB, {:.1} s; a test helper was asked for {} hosts\n",
        output::clean(title, 100),
        of("lookups"),
        of("connections"),
        kilobytes(of("bytes_sent") + of("bytes_received")),
        cost.get("seconds").and_then(Value::as_f64).unwrap_or(0.0),
        of("helper_requests"),
    ))
}

/// Measures a target: an application of these, or a URL.
///
/// # Errors
/// A target that is neither.
pub(crate) async fn measure<N: Net + Unpin>(
    session: &Session<N>,
    target: &str,
    chosen: &[App],
) -> Result<Value, String> {
    match chosen.iter().find(|app| is(app, target)) {
        Some(app) => apps::measure(session, app).await.map_err(|error| error.to_string()),
        None => web::measure(session, target).await.map_err(|error| error.to_string()),
    }
}

fn read_folder(folder: &Path, known: &mut Apps) -> Result<(), CommandError> {
    let unreadable = |path: &Path, source| {
        let path = path.display().to_string();
        CommandError::Unreadable { path, source }
    };
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let file = std::fs::File::open(&path).map_err(|error| unreadable(&path, error))?;
        let mut text = String::new();
        // One byte more than a description may have, so that one that is too long is told of.
        file.take(MAX_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|error| unreadable(&path, error))?;
        known.add(&path.display().to_string(), &text).map_err(mistake)?;
    }
    Ok(())
}

fn mistake(error: DescriptionError) -> CommandError {
    let line = error.line.map_or_else(String::new, |line| format!("line {line}: "));
    CommandError::BadFile {
        path: error.file,
        message: format!("{line}expected {}", error.expected),
        hint: "docs/apps.md explains the keys".to_owned(),
    }
}

fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000)
}

/// Bytes of a description, as its reader has it.
const MAX_BYTES: u64 = 64 << 10;
