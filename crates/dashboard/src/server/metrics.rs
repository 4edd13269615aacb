//! Counters, and how Prometheus reads them (text format 0.0.4).

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;

use super::Edition;

/// Upper ends of the buckets of latency, milliseconds.
const BUCKETS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// What kinds of paths there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pages and what they need.
    Page,
    /// Programs' answers.
    Api,
    /// Feeds.
    Feed,
    /// Measurements that are posted.
    Submit,
    /// Whether it is well.
    Own,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Page, "page"),
    (Kind::Api, "api"),
    (Kind::Feed, "feed"),
    (Kind::Submit, "submit"),
    (Kind::Own, "own"),
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Counters of a server. None of them knows an address, a path or a name.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [[AtomicU64; CLASSES.len()]; KINDS.len()],
    latency: [AtomicU64; BUCKETS_MS.len() + 1],
    latency_micros: AtomicU64,
    open: AtomicI64,
    connections: AtomicU64,
    shed: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Queries that found no free place, and those that were cut off.
    queries_busy: AtomicU64,
    queries_cut: AtomicU64,
    /// Posted measurements that were kept, put aside and refused.
    submitted: [AtomicU64; 3],
}

/// What became of something posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// Kept for the archive.
    Kept,
    /// Put aside for a person to look at.
    Quarantined,
    /// Not taken.
    Refused,
}

/// Counts one connection as open as long as it lives.
#[derive(Debug)]
pub(super) struct OpenOne(Arc<Metrics>);

impl Drop for OpenOne {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(super) fn opened(self: &Arc<Self>) -> OpenOne {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenOne(Arc::clone(self))
    }

    pub(super) fn shed(&self) {
        self.shed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn looked_up(&self, found: Option<()>) {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, kind: Kind, status: StatusCode, took: Duration) {
        let of_kind = KINDS.iter().zip(&self.requests).find(|((known, _), _)| *known == kind);
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = of_kind.and_then(|(_, classes)| classes.get(class)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let within = |most: &&u64| took <= Duration::from_millis(**most);
        let bucket = BUCKETS_MS.iter().position(|most| within(&most)).unwrap_or(BUCKETS_MS.len());
        if let Some(counter) = self.latency.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// A query found no free place.
    pub(crate) fn query_busy(&self) {
        self.queries_busy.fetch_add(1, Ordering::Relaxed);
    }

    /// A query was cut off: for its time, its memory or its rows.
    pub(crate) fn query_cut(&self) {
        self.queries_cut.fetch_add(1, Ordering::Relaxed);
    }

    /// So many measurements were posted, and this became of them.
    pub(crate) fn posted(&self, what: Posted, count: u64) {
        if let Some(counter) = self.submitted.get(what as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// All of them as text. `now` is seconds since 1970.
    pub(super) fn text(&self, edition: &Edition, now: i64) -> String {
        let mut text = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(
            &mut text,
            "http_requests_total",
            ("counter", "Answers, by kind of path and class of status."),
        );
        for ((_, kind), classes) in KINDS.iter().zip(&self.requests) {
            for (class, counter) in CLASSES.iter().zip(classes) {
                let labels = format!("{{kind=\"{kind}\",status=\"{class}\"}}");
                line(&mut text, "http_requests_total", &labels, read(counter));
            }
        }
        let name = "http_request_duration_seconds";
        head(&mut text, name, ("histogram", "Time to make an answer."));
        let mut sum = 0;
        let ends = BUCKETS_MS.iter().map(|ms| seconds(*ms)).chain(["+Inf".to_owned()]);
        for (end, counter) in ends.zip(&self.latency) {
            sum += read(counter);
            line(&mut text, &format!("{name}_bucket"), &format!("{{le=\"{end}\"}}"), sum);
        }
        let micros = read(&self.latency_micros);
        let whole = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        line(&mut text, &format!("{name}_sum"), "", whole);
        line(&mut text, &format!("{name}_count"), "", sum);
        self.rest(&mut text);
        head(
            &mut text,
            "archive_commit",
            ("gauge", "Commit of the archive that answers are made of."),
        );
        line(&mut text, "archive_commit", "", edition.commit);
        if let Some(newest) = edition.newest {
            let name = "archive_newest_measurement_age_seconds";
            head(&mut text, name, ("gauge", "Time since the newest measurement began."));
            line(&mut text, name, "", now.saturating_sub(newest));
        }
        text
    }

    fn rest(&self, text: &mut String) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(text, "connections_open", ("gauge", "Connections that are open."));
        line(text, "connections_open", "", self.open.load(Ordering::Relaxed));
        for (name, says, counter) in [
            ("connections_total", "Connections that were taken.", &self.connections),
            (
                "connections_shed_total",
                "Connections closed at once for want of a place.",
                &self.shed,
            ),
            ("cache_hits_total", "Answers that had been made before.", &self.hits),
            ("cache_misses_total", "Answers that had to be made.", &self.misses),
            ("queries_busy_total", "Queries refused while others ran.", &self.queries_busy),
            ("queries_cut_total", "Queries cut off by a limit.", &self.queries_cut),
        ] {
            head(text, name, ("counter", says));
            line(text, name, "", read(counter));
        }
        let name = "submitted_measurements_total";
        head(text, name, ("counter", "Posted measurements, by what became of them."));
        for (became, counter) in ["kept", "quarantined", "refused"].iter().zip(&self.submitted) {
            line(text, name, &format!("{{became=\"{became}\"}}"), read(counter));
        }
    }
}

fn head(text: &mut String, name: &str, (kind, says): (&str, &str)) {
    let _ = writeln!(text, "# HELP wirewitness_{name} {says}\n# TYPE wirewitness_{name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "wirewitness_{name}{labels} {value}");
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written() {
        let metrics = Arc::new(Metrics::default());
        metrics.answered(Kind::Api, StatusCode::OK, Duration::from_millis(3));
        metrics.answered(Kind::Api, StatusCode::NOT_FOUND, Duration::from_secs(100));
        let open = metrics.opened();
        metrics.posted(Posted::Quarantined, 2);
        let edition = Edition { commit: 7, newest: Some(90), salt: 0 };
        let text = metrics.text(&edition, 100);
        for expected in [
            "wirewitness_http_requests_total{kind=\"api\",status=\"2xx\"} 1\n",
            "wirewitness_http_requests_total{kind=\"api\",status=\"4xx\"} 1\n",
            "wirewitness_http_request_duration_seconds_bucket{le=\"0.002\"} 0\n",
            "wirewitness_http_request_duration_seconds_bucket{le=\"0.005\"} 1\n",
            "wirewitness_http_request_duration_seconds_bucket{le=\"30.000\"} 1\n",
            "wirewitness_http_request_duration_seconds_bucket{le=\"+Inf\"} 2\n",
            "wirewitness_http_request_duration_seconds_sum 100.003000\n",
            "wirewitness_connections_open 1\n",
            "wirewitness_submitted_measurements_total{became=\"quarantined\"} 2\n",
            "wirewitness_archive_commit 7\n",
            "wirewitness_archive_newest_measurement_age_seconds 10\n",
        ] {
            assert!(text.contains(expected), "{expected} not in {text}");
        }
        drop(open);
        assert!(metrics.text(&edition, 100).contains("connections_open 0\n"));
    }
}
