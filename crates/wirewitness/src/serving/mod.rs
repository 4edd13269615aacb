//! What `serve` needs beside the dashboard: `demo` fills an archive from the lab, `categories` reads lists of names.

pub(crate) mod categories;
pub(crate) mod demo;
