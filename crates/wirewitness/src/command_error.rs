//! What goes wrong in a command, and what the person can do about it.

use std::error::Error as _;
use std::fmt::Write as _;
use std::process::ExitCode;

use wirewitness_lab::scenario::StartError;
use wirewitness_probe::journal::JournalError;
use wirewitness_probe::tls::TrustError;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The command line asks for what cannot be. Exit code 2.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A file that the command needs cannot be read. Exit code 1.
    #[error("{path}: cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the command needs holds something else. Exit code 1.
    #[error("{path}: {message}")]
    BadFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Measuring cannot begin, or go on. Exit code 1.
    #[error("{message}")]
    Measuring {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The archive, or a cluster, gives no answer. Exit code 1.
    #[cfg(feature = "archive")]
    #[error("{message}")]
    Asking {
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The lab does not run. Exit code 1.
    #[error("the lab does not run")]
    Lab(#[from] StartError),
    /// The file for measurements cannot be used. Exit code 1.
    #[error("the measurements cannot be kept")]
    Journal(#[from] JournalError),
    /// There is nobody to trust. Exit code 1.
    #[error("no measurement is possible")]
    Trust(#[from] TrustError),
    /// The archive cannot be read or written. Exit code 1.
    #[cfg(feature = "archive")]
    #[error("the archive cannot be used")]
    Archive(#[from] wirewitness_store::StoreError),
    /// Our output cannot be written. Exit code 1, silently for a closed pipe.
    #[error("the output cannot be written")]
    Output(#[from] std::io::Error),
}

impl CommandError {
    /// Heading, causes, hint.
    pub(crate) fn report(&self) -> String {
        if self.is_closed_pipe() {
            return String::new();
        }
        let mut text = format!("error: {self}\n");
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = writeln!(text, "  because: {error}");
            cause = error.source();
        }
        if let Self::Usage { hint, .. }
        | Self::BadFile { hint, .. }
        | Self::Measuring { hint, .. } = self
        {
            let _ = writeln!(text, "  hint: {hint}");
        }
        #[cfg(feature = "archive")]
        if let Self::Asking { hint, .. } = self {
            let _ = writeln!(text, "  hint: {hint}");
        }
        text
    }

    /// 2 for wrong usage, 1 for our failure; a reader who has seen enough is no failure.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage { .. } => ExitCode::from(2),
            _ if self.is_closed_pipe() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }

    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
