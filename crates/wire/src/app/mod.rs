//! The messages of applications, one file each.

pub mod dns;
