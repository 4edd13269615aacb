//! One scheduler and two executors, each a process of its own: the same answers as one machine, also when one executor dies.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use wirewitness_store::Archive;
use wirewitness_store::cluster::{
    ExecutorOptions, SchedulerOptions, is_open, run_executor, run_scheduler,
};
use wirewitness_store::query::{NetworkNames, Options, QueryError, Session};

use crate::generated::made;
use crate::test_examples::{lines, made_up, questions, real};

/// What a child of these tests is to be: `scheduler` or `executor`, the scheduler's port, own ports, folder.
const ROLE: &str = "WIREWITNESS_TEST_ROLE";

fn names() -> Arc<NetworkNames> {
    Arc::new(NetworkNames::read("64496,One\n64497,Two\n"))
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Not a test: what a child process runs.
#[test]
#[ignore = "run by the other tests as a process of its own"]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let port = |at: usize| words[at].parse::<u16>().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match words[0] {
        "scheduler" => {
            let options = SchedulerOptions { bind: local(port(1)), names: names() };
            runtime.block_on(run_scheduler(options)).unwrap();
        }
        _ => {
            let options = ExecutorOptions {
                scheduler: ("127.0.0.1".to_owned(), port(1)),
                bind: local(port(2)),
                work_port: port(3),
                name: None,
                tasks: Some(2),
                memory_bytes: 512 << 20,
                folder: PathBuf::from(words[4]),
                names: names(),
            };
            runtime.block_on(run_executor(options)).unwrap();
        }
    }
}

struct Cluster {
    scheduler: u16,
    children: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Cluster {
    /// Starts a scheduler, then executors one by one.
    fn start(executors: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = free_ports(1 + 2 * executors);
        let mut children = vec![child(&format!("scheduler {}", ports[0]))];
        for own in ports[1..].chunks(2) {
            let work = folder.path().join(own[0].to_string());
            std::fs::create_dir(&work).unwrap();
            let role = format!("executor {} {} {} {}", ports[0], own[0], own[1], work.display());
            children.push(child(&role));
        }
        Self { scheduler: ports[0], children, _folder: folder }
    }

    /// A session, once the cluster answers.
    async fn session(&self, archive: &Archive) -> Session {
        let options = Options { partitions: Some(4), names: names(), ..Options::default() };
        let url = format!("df://127.0.0.1:{}", self.scheduler);
        for _ in 0..300 {
            let session = Session::on_cluster(archive, options.clone(), &url).await.unwrap();
            let asked = session.rows("SELECT count(*), min(status) FROM verdict");
            match tokio::time::timeout(Duration::from_secs(60), asked).await {
                Ok(Ok(_)) => return session,
                Ok(Err(QueryError::Sql { message, .. })) => panic!("{message}"),
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
        panic!("the cluster does not answer");
    }
}

#[allow(clippy::disallowed_types, reason = "to find a port that is free")]
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| std::net::TcpListener::bind(local(0)).unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

fn child(role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["test_cluster::role", "--exact", "--ignored", "--nocapture"])
        .env(ROLE, role)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn one_machine(archive: &Archive) -> Session {
    let options = Options { partitions: Some(1), names: names(), ..Options::default() };
    Session::new(archive, options).await.unwrap()
}

fn archives(folder: &Path) -> [Archive; 2] {
    [real(&folder.join("real")), made_up(&folder.join("made"), &made(30))]
}

#[test]
fn a_cluster_answers_as_one_machine_does() {
    let folder = tempfile::tempdir().unwrap();
    let archives = archives(folder.path());
    let cluster = Cluster::start(2);
    // Where these were measured to be answered wrongly without our pins: reference in `Options::config` and `cluster`.
    let pitfalls = [
        "SELECT country, count(*) OVER () AS n FROM verdict GROUP BY country ORDER BY country LIMIT 1",
        "SELECT country, day, sum(n) OVER (PARTITION BY country ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS n
         FROM (SELECT country, day, count(*) AS n FROM verdict GROUP BY country, day) ORDER BY country, day LIMIT 4",
        "SELECT asn_name(probe_asn) AS name, count(*) FROM verdict WHERE country = 'XA' AND day >= '2026-03-04' GROUP BY name",
        "SELECT count(*) FROM target WHERE registered_domain LIKE 'site%'",
        "SELECT name, measurements, vantages FROM network ORDER BY country, asn",
        "SELECT count(*) FROM verdict WHERE probe_asn > (SELECT min(probe_asn) FROM verdict)",
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for archive in &archives {
            let (one, many) = (one_machine(archive).await, cluster.session(archive).await);
            let asked = questions().into_iter().map(|(_, sql)| sql);
            for sql in asked.chain(pitfalls.map(str::to_owned)) {
                let began = std::time::Instant::now();
                assert_eq!(lines(&many, &sql).await, lines(&one, &sql).await, "{sql}");
                eprintln!("{:?} {}", began.elapsed(), sql.lines().next().unwrap_or_default());
            }
        }
    });
}

#[test]
fn an_executor_that_dies_costs_time_and_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let archive = made_up(&folder.path().join("made"), &made(100));
    let mut cluster = Cluster::start(2);
    let sql = "SELECT a.domain, b.status, count(*) AS n, count(DISTINCT a.vantage * 100 + b.vantage) AS pairs
               FROM verdict a JOIN verdict b ON a.country = b.country AND a.probe_asn < b.probe_asn
               GROUP BY a.domain, b.status";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let one = one_machine(&archive).await;
        let many = cluster.session(&archive).await;
        let began = std::time::Instant::now();
        let expected = lines(&one, sql).await;
        eprintln!("one machine: {:?}", began.elapsed());
        assert_eq!(lines(&many, sql).await, expected, "with all executors");
        let asked = tokio::spawn(async move { lines(&many, sql).await });
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(!asked.is_finished(), "too short a query to die in");
        cluster.children[1].kill().unwrap();
        let began = std::time::Instant::now();
        assert_eq!(asked.await.unwrap(), expected);
        eprintln!("with one executor killed: {:?} after", began.elapsed());
        // And the one that is left goes on.
        let again = cluster.session(&archive).await;
        assert_eq!(lines(&again, sql).await, expected);
    });
}

#[test]
fn loopback_is_not_open() {
    assert!(!is_open("127.0.0.1".parse().unwrap()));
    assert!(!is_open("::1".parse().unwrap()));
    assert!(is_open("0.0.0.0".parse().unwrap()));
    assert!(is_open("::".parse().unwrap()));
    assert!(is_open("192.168.1.2".parse().unwrap()));
}
