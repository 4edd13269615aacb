//! One scheduler and two executors, each a process of its own: the same answers, verdicts and events as of one machine, also when
//! an executor dies, and also when it is back at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use wirewitness_store::cluster::{
    Cluster as Asked, ExecutorOptions, SchedulerOptions, is_open, run_executor, run_scheduler,
};
use wirewitness_store::events::{
    Settings, find_events, find_events_on, insert_points, state_events, state_events_on,
};
use wirewitness_store::keep::{rebuild, rebuild_on};
use wirewitness_store::query::{NetworkNames, Options, QueryError, Session};
use wirewitness_store::{Archive, Writer};

use crate::generated::made;
use crate::made::{address, content, copy, ingest_at_once, judging};
use crate::test_events::blocks;
use crate::test_examples::{lines, made_up, questions, real};

/// What a child of these tests is to be: `scheduler` or `executor`, the scheduler's port, own ports, folder.
const ROLE: &str = "WIREWITNESS_TEST_ROLE";

/// The judge of all executors here.
const JUDGE: &str = "b";

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
                name: None,
                tasks: Some(2),
                memory_bytes: 512 << 20,
                folder: PathBuf::from(words[3]),
                names: names(),
                judging: Some(judging(JUDGE)),
            };
            runtime.block_on(run_executor(options)).unwrap();
        }
    }
}

struct Cluster {
    scheduler: u16,
    children: Vec<Child>,
    roles: Vec<String>,
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
        let ports = free_ports(1 + executors);
        let mut roles = vec![format!("scheduler {}", ports[0])];
        for own in &ports[1..] {
            let work = folder.path().join(own.to_string());
            std::fs::create_dir(&work).unwrap();
            let work = work.display();
            roles.push(format!("executor {} {own} {work}", ports[0]));
        }
        let children = roles.iter().map(|role| child(role)).collect();
        Self { scheduler: ports[0], children, roles, _folder: folder }
    }

    fn kill(&mut self, at: usize) {
        for child in &mut self.children {
            assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        }
        self.children[at].kill().unwrap();
        self.children[at].wait().unwrap();
    }

    /// Kills an executor and starts it again, on the same ports, at once.
    fn replace(&mut self, at: usize) {
        self.kill(at);
        self.children[at] = child(&self.roles[at]);
    }

    /// As those who ask know it.
    fn asked(&self) -> Asked {
        let options = Options { partitions: Some(4), names: names(), ..Options::default() };
        Asked { options, ..Asked::at(&self.url()) }
    }

    fn url(&self) -> String {
        format!("df://127.0.0.1:{}", self.scheduler)
    }

    /// A session, once the cluster answers.
    async fn session(&self, archive: &Archive) -> Session {
        let Asked { options, scheduler } = self.asked();
        for _ in 0..300 {
            let session = Session::on_cluster(archive, options.clone(), &scheduler).await.unwrap();
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
    // Below those that the system gives to connections: what is started again finds its own free.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + (std::process::id() % 150) as u16 * 100;
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed));
    let is_free = |port: &u16| std::net::TcpListener::bind(local(*port)).is_ok();
    ports.filter(is_free).take(count).collect()
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

/// The same archive twice: measurements judged by another judge, and verdicts of others in which there are blocks.
fn twice(folder: &Path) -> [PathBuf; 2] {
    let [one, many] = ["one", "many"].map(|name| folder.join(name));
    ingest_at_once(&one, 0..20);
    wait(async {
        let mut writer = Writer::open(&address(&one)).await.unwrap();
        let (points, name, source) = blocks();
        insert_points(&mut writer, points.into_iter(), name, &source).await.unwrap();
    });
    copy(&one, &many);
    [one, many]
}

/// What comes of some work, which does not take forever.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(240), work).await.expect("the cluster hangs")
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

async fn writer(folder: &Path) -> Writer {
    Writer::open(&address(folder)).await.unwrap()
}

