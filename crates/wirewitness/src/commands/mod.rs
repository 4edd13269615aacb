//! One file a verb.

#[cfg(feature = "archive")]
pub(crate) mod archive;
pub(crate) mod attribute;
#[cfg(feature = "archive")]
pub(crate) mod cluster;
pub(crate) mod completions;
#[cfg(feature = "archive")]
pub(crate) mod events;
#[cfg(feature = "archive")]
pub(crate) mod export;
pub(crate) mod exposure;
pub(crate) mod helper;
#[cfg(feature = "archive")]
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod judge;
pub(crate) mod lab;
pub(crate) mod man;
#[cfg(not(feature = "archive"))]
pub(crate) mod not_built;
pub(crate) mod probe;
#[cfg(feature = "archive")]
pub(crate) mod query;
#[cfg(feature = "archive")]
pub(crate) mod refresh;
pub(crate) mod rules;
