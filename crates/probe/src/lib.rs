//! Measures: the same experiments over the kernel's sockets and over the lab's. Never judges.

pub mod consent;
pub mod helper;
pub mod journal;
pub mod kernel;
pub mod pace;
pub mod scrub;
pub mod targets;
