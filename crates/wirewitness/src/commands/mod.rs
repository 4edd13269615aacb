//! One file a verb.

pub(crate) mod completions;
pub(crate) mod exposure;
pub(crate) mod helper;
pub(crate) mod inspect;
pub(crate) mod judge;
pub(crate) mod lab;
pub(crate) mod man;
pub(crate) mod probe;
pub(crate) mod rules;
