//! Applications: whether what an application goes to can be reached from this line, function by function.
//!
//! An application is a description ([`App`]): names, endpoints, functions and what must work. Those of `data/` come with the
//! program, and anybody adds one (`docs/apps.md`). The steps are the same for all; what is written is OONI's own format for the
//! four that OONI has, with more beside it in keys that begin with `x_`. In reading order:
//!
//! - [`description`]: what an application is. [`Apps`]: which there are.
//! - [`cost`]: what measuring it costs the person whose line it is.
//! - `reach`: the way to one endpoint. `elsewhere`: the ones that failed, as a test helper sees them.
//! - `telegram`, `whatsapp`, `facebook_messenger`, `signal`: OONI's tests. `described`: all others.
//!
//! Nothing is judged here, and nothing of a person's is sent: no account, no number, no message.

pub mod cost;
mod described;
pub mod description;
mod elsewhere;
mod facebook_messenger;
mod reach;
mod signal;
mod telegram;
mod whatsapp;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use wirewitness_net::{Moment, Net};

use crate::clock::within;
use crate::envelope::{self, Content};
use crate::record::Recorder;
use crate::session::Session;
use crate::tls::TrustError;
use cost::Spent;
use description::{App, DescriptionError};
use elsewhere::Elsewhere;
use reach::{Bench, Reached};

/// The applications that are known.
#[derive(Debug, Clone)]
pub struct Apps(Vec<App>);

