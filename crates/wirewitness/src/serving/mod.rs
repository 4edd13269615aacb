//! What `serve` needs beside the dashboard: `demo` fills an archive from the lab.

pub(crate) mod demo;
