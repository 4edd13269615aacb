//! What an archive holds, for browsers and for programs.
//!
//! Pages are made on the server and need no script; nothing is loaded from elsewhere. Listening, certificates and the clock are given
//! by the caller.
//!
//! - [`server`]: listening, and what every answer has in common.

pub mod server;