impl Apps {
    /// Those that come with the program.
    ///
    /// # Errors
    /// None: a test reads them all.
    pub fn shipped() -> Result<Self, DescriptionError> {
        let read = |(name, text): &(&str, &str)| App::parse(name, text);
        Ok(Self(SHIPPED.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// Adds one, read from `text`.
    ///
    /// # Errors
    /// A mistake in it, or a name that is taken.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), DescriptionError> {
        let app = App::parse(file, text)?;
        if self.find(&app.name).is_some() || self.0.len() == MAX_APPS {
            let expected = format!("another name than {:?}; at most {MAX_APPS} in all", app.name);
            return Err(DescriptionError { file: file.to_owned(), line: None, expected });
        }
        self.0.push(app);
        Ok(())
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&App> {
        self.0.iter().find(|it| it.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &App> {
        self.0.iter()
    }
}

/// Measures an application; each step is bounded, and the whole by [`PATIENCE`] and [`ELSEWHERE`].
///
/// # Errors
/// No usable authority, where the application has its own.
pub async fn measure<N: Net + Unpin>(session: &Session<N>, app: &App) -> Result<Value, TrustError> {
    let test = Test::of(app);
    let own_trust = signal::trust(session, app)?;
    let recorder = Recorder::new(session.net.clone());
    let started = session.net.now();
    let trust = own_trust.as_ref().unwrap_or(&session.trust);
    let bench = Bench { session, recorder: &recorder, trust };
    let mut reached = Vec::new();
    // What is on record when the time is up is the measurement.
    let _ = within(&session.net, PATIENCE, reach_all(&bench, app, &mut reached)).await;
    let mut elsewhere = Vec::new();
    let asking = elsewhere::ask(session, &reached, &mut elsewhere);
    let _ = within(&session.net, ELSEWHERE, asking).await;
    elsewhere.sort_by(|a, b| a.host.cmp(&b.host));
    Ok(write(session, &recorder, (app, test), (started, &elsewhere)))
}

/// All endpoints, so many at a time, results in their order of ending.
async fn reach_all<N: Net + Unpin>(bench: &Bench<'_, N>, app: &App, reached: &mut Vec<Reached>) {
    type One<'s> = Pin<Box<dyn Future<Output = Reached> + Send + 's>>;
    let mut waiting = app.endpoints.iter().enumerate();
    let mut under_way: FuturesUnordered<One<'_>> = FuturesUnordered::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some((number, endpoint)) = waiting.next()
        {
            under_way.push(Box::pin(bench.reach(endpoint, number)));
        }
        let Some(done) = under_way.next().await else { break };
        reached.push(done);
    }
}

fn write<N: Net>(
    session: &Session<N>,
    recorder: &Recorder<N>,
    (app, test): (&App, Test),
    (started, elsewhere): (Moment, &[Elsewhere]),
) -> Value {
    let runtime = recorder.t();
    let mut records = recorder.take();
    records.sort();
    let spent = Spent {
        lookups: records.queries.len() as u64,
        connections: records.tcp_connect.len() as u64,
        bytes_sent: records.bytes_sent,
        bytes_received: records.bytes_received,
        helper_requests: elsewhere.len() as u64,
        seconds: runtime,
    };
    let mut keys = json!({
        "agent": "redirect",
        "failure": null,
        "failed_operation": null,
        "network_events": records.network_events,
        "queries": records.queries,
        "requests": records.requests,
        "tcp_connect": records.tcp_connect,
        "tls_handshakes": records.tls_handshakes,
        "x_app": described(app),
        "x_cost": spent,
        "x_elsewhere": elsewhere,
    });
    if let (Some(keys), Value::Object(more)) = (keys.as_object_mut(), (test.keys)()) {
        keys.extend(more);
    }
    let content = Content {
        test_name: test.name,
        test_version: test.version,
        input: if test.is_its_own_target { Value::Null } else { target(app).into() },
        started,
        runtime,
        test_helpers: json!({}),
        test_keys: keys,
    };
    envelope::measurement(session, &content)
}

/// What an application is called among targets: `app:telegram`.
pub fn target(app: &App) -> String {
    format!("{PREFIX}{}", app.name)
}

/// How the name of an application among targets begins.
pub const PREFIX: &str = "app:";

/// The functions with their endpoints, as a judge needs them.
fn described(app: &App) -> Value {
    let functions = app.functions.iter().map(|function| {
        let own = app.endpoints.iter().filter(|it| it.function == function.name);
        let endpoint = |it: &description::Endpoint| json!({"host": it.host, "ports": it.ports});
        json!({
            "name": function.name,
            "needs": function.needs.word(),
            "endpoints": own.map(endpoint).collect::<Vec<_>>(),
        })
    });
    json!({"name": app.name, "title": app.title, "functions": functions.collect::<Vec<_>>()})
}

/// The test that an application is measured by, in OONI's words where OONI has it.
#[derive(Clone, Copy)]
struct Test {
    name: &'static str,
    version: &'static str,
    /// Whether the test says by its name alone what is measured.
    is_its_own_target: bool,
    /// Keys beside those that all have.
    keys: fn() -> Value,
}

impl Test {
    fn of(app: &App) -> Self {
        match app.name.as_str() {
            "telegram" => telegram::TEST,
            "whatsapp" => whatsapp::TEST,
            "facebook_messenger" => facebook_messenger::TEST,
            "signal" => signal::TEST,
            _ => described::TEST,
        }
    }
}

const SHIPPED: &[(&str, &str)] = &[
    ("telegram.toml", include_str!("data/telegram.toml")),
    ("whatsapp.toml", include_str!("data/whatsapp.toml")),
    ("facebook_messenger.toml", include_str!("data/facebook_messenger.toml")),
    ("signal.toml", include_str!("data/signal.toml")),
    ("youtube.toml", include_str!("data/youtube.toml")),
    ("x.toml", include_str!("data/x.toml")),
    ("instagram.toml", include_str!("data/instagram.toml")),
    ("tiktok.toml", include_str!("data/tiktok.toml")),
    ("zoom.toml", include_str!("data/zoom.toml")),
];

/// How long the endpoints of an application are tried.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How long helpers are asked about those that failed.
pub const ELSEWHERE: Duration = Duration::from_secs(90);
/// Endpoints tried at the same time.
const AT_ONCE: usize = 8;
const MAX_APPS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::Tier;

    #[test]
    fn what_is_shipped_can_be_read_and_is_nothing_that_endangers() {
        let apps = Apps::shipped().unwrap();
        assert_eq!(apps.iter().count(), SHIPPED.len());
        for ((file, _), app) in SHIPPED.iter().zip(apps.iter()) {
            assert_eq!(*file, format!("{}.toml", app.name));
            assert_eq!(app.risk(), Tier::Ordinary, "{file}");
        }
    }

    #[test]
    fn a_name_is_given_once() {
        let mut apps = Apps::shipped().unwrap();
        let error = apps.add("mine.toml", SHIPPED[0].1).unwrap_err();
        assert_eq!(error.line, None);
        assert!(apps.add("mine.toml", &SHIPPED[0].1.replace("\"telegram\"", "\"t2\"")).is_ok());
        assert!(apps.find("t2").is_some());
    }
}
