//! `wirewitness cluster`: a scheduler and two executors as a person starts them, and every verb that can give them its work.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::program::{Outcome, root, run};

/// Processes that end with the test, and a folder.
struct Started {
    children: Vec<Child>,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Started {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Started {
    fn new() -> Self {
        let ports = free_ports(3);
        let folder = tempfile::tempdir().unwrap();
        let mut started = Self { children: Vec::new(), folder, port: ports[0] };
        started.start(&["scheduler", "--bind", &format!("127.0.0.1:{}", ports[0])]);
        for own in &ports[1..] {
            let folder = started.place(&own.to_string());
            let bind = format!("127.0.0.1:{own}");
            let scheduler = format!("127.0.0.1:{}", ports[0]);
            let known = ["executor", "--scheduler", &scheduler, "--bind", &bind];
            let rest = ["--folder", &folder, "--tasks", "2"];
            started.start(&[&known[..], &rest[..]].concat());
        }
        started
    }

    fn start(&mut self, arguments: &[&str]) {
        let child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
            .arg("cluster")
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.children.push(child.unwrap());
    }

    fn place(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs a verb on the cluster.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let url = format!("df://127.0.0.1:{}", self.port);
        run(&[arguments, &["--cluster", &url]].concat())
    }

    /// Waits until it answers.
    fn wait(&self, archive: &str) {
        let question = ["query", "--timeout", "20", "--archive", archive, "SELECT 1 FROM verdict"];
        for _ in 0..150 {
            if self.run(&question).code == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("{}", self.run(&question).stderr);
    }
}

/// Below those that the system gives to connections.
#[allow(clippy::disallowed_types, reason = "to find a port that is free")]
fn free_ports(count: usize) -> Vec<u16> {
    let first = 27_000 + (std::process::id() % 500) as u16 * 10;
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 100).filter(is_free).take(count).collect()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &place),
            false => drop(std::fs::copy(entry.path(), place).unwrap()),
        }
    }
}

#[test]
fn every_verb_gives_a_cluster_its_work_and_says_the_same() {
    let cluster = Started::new();
    let [one, many] = ["one", "many"].map(|name| cluster.place(name));
    let list = cluster.place("list.csv");
    let head = "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes";
    std::fs::write(&list, format!("{head}\nxa.somebody,nat,,body,contains,somebody,5,XA,own,,\n"))
        .unwrap();
    let examples = root().join("examples/measurements").display().to_string();
    let ingested = run(&["ingest", "--archive", &one, "--fingerprints", &list, &examples]);
    assert_eq!(ingested.code, 0, "{}", ingested.stderr);
    copy(Path::new(&one), Path::new(&many));
    cluster.wait(&many);

    // Executors that judge with other fingerprints than those that are asked for.
    let known = ["archive", "rebuild", "--json", "--archive", &many, "--fingerprints", &list];
    let refused = cluster.run(&known);
    assert_eq!(refused.code, 1, "{}{}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("an executor judges with"), "{}", refused.stderr);

    let here = run(&["archive", "rebuild", "--json", "--archive", &one]);
    let there = cluster.run(&["archive", "rebuild", "--json", "--archive", &many]);
    assert_eq!((there.code, &there.stdout), (0, &here.stdout), "{}", there.stderr);
    assert!(there.lines()[0]["changed"].as_u64().unwrap() > 0, "{}", there.stdout);

    let here = run(&["events", "--json", "--all", "--archive", &one]);
    let there = cluster.run(&["events", "--json", "--all", "--archive", &many]);
    assert_eq!((there.code, &there.stdout), (0, &here.stdout), "{}", there.stderr);
    assert!(there.lines().last().unwrap()["points"].as_u64().unwrap() > 10);

    for table in ["verdict", "observation"] {
        let verb = ["export", table, "--format", "csv", "--archive"];
        let here = run(&[&verb[..], &[&one]].concat());
        let there = cluster.run(&[&verb[..], &[&many]].concat());
        assert_eq!((there.code, sorted(&there.stdout)), (0, sorted(&here.stdout)), "{table}");
        assert!(here.stdout.lines().count() > 10);
    }
    let question = root().join("examples/queries/coverage.sql").display().to_string();
    let verb = ["query", "--format", "json", "--file", &question, "--archive"];
    let here = run(&[&verb[..], &[&one]].concat());
    let there = cluster.run(&[&verb[..], &[&many]].concat());
    assert_eq!((there.code, sorted(&there.stdout)), (0, sorted(&here.stdout)), "{}", there.stderr);
}

#[test]
fn what_others_can_reach_must_be_asked_for() {
    let refused = run(&["cluster", "scheduler", "--bind", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--trust-network"), "{}", refused.stderr);
}
