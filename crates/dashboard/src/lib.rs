//! What an archive holds, for browsers and for programs.
//!
//! Pages are made on the server and need no script; nothing is loaded from elsewhere. Listening, certificates and the clock are given
//! by the caller. In reading order:
//!
//! - [`facts`]: what all is made of, in memory as of one commit of the archive.
//! - [`state`]: what all who answer share.
//! - [`api`]: answers for programs. [`submit`]: measurements that are posted.
//! - [`pages`]: for people.
//! - [`open`]: all of it together, for one archive.
//! - [`server`]: listening, and what every answer has in common.

pub mod api;
pub mod facts;
#[cfg(test)]
mod mutation;
pub mod open;
pub mod pages;
pub mod server;
pub mod state;
pub mod submit;
