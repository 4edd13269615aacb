//! How far it is: bytes and records, on stderr, where that is a terminal.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wirewitness_store::ingest::Progress;

/// A bar with both rates and the time left. Clones are the same bar.
#[derive(Clone)]
pub(crate) struct Meter {
    bar: ProgressBar,
}

impl Meter {
    /// Over so many bytes; none where nobody knows how many they are. Hidden where stderr is no terminal.
    pub(crate) fn over(total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(4));
        let template = if total.is_some() {
            "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {msg}, {eta} left"
        } else {
            "{spinner} {bytes} {bytes_per_sec}, {msg}"
        };
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// For what nobody needs to see.
    pub(crate) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// Whether nobody sees it.
    pub(crate) fn is_hidden() -> bool {
        ProgressDrawTarget::stderr().is_hidden()
    }

    /// So many bytes more were read.
    pub(crate) fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// Says how many records were judged.
    pub(crate) fn records(&self, progress: &Arc<Progress>) {
        if self.bar.is_hidden() {
            return;
        }
        let records = progress.records.load(Ordering::Relaxed);
        let elapsed = self.bar.elapsed().max(Duration::from_millis(1));
        let rate = records as f64 / elapsed.as_secs_f64();
        self.bar.set_message(format!("{records} records, {rate:.0}/s"));
    }

    /// Writes something without the bar in between.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
