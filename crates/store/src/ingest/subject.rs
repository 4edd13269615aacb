//! Who measured what, and when: the columns that the rows of one measurement have in common.

use std::borrow::Cow;

use url::Url;
use wirewitness_model::verdict::Verdict;

use super::columns::Rows;

/// One measurement.
pub(crate) struct Subject<'s> {
    pub(crate) id: String,
    /// Microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) origin: &'s str,
    pub(crate) test: &'s str,
    pub(crate) target: Cow<'s, str>,
    pub(crate) domain: Option<Cow<'s, str>>,
    pub(crate) asn: Option<i64>,
    pub(crate) resolver: Option<i64>,
    pub(crate) vantage: i64,
}

/// What the table `measurement` says beside that.
#[derive(Default)]
pub(super) struct About<'a> {
    pub(super) test_version: Option<&'a str>,
    pub(super) network_name: Option<&'a str>,
    pub(super) network_type: Option<&'a str>,
    pub(super) platform: Option<&'a str>,
    pub(super) software: Option<&'a str>,
    pub(super) report_id: Option<&'a str>,
    pub(super) measurement_uid: Option<&'a str>,
    pub(super) source: &'a str,
    pub(super) document: &'a str,
}

impl Subject<'_> {
    /// A row of `measurement`.
    pub(super) fn measurement(&self, rows: &mut Rows, about: &About<'_>) {
        rows.text(Some(&self.id))
            .time(Some(self.at))
            .text(Some(self.origin))
            .text(Some(self.test))
            .text(about.test_version)
            .text(Some(&self.target))
            .text(self.domain.as_deref())
            .long(self.asn)
            .text(about.network_name)
            .long(self.resolver)
            .long(Some(self.vantage))
            .text(about.network_type)
            .text(about.platform)
            .text(about.software)
            .text(about.report_id)
            .text(about.measurement_uid)
            .text(Some(about.source))
            .text(Some(about.document))
            .end();
    }

    /// The columns of `verdict` before `status`.
    pub(crate) fn head<'r>(&self, rows: &'r mut Rows) -> &'r mut Rows {
        rows.text(Some(&self.id))
            .time(Some(self.at))
            .text(Some(self.origin))
            .text(Some(self.test))
            .text(Some(&self.target))
            .text(self.domain.as_deref())
            .long(self.asn)
            .long(self.resolver)
            .long(Some(self.vantage))
    }

    /// The columns of `verdict` to `cannot_tell`.
    pub(super) fn judged<'r>(&self, rows: &'r mut Rows, verdict: &Verdict) -> &'r mut Rows {
        let evidence = serde_json::to_string(&verdict.evidence).ok();
        let also = (!verdict.also.is_empty()).then_some(&verdict.also);
        self.head(rows)
            .text(Some(verdict.status.word()))
            .text(verdict.mechanism.map(|mechanism| mechanism.word()))
            .texts(also.map(|also| also.iter().map(|mechanism| mechanism.word())))
            .text(verdict.locus.map(|locus| locus.word()))
            .text(Some(verdict.confidence.word()))
            .text(Some(verdict.rule.id))
            .int(Some(i32::from(verdict.rule.version)))
            .text(evidence.as_deref())
            .text(verdict.fingerprint.as_deref())
            .texts(Some(verdict.cannot_tell.iter().map(String::as_str)))
    }
}

/// Host name of a target: of its URL, or the target itself where it is a name.
pub(crate) fn domain(target: &str) -> Option<String> {
    if let Ok(url) = Url::parse(target)
        && let Some(host) = url.host_str()
    {
        return Some(host.to_ascii_lowercase());
    }
    let name = target.split([':', '/']).next().unwrap_or_default();
    let is_name = name.contains('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    is_name.then(|| name.to_ascii_lowercase())
}
