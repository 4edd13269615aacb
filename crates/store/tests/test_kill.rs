//! A process killed at any moment leaves an archive that the next one finishes.
//!
//! The test starts itself as a child that ingests, compacts or rebuilds, kills it (SIGKILL) after a time drawn from how long it takes undisturbed,
//! does the same again to its end, and compares all rows with those of an undisturbed run. Seven instants each by default; `cargo test
//! -- --ignored two_hundred` runs 67 each.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wirewitness_store::archive::Writer;
use wirewitness_store::keep::{FindingKind, check, compact, rebuild};

use crate::made::{address, content, copy, ingest, judging, wait};

const JOB: &str = "WW_STORE_JOB";
const FOLDER: &str = "WW_STORE_FOLDER";

/// What the child does.
#[derive(Debug, Clone, Copy)]
enum Job {
    Ingest,
    Compact,
    Rebuild,
}

impl Job {
    fn run(self, folder: &Path) {
        let writer = || wait(Writer::open(&address(folder))).unwrap();
        match self {
            Self::Ingest => {
                ingest(folder, 0..3);
            }
            Self::Compact => {
                wait(compact(&mut writer(), 32 << 20)).unwrap();
            }
            // A commit for every partition.
            Self::Rebuild => {
                wait(rebuild(&mut writer(), &judging("b"), 1)).unwrap();
            }
        }
    }

    /// The archive that it begins with.
    fn begin(self, folder: &Path) {
        if !matches!(self, Self::Ingest) {
            ingest(folder, 0..3);
        }
    }

    fn child(self, folder: &Path) -> std::process::Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "test_kill::child", "--nocapture"])
            .env(JOB, format!("{self:?}"))
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// Does nothing but what a parent asks for.
#[test]
#[allow(clippy::disallowed_methods, reason = "the parent says it so")]
fn child() {
    let (Ok(job), Ok(folder)) = (std::env::var(JOB), std::env::var(FOLDER)) else { return };
    let job = [Job::Ingest, Job::Compact, Job::Rebuild]
        .into_iter()
        .find(|known| format!("{known:?}") == job)
        .unwrap();
    job.run(Path::new(&folder));
}

#[test]
fn twenty_one_instants() {
    kill_all(7);
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_and_one_instants() {
    kill_all(67);
}

fn kill_all(instants: u32) {
    for job in [Job::Ingest, Job::Compact, Job::Rebuild] {
        let (killed, half) = kill(job, instants);
        eprintln!(
            "{job:?}: {instants} instants, killed {killed}, {half} of them with work half done"
        );
        assert!(killed > 0);
    }
}

/// Returns how many were killed before they were done, and how many of these had begun to write.
#[allow(clippy::disallowed_methods, reason = "a kill needs a clock")]
fn kill(job: Job, instants: u32) -> (u32, u32) {
    let start = tempfile::tempdir().unwrap();
    job.begin(start.path());
    let whole = tempfile::tempdir().unwrap();
    copy(start.path(), whole.path());
    let began = Instant::now();
    assert!(job.child(whole.path()).wait().unwrap().success());
    let takes = began.elapsed();
    let expected = content(whole.path());
    let before = crate::made::files(start.path()).len();
    let (mut killed, mut half) = (0, 0);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(instants);
    for instant in 0..instants {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let share = (seed >> 11) as f64 / (1_u64 << 53) as f64;
        let folder = tempfile::tempdir().unwrap();
        copy(start.path(), folder.path());
        let mut child = job.child(folder.path());
        std::thread::sleep(Duration::from_secs_f64(takes.as_secs_f64() * (0.1 + 0.9 * share)));
        child.kill().unwrap();
        let is_killed = !child.wait().unwrap().success();
        killed += u32::from(is_killed);
        half += u32::from(is_killed && crate::made::files(folder.path()).len() > before);
        whole_or_absent(folder.path(), (job, instant));
        job.run(folder.path());
        assert_eq!(content(folder.path()), expected, "{job:?}, instant {instant}");
        let checked = wait(check(&address(folder.path()))).unwrap();
        assert!(checked.is_whole(), "{job:?}, instant {instant}: {checked:?}");
        let unsealed = checked.findings.iter().any(|one| one.kind == FindingKind::Unsealed);
        assert!(!unsealed, "{job:?}, instant {instant}: {checked:?}");
    }
    (killed, half)
}

/// What a killed process left can be read, and no byte of it is wrong.
fn whole_or_absent(folder: &Path, at: (Job, u32)) {
    if !folder.join("source/_delta_log/00000000000000000000.json").exists() {
        return;
    }
    let checked = wait(check(&address(folder)));
    assert!(checked.as_ref().is_ok_and(|checked| checked.is_whole()), "{at:?}: {checked:?}");
}
