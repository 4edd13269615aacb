//! Runs the program as a person would.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The lines of `--json`.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// Runs with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    run_with_input(arguments, b"")
}

/// Runs with these arguments and this standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Outcome {
    run_all(arguments, &[], input)
}

/// Runs with these arguments in this environment.
#[cfg(feature = "archive")]
pub(crate) fn run_in(environment: &[(String, String)], arguments: &[&str]) -> Outcome {
    run_all(arguments, environment, b"")
}

/// Runs with these arguments, in this environment, with this standard input.
pub(crate) fn run_all(
    arguments: &[&str],
    environment: &[(String, String)],
    input: &[u8],
) -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that has seen enough may close its end.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// An example measurement that the project ships.
pub(crate) fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("examples/measurements").join(name)).unwrap()
}

/// The same on one line.
pub(crate) fn example_line(name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(&example(name)).unwrap();
    value.to_string()
}
