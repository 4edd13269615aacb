//! Hyperquack: a keyword sent to a server abroad that answers predictably, and what came back.
//!
//! The server is the vantage: an echo or discard service, or a web server whose answer to unknown hosts is known (the
//! template). Version 1 (until 2021) has capitalised keys and tests a harmless control name after the keyword failed;
//! version 2 tests controls before and after, and marks them with `control_url`. Both are one record here.

use super::capped::Capped;
use super::page::Received;
use crate::lenient::{Flag, Int, Text};
use crate::ooni::record::record;

/// The most trials kept of one row. Scans make six or seven.
pub const MAX_TRIALS: usize = 64;

record! {
    /// I am one keyword tried on one server.
    pub struct Hyperquack {
        /// v2: the server's address.
        vp: Text<'a> = "vp",
        /// v1: the server's address.
        server: Text<'a> = "Server",
        /// v2: where it is.
        location: Location<'a> = "location",
        /// v2: `echo`, `discard`, `http` or `https`.
        service: Text<'a> = "service",
        /// v2: the keyword: a host name, mostly, or a URL.
        test_url: Text<'a> = "test_url",
        /// v1: the keyword.
        keyword: Text<'a> = "Keyword",
        /// v1: how often the keyword was tried again.
        retries: Int = "Retries",
        /// v2: the trials.
        response: Capped<Trial<'a>, MAX_TRIALS> = "response",
        /// v1: the trials.
        results: Capped<Trial<'a>, MAX_TRIALS> = "Results",
        /// v2: the scan's own conclusion that the controls failed.
        controls_failed: Flag = "controls_failed",
        /// v1: the same.
        fail_sanity: Flag = "FailSanity",
    }
}

impl<'a> Hyperquack<'a> {
    /// Address of the server.
    pub fn vantage(&self) -> &str {
        first(&[&self.vp, &self.server])
    }

    /// What was tried.
    pub fn target(&self) -> &str {
        first(&[&self.test_url, &self.keyword])
    }

    /// The trials, in order.
    pub fn trials(&self) -> &[Trial<'a>] {
        if self.response.is_empty() { &self.results } else { &self.response }
    }

    /// Trials that the file has beyond [`MAX_TRIALS`].
    pub fn trials_left_out(&self) -> u64 {
        self.response.left_out + self.results.left_out
    }

    /// True where the scan itself says that its controls failed.
    pub fn says_controls_failed(&self) -> bool {
        self.controls_failed.0 == Some(true) || self.fail_sanity.0 == Some(true)
    }

    /// True where the trial at this place of [`Hyperquack::trials`] was of a harmless name.
    ///
    /// Version 2 says so. In version 1 the request names another host than the keyword or, where no request was
    /// written down, it comes after the keyword's first try and its retries.
    pub fn is_control(&self, at: usize) -> bool {
        let Some(trial) = self.trials().get(at) else { return false };
        if trial.control_url.as_str().is_some_and(|url| !url.is_empty()) {
            return true;
        }
        match trial.sent_host() {
            Some(host) => !host_of(self.target()).eq_ignore_ascii_case(host_of(host)),
            None => match usize::try_from(self.retries.0.unwrap_or(-1)) {
                Ok(retries) => at > retries,
                Err(_) => false,
            },
        }
    }
}

record! {
    /// I am one trial.
    pub struct Trial {
        /// v2: true where what came back fits the template.
        matches_template: Flag = "matches_template",
        /// v1: the same.
        success: Flag = "Success",
        /// v2: the harmless name, where this is a control.
        control_url: Text<'a> = "control_url",
        /// v1: what was sent: the request (echo, discard) or the name alone (http, https). Empty where it failed.
        sent: Text<'a> = "Sent",
        /// v2: what came back, where it does not fit.
        response: Received<'a> = "response",
        /// v1: the same.
        received: Received<'a> = "Received",
        /// v2: what went wrong, in the words of Go's library.
        error: Text<'a> = "error",
        /// v1: the same, or in what the answer does not fit.
        old_error: Text<'a> = "Error",
        /// v2: start.
        start_time: Text<'a> = "start_time",
        /// v1: start.
        old_start_time: Text<'a> = "StartTime",
        /// v2: end.
        end_time: Text<'a> = "end_time",
        /// v1: end.
        old_end_time: Text<'a> = "EndTime",
    }
}

impl<'a> Trial<'a> {
    /// True where what came back fits the template.
    pub fn matches(&self) -> bool {
        self.matches_template.0.or(self.success.0) == Some(true)
    }

    /// What came back.
    pub fn received(&self) -> &Received<'a> {
        if self.response == Received::Nothing { &self.received } else { &self.response }
    }

    /// What went wrong; none for `null` and the empty string.
    pub fn error(&self) -> Option<&str> {
        Some(first(&[&self.error, &self.old_error])).filter(|text| !matches!(*text, "" | "null"))
    }

    /// Start, microseconds since 1970.
    pub fn started_us(&self) -> Option<i64> {
        super::time::micros(first(&[&self.start_time, &self.old_start_time]))
    }

    /// Run time in milliseconds, where both ends are known.
    pub fn took_ms(&self) -> Option<f64> {
        let end = super::time::micros(first(&[&self.end_time, &self.old_end_time]))?;
        super::time::took_ms(self.started_us()?, end)
    }

    /// v1: the host in the request that was sent; none where none was written down.
    pub fn sent_host(&self) -> Option<&str> {
        let sent = self.sent.as_str()?;
        let mut fields = sent.lines().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(name, _)| name.eq_ignore_ascii_case("host"));
        // Otherwise the name was sent alone, or as the target of the request.
        let is_name = |word: &&str| {
            word.contains('.') && !word.starts_with("HTTP/") && !word.starts_with('/')
        };
        match field {
            Some((_, host)) => Some(host.trim()),
            None => sent.split_ascii_whitespace().find(is_name),
        }
    }
}

record! {
    /// I am where a server or resolver is.
    pub struct Location {
        /// Name of the country, English.
        country_name: Text<'a> = "country_name",
        /// Two letters of ISO 3166-1.
        country_code: Text<'a> = "country_code",
    }
}

/// The first text that is there and not empty, or the empty string.
pub(super) fn first<'t>(texts: &[&'t Text<'_>]) -> &'t str {
    texts.iter().map(|text| text.or_empty()).find(|text| !text.is_empty()).unwrap_or("")
}

/// The host of a keyword: scheme, path and port taken away.
fn host_of(keyword: &str) -> &str {
    let rest = keyword.split_once("://").map_or(keyword, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    authority
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(authority, |(host, _)| host)
}
