//! How far it is: a bar on stderr, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::sources::Source;

/// A bar over the bytes of all sources, or over targets, with rate and time left.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Over these sources. Hidden where stderr is no terminal.
    pub(crate) fn over(sources: &[Source]) -> Self {
        let total: u64 = sources.iter().map(Source::size).sum();
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(4));
        let style = ProgressStyle::with_template(
            "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta} left, {msg}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// Over so many targets. Hidden where stderr is no terminal.
    pub(crate) fn over_targets(total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(4));
        let style = ProgressStyle::with_template(
            "{bar:40} {pos}/{len} targets, {per_sec}, {eta} left, {msg}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// So many bytes, or targets, are done.
    pub(crate) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// One more record is done.
    pub(crate) fn tick(&self) {
        if !self.bar.is_hidden() {
            self.bar.tick();
        }
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