#[test]
fn judge_events_and_questions_come_to_the_same_while_executors_die() {
    let folder = tempfile::tempdir().unwrap();
    let began = std::time::Instant::now();
    let [one, many] = twice(folder.path());
    let mut cluster = Cluster::start(2);
    let told = |what: &str| eprintln!("{:?} {what}", began.elapsed());

    told("both archives");
    // The judge. An executor dies meanwhile and is back before anyone can count one less.
    let settings = Settings::default();
    let (rebuilt, stated) = wait(async {
        let mut writer = writer(&one).await;
        let rebuilt = rebuild(&mut writer, &judging(JUDGE), 1 << 20).await.unwrap();
        (rebuilt, state_events(&mut writer, &settings).await.unwrap())
    });
    told("one machine");
    assert!(rebuilt.changed > 0 && rebuilt.measurements == 600, "{rebuilt:?}");
    assert!(stated.added > 1, "{}", stated.added);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let archive = Archive::open(&address(&many)).await.unwrap();
        cluster.session(&archive).await;
        told("the cluster answers");

        let before = archive.commit();
        let other = judging("c");
        let refused = rebuild_on(&cluster.asked(), &mut writer(&many).await, &other, 1).await;
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(other.name()) && said.contains(judging(JUDGE).name()), "{said}");
        assert_eq!(Archive::open(&address(&many)).await.unwrap().commit(), before);
        told("another judge is refused");
    });

    let judge = {
        let (asked, many) = (cluster.asked(), many.clone());
        runtime.spawn(async move {
            rebuild_on(&asked, &mut writer(&many).await, &judging(JUDGE), 1 << 20).await
        })
    };
    std::thread::sleep(Duration::from_millis(300));
    assert!(!judge.is_finished(), "too few measurements to die in");
    cluster.replace(1);
    let judged = runtime.block_on(in_time(judge)).unwrap().unwrap();
    let of = |rebuilt: wirewitness_store::keep::Rebuilt| (rebuilt.measurements, rebuilt.unreadable);
    assert_eq!(of(judged), of(rebuilt));
    assert!(judged.changed > 0);
    told("judged, an executor replaced meanwhile");

    // The search. Another one dies meanwhile.
    let search = {
        let (asked, many, settings) = (cluster.asked(), many.clone(), settings.clone());
        runtime.spawn(async move {
            let mut writer = writer(&many).await;
            let stated = state_events_on(&asked, &mut writer, &settings).await.unwrap();
            let again = rebuild_on(&asked, &mut writer, &judging(JUDGE), 1).await.unwrap();
            (stated, again)
        })
    };
    std::thread::sleep(Duration::from_millis(400));
    assert!(!search.is_finished(), "too few verdicts to die in");
    cluster.replace(2);
    let (found, again) = runtime.block_on(in_time(search)).unwrap();
    assert_eq!(again.changed, 0, "the same judge again changes nothing");
    assert_eq!(found.found.report, stated.found.report);
    assert_eq!(found.statements, stated.statements);
    assert_eq!(content(&many), content(&one));
    told("searched, the other executor replaced meanwhile");

    // The questions, and one that an executor dies in for good.
    runtime.block_on(async {
        let archive = Archive::open(&address(&many)).await.unwrap();
        let (here, there) = (one_machine(&archive).await, cluster.session(&archive).await);
        let origins = vec!["ooni".to_owned()];
        let settings = Settings { origins, ..settings.clone() };
        let of_one = find_events(&archive, &settings).await.unwrap().report;
        let of_many = find_events_on(&cluster.asked(), &archive, &settings).await.unwrap().report;
        assert_eq!((of_many.points, &of_many), (600, &of_one));
        let none = Settings { origins: vec!["nobody".to_owned()], ..settings };
        let none = find_events_on(&cluster.asked(), &archive, &none).await.unwrap();
        assert_eq!((none.report.points, none.names.len()), (0, 0));
        for (name, sql) in questions() {
            assert_eq!(lines(&there, &sql).await, lines(&here, &sql).await, "{name}");
        }
        told("all questions");
        let expected = lines(&here, PAIRS).await;
        told("pairs on one machine");
        // The same, by one that does not watch the executors: the scheduler itself gives no wrong answer.
        let blind = there.context().sql(PAIRS).await.unwrap();
        let blind = tokio::spawn(async move { blind.collect().await });
        let asked = tokio::spawn(async move { lines(&there, PAIRS).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!asked.is_finished() && !blind.is_finished(), "too short a query to die in");
        cluster.kill(1);
        assert_eq!(in_time(asked).await.unwrap(), expected);
        match in_time(blind).await.unwrap() {
            Err(failed) => assert!(failed.to_string().contains("work was done again"), "{failed}"),
            // The one that died had no part in it.
            Ok(batches) => assert_eq!(pairs(&batches), pairs_of(&expected)),
        }
        told("pairs, an executor killed meanwhile");
    });
}

/// A question that takes a while.
const PAIRS: &str =
    "SELECT a.target, b.status, count(*) AS n, count(DISTINCT a.vantage * 100 + b.vantage) AS pairs
    FROM verdict a JOIN verdict b ON a.target = b.target AND a.day = b.day AND a.vantage < b.vantage
    GROUP BY a.target, b.status";

/// Pairs in an answer.
fn pairs(batches: &[RecordBatch]) -> i64 {
    let column = |batch: &RecordBatch| batch.column(2).as_primitive::<Int64Type>().clone();
    batches.iter().map(column).flat_map(|column| column.values().to_vec()).sum()
}

fn pairs_of(lines: &[String]) -> i64 {
    lines[1..].iter().map(|line| line.split(',').nth(2).unwrap().parse::<i64>().unwrap()).sum()
}

#[test]
fn loopback_is_not_open() {
    assert!(!is_open("127.0.0.1".parse().unwrap()));
    assert!(!is_open("::1".parse().unwrap()));
    assert!(is_open("0.0.0.0".parse().unwrap()));
    assert!(is_open("::".parse().unwrap()));
    assert!(is_open("192.168.1.2".parse().unwrap()));
}
