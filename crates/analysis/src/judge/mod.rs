//! The judge.
pub mod address;
pub mod ooni;
pub mod title;
mod url;
