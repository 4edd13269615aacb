//! Why a query has no answer, in words.

use datafusion::common::DataFusionError;
use datafusion::common::diagnostic::Diagnostic;

use crate::error::StoreError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The SQL cannot be understood.
    #[error("{}{message}", place(*.at))]
    Sql {
        /// What is wrong with it.
        message: String,
        /// Line and column, from 1, where known.
        at: Option<(u64, u64)>,
    },
    /// The SQL asks for what no query may do.
    #[error("a query only reads the archive: {message}")]
    NotReadOnly {
        /// What it asks for.
        message: String,
    },
    /// It took too long.
    #[error("no answer within {seconds} s; ask for fewer days or countries, or allow more time")]
    TimedOut {
        /// Seconds that it was given.
        seconds: u64,
    },
    /// It needs more memory than it may have, and what it holds cannot be put aside.
    #[error("not enough memory: {message}")]
    Memory {
        /// What needs it.
        message: String,
    },
    /// The cluster.
    #[error("cluster: {message}")]
    Cluster {
        /// What is wrong.
        message: String,
    },
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] std::io::Error),
    /// The archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine, running.
    #[error("the query failed: {message}")]
    Engine {
        /// Why.
        message: String,
    },
}

impl QueryError {
    /// Of what went wrong before it ran.
    pub(crate) fn planning(error: &DataFusionError) -> Self {
        let found = error.diagnostic().and_then(position);
        let message = words(error);
        let (message, written) = cut_position(&message);
        Self::Sql { message, at: found.or(written) }
    }

    /// Of what went wrong while it ran.
    pub(crate) fn running(error: &DataFusionError) -> Self {
        let message = words(error);
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Memory { message },
            _ => Self::Engine { message },
        }
    }
}

impl QueryError {
    /// The work ended before its answer, by a fault of the engine.
    pub(super) fn broken_off() -> Self {
        Self::Engine { message: "the work broke off".to_owned() }
    }

    /// Whether it is that an executor is gone with what it had made: to be asked again.
    pub(crate) fn is_of_lost_executors(&self) -> bool {
        let Self::Engine { message } = self else { return false };
        LOST.iter().any(|words| message.contains(words))
    }
}

/// What is said where an executor was lost: by our scheduler, and by what fetches rows from executors.
/// A job that failed for another reason and has such a word in it is asked again for nothing, a few times.
const LOST: [&str; 9] = [
    crate::cluster::jobs::DONE_AGAIN,
    "FetchFailed",
    "transport error",
    "tcp connect error",
    "h2 protocol error",
    "error reading a body from connection",
    "BrokenPipe",
    "ConnectionReset",
    "ConnectionRefused",
];

impl From<arrow::error::ArrowError> for QueryError {
    fn from(error: arrow::error::ArrowError) -> Self {
        match error {
            arrow::error::ArrowError::IoError(_, source) => Self::Output(source),
            error => Self::Engine { message: error.to_string() },
        }
    }
}

fn place(at: Option<(u64, u64)>) -> String {
    at.map_or_else(String::new, |(line, column)| format!("line {line}, column {column}: "))
}

fn position(diagnostic: &Diagnostic) -> Option<(u64, u64)> {
    diagnostic.span.map(|span| (span.start.line, span.start.column))
}

/// The message without the engine's own classes of errors in front of it.
fn words(error: &DataFusionError) -> String {
    let message = match error.find_root() {
        DataFusionError::SQL(error, _) => error.to_string(),
        root => root.message().into_owned(),
    };
    let message = message.split("\n\nbacktrace").next().unwrap_or_default();
    let cut = ["sql parser error: ", "ParserError: "];
    let plain = cut.iter().fold(message, |text, head| text.strip_prefix(head).unwrap_or(text));
    plain.to_owned()
}

/// Takes ` at Line: 1, Column: 8` out of a message.
fn cut_position(message: &str) -> (String, Option<(u64, u64)>) {
    let whole = || (message.to_owned(), None);
    let Some((before, after)) = message.split_once(" at Line: ") else { return whole() };
    let Some((line, rest)) = after.split_once(", Column: ") else { return whole() };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (column, rest) = rest.split_at(digits);
    match (line.parse(), column.parse()) {
        (Ok(line), Ok(column)) => (format!("{before}{rest}"), Some((line, column))),
        _ => whole(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_taken_out_of_the_message() {
        let (message, at) =
            cut_position("Expected: an expression, found: FROM at Line: 2, Column: 17");
        assert_eq!(message, "Expected: an expression, found: FROM");
        assert_eq!(at, Some((2, 17)));
        assert_eq!(cut_position("no place"), ("no place".to_owned(), None));
        assert_eq!(cut_position("x at Line: y").1, None);
    }
}
