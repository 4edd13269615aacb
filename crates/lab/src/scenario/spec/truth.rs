//! The keys of `[[truth]]`.

use serde::Deserialize;
use toml::Spanned;
use wirewitness_model::verdict::{Mechanism, Status};

/// What a verdict must be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TruthSpec {
    /// A client's name, or `*`.
    pub(crate) client: Spanned<String>,
    pub(crate) url: Spanned<String>,
    pub(crate) status: Spanned<Status>,
    pub(crate) mechanism: Option<Spanned<Mechanism>>,
    pub(crate) why: Spanned<String>,
    pub(crate) source: Spanned<String>,
}
