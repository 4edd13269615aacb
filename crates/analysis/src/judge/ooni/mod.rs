//! OONI's own keys, recomputed from the raw observations exactly as its web connectivity 0.5 engine does.
//!
//! The engine has two halves. The *extended* half looks at everything the probe saw and sets three bit masks. The
//! *classic* half looks only at what the system resolver led to, so that `blocking` and `accessible` mean what they
//! meant in version 0.4. In reading order: `observe` turns the lists of a file into flat observations joined with
//! the control; `analyze` sorts them into expected and unexpected; `extended` and `classic` draw the conclusions;
//! `page` compares the final page with the control's.
//!
//! Source: the behaviour of ooni/probe-cli's `minipipeline` and `webconnectivitylte` (0.5.28) as its data
//! shows it; checked against the probe's QA suite. None of the fourteen keys is read from the input, save
//! `control_failure`, which is an observation.

mod analyze;
mod classic;
mod extended;
mod observe;
mod page;

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use wirewitness_model::ooni::TestKeys;

use super::address::Asns;

pub(super) use analyze::{share_address, share_network};
pub(super) use observe::{depth, join_host_port};
pub(super) use page::{Comparison, ControlPage, Page, compare};

/// What `blocking` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Blocking {
    /// `null`: the engine cannot say.
    #[default]
    Unknown,
    /// `false`: not blocked.
    No,
    /// `"dns"`, `"tcp_ip"`, `"http-failure"` or `"http-diff"`.
    By(&'static str),
}

impl Serialize for Blocking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => serializer.serialize_none(),
            Self::No => serializer.serialize_bool(false),
            Self::By(word) => serializer.serialize_str(word),
        }
    }
}

/// OONI's fourteen keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OoniKeys<'m> {
    /// First failure of the system resolver at the first hop.
    pub dns_experiment_failure: Option<Cow<'m, str>>,
    /// `consistent`, `inconsistent` or none.
    pub dns_consistency: Option<&'static str>,
    /// Why the test helper could not be reached; copied.
    pub control_failure: Option<Cow<'m, str>>,
    /// The failure that decided `blocking`.
    pub http_experiment_failure: Option<Cow<'m, str>>,
    /// Whether the bodies' lengths are within 70 % of each other.
    pub body_length_match: Option<bool>,
    /// Shorter body over longer body, 0 to 1; 0 where not compared.
    pub body_proportion: f64,
    /// Whether the status codes are equal.
    pub status_code_match: Option<bool>,
    /// Whether any uncommon header name is in both.
    pub headers_match: Option<bool>,
    /// Whether no long word is in one title only.
    pub title_match: Option<bool>,
    /// Whether the page could be had.
    pub accessible: Option<bool>,
    /// How it was blocked.
    pub blocking: Blocking,
    /// 1 bogon, 2 unexpected failure, 4 unexpected addresses.
    pub x_dns_flags: u8,
    /// 1 DNS, 2 TCP/IP, 4 TLS, 8 HTTP failure, 16 HTTP diff, 32 success.
    pub x_blocking_flags: u8,
    /// 1, 2, 4: DNS, TCP, TLS failed for the control too; 8: HTTPS without control; 16: the control resolved nothing.
    pub x_null_null_flags: u8,
}

impl Serialize for OoniKeys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_struct("OoniKeys", 14)?;
        keys.serialize_field("dns_experiment_failure", &self.dns_experiment_failure)?;
        keys.serialize_field("dns_consistency", &self.dns_consistency)?;
        keys.serialize_field("control_failure", &self.control_failure)?;
        keys.serialize_field("http_experiment_failure", &self.http_experiment_failure)?;
        keys.serialize_field("body_length_match", &self.body_length_match)?;
        // Go writes whole numbers without a fraction; so do we, for those who compare text.
        if self.body_proportion == 0.0 || self.body_proportion == 1.0 {
            keys.serialize_field("body_proportion", &u8::from(self.body_proportion == 1.0))?;
        } else {
            keys.serialize_field("body_proportion", &self.body_proportion)?;
        }
        keys.serialize_field("status_code_match", &self.status_code_match)?;
        keys.serialize_field("headers_match", &self.headers_match)?;
        keys.serialize_field("title_match", &self.title_match)?;
        keys.serialize_field("accessible", &self.accessible)?;
        keys.serialize_field("blocking", &self.blocking)?;
        keys.serialize_field("x_dns_flags", &self.x_dns_flags)?;
        keys.serialize_field("x_blocking_flags", &self.x_blocking_flags)?;
        keys.serialize_field("x_null_null_flags", &self.x_null_null_flags)?;
        keys.end()
    }
}

/// Recomputes the keys.
///
/// Records older than version 0.5 carry no transaction ids and no depth tags; the engine then finds nothing to join and
/// leaves most keys empty, and so do we.
pub fn keys<'m>(test_keys: &'m TestKeys<'_>, asns: &Asns<'m>) -> OoniKeys<'m> {
    let all = observe::observe(test_keys);
    let extended = extended::flags(&analyze::analyze(&all.everything(), asns));
    let system = all.only_system_resolver();
    let analysis = analyze::analyze(&system, asns);
    let mut keys = OoniKeys {
        control_failure: test_keys.control_failure.as_str().map(Cow::Borrowed),
        dns_experiment_failure: analysis.dns_experiment_failure.map(Cow::Borrowed),
        dns_consistency: classic::dns_consistency(&analysis, &system),
        x_dns_flags: extended.dns,
        x_blocking_flags: extended.blocking,
        x_null_null_flags: extended.null_null,
        body_proportion: analysis.page.body_proportion.unwrap_or(0.0),
        body_length_match: analysis.page.body_length_match(),
        status_code_match: analysis.page.status_code_match,
        headers_match: analysis.page.headers_match,
        title_match: analysis.page.title_match,
        ..OoniKeys::default()
    };
    classic::decide(&system, &mut keys);
    keys
}
