//! Speed of the archive: taking measurements in, finding events, answering questions.
//!
//! ```sh
//! cargo bench --workspace --all-features --bench archive -- ingest
//! cargo bench --workspace --all-features --bench archive -- rows FOLDER [MILLIONS]
//! ```
//!
//! `ingest` writes files of JSON lines, each measurement other than the rest: the QA measurements again and again, over one day and over
//! thirty, and large ones with the bodies of pages (or, without the shared data, the shipped examples), and runs the release binary over them. `rows` makes an
//! archive of a made-up country in FOLDER, unless one is there (100 million verdicts: some 5 GB), runs `wirewitness events` over it, and asks
//! the questions of `dashboard/` here and by DuckDB (Python at `WIREWITNESS_PYTHON`, with the package `duckdb`), in turns, on the
//! same Parquet files. Prints rates, the most memory that the program held (`VmHWM`), medians and ratios.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it measures time and prints, and should stop at the first surprise"
)]

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wirewitness_store::{Archive, archive, query};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wirewitness");
/// Of each file that is taken in.
const BYTES: u64 = 1_500_000_000;
/// Times that each file is taken in, after a first time: on a virtual machine memory that was given back to the host is slow to come again.
const INGESTS: usize = 3;
/// Times that each question is asked.
const TURNS: usize = 5;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ingest"] => ingest(),
        ["rows", folder] => rows(Path::new(folder), 100),
        ["rows", folder, millions] => rows(Path::new(folder), millions.parse().unwrap()),
        _ => println!("what? `ingest`, or `rows FOLDER [MILLIONS]`"),
    }
}

// Taking in.

fn ingest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = root.join("../shared/data");
    let examples = files(&root.join("examples/measurements"));
    let (small, large) = match shared.is_dir() {
        true => (files(&shared.join("ooni/qa")), files(&shared.join("ooni/real"))),
        false => (examples.clone(), examples),
    };
    let is_large = |path: &PathBuf| std::fs::metadata(path).unwrap().len() > 200_000;
    let large: Vec<PathBuf> = match large.iter().any(is_large) {
        true => large.into_iter().filter(is_large).collect(),
        false => large,
    };
    let folder = tempfile::tempdir().unwrap();
    let kinds =
        [("QA-sized, 1 day", 1, &small), ("QA-sized, 30 days", 30, &small), ("large", 30, &large)];
    for (what, days, files) in kinds {
        let path = folder.path().join("measurements.jsonl");
        let count = write_lines(files, days, &path);
        let bytes = std::fs::metadata(&path).unwrap().len();
        // Once before the clock runs, so that the file is in the page cache.
        std::io::copy(&mut std::fs::File::open(&path).unwrap(), &mut std::io::sink()).unwrap();
        let archive = folder.path().join("archive");
        let mut times = Vec::new();
        let mut most = 0;
        for turn in 0..=INGESTS {
            let mut command = Command::new(PROGRAM);
            command.arg("ingest").arg(&path).arg("--archive").arg(&archive);
            let fingerprints = shared.join("fingerprints");
            if fingerprints.is_dir() {
                command.arg("--fingerprints").arg(fingerprints);
            }
            let (time, memory) = run(command);
            times.push(time.as_secs_f64());
            most = memory.max(most);
            if turn < INGESTS {
                std::fs::remove_dir_all(&archive).unwrap();
            }
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        let time = times[times.len() / 2];
        println!(
            "{what}, {:.1} kB each: {count} in {time:.1} s ({first:.1} the first time): {:.0}/s, {:.0} MB/s, at most {most} MB held",
            bytes as f64 / 1e3 / count as f64,
            count as f64 / time,
            bytes as f64 / 1e6 / time,
        );
        sizes(&archive);
        std::fs::remove_dir_all(&archive).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    files
}

/// The measurements of these files again and again, each with another time (within so many days) and name.
fn write_lines(files: &[PathBuf], days: usize, path: &Path) -> usize {
    let templates: Vec<[String; 3]> = files.iter().filter_map(|file| template(file)).collect();
    assert!(!templates.is_empty(), "no measurements");
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    let (mut written, mut count) = (0, 0);
    while written < BYTES {
        for [before, between, after] in &templates {
            let (day, second) = (count % days + 1, count * 7 % 86_400);
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let time = format!("2026-06-{day:02} {hour:02}:{minute:02}:{second:02}");
            let line = format!("{before}{count:012}{between}{time}{after}\n");
            out.write_all(line.as_bytes()).unwrap();
            written += line.len() as u64;
            count += 1;
        }
    }
    out.flush().unwrap();
    count
}

/// A measurement on one line, cut where its report's name and its time stand. None for what is no measurement.
fn template(path: &Path) -> Option<[String; 3]> {
    let mut value: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let record = value.as_object_mut()?;
    record.get("test_keys")?;
    record.remove("report_id");
    record.remove("measurement_start_time");
    let text = value.to_string();
    let rest = text.strip_prefix('{')?;
    Some([
        "{\"report_id\":\"".to_owned(),
        "\",\"measurement_start_time\":\"".to_owned(),
        format!("\",{rest}"),
    ])
}

/// Runs the program. Returns the time, and the most memory it held, in MB.
fn run(mut command: Command) -> (Duration, u64) {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut memory = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        memory = held(&child).unwrap_or(0).max(memory);
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{command:?}: {status}");
    (start.elapsed(), memory)
}

fn held(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb / 1000)
}

/// Rows and bytes of an archive's tables.
fn sizes(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = archive::locate(folder.to_str().unwrap()).unwrap();
    let opened = runtime.block_on(Archive::open(&url)).unwrap();
    let (mut all, mut observations) = (0, 0);
    for table in opened.tables() {
        let files = table.files().unwrap();
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        all += bytes;
        let name = table.definition().name;
        if name == "observation" {
            observations = rows;
        }
        if rows > 0 {
            let each = bytes as f64 / rows as f64;
            println!("  {name}: {rows} rows, {:.1} MB, {each:.1} bytes a row", bytes as f64 / 1e6);
        }
    }
    if observations > 0 {
        let million = all as f64 / observations as f64;
        println!("  all tables: {million:.1} MB a million observations");
    }
}

// Many rows.

/// A year of a country; the networks measure so densely that it comes to about this many million verdicts.
fn country(millions: u64) -> String {
    // Two more: a hundredth of what is asked for is not measured.
    let dense_per_day = (millions * 1_000_000).saturating_sub(12_775_000) / 365 / 8_000 + 2;
    format!(
        "days = 365\ndense_cells = 8000\ndense_per_day = {}\nsparse_per_day = 35000\nvolunteers = 2000\n",
        dense_per_day
    )
}

fn rows(folder: &Path, millions: u64) {
    let place = folder.join("archive");
    if !place.join("source").is_dir() {
        std::fs::create_dir_all(folder).unwrap();
        let settings = folder.join("country.toml");
        std::fs::write(&settings, country(millions)).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["lab", "population", "--settings"]).arg(&settings);
        command.arg("--out").arg(folder.join("truth")).arg("--archive").arg(&place);
        let (time, memory) = run(command);
        println!("made in {:.0} s, at most {memory} MB held", time.as_secs_f64());
    }
    sizes(&place);
    let mut command = Command::new(PROGRAM);
    command.args(["events", "--dry-run", "--archive"]).arg(&place);
    let (time, memory) = run(command);
    println!("events: {:.1} s, at most {memory} MB held", time.as_secs_f64());
    questions(&place);
}

/// DuckDB's side: answers to lines of `name, tab, question` on standard input; each with the milliseconds and the rows it took.
const PEER: &str = "
import sys, time, duckdb
db = duckdb.connect()
db.execute(\"SET TimeZone = 'UTC'\")
db.execute(\"SET enable_progress_bar = false\")
db.execute(f\"CREATE VIEW verdict AS SELECT * FROM read_parquet('{sys.argv[1]}/verdict/**/*.parquet', hive_partitioning = true)\")
for line in sys.stdin:
    begun = time.perf_counter()
    rows = db.sql(line).to_arrow_table()
    print((time.perf_counter() - begun) * 1000, rows.num_rows, flush=True)
";

fn questions(place: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/dashboard");
    let mut peer = std::env::var_os("WIREWITNESS_PYTHON").map(|python| {
        let mut command = Command::new(python);
        command.args(["-c", PEER]).arg(place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    });
    let mut answers = peer.as_mut().map(|peer| BufReader::new(peer.stdout.take().unwrap()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(async {
        let archive = Archive::open(&archive::locate(place.to_str().unwrap()).unwrap()).await;
        query::Session::new(&archive.unwrap(), query::Options::default()).await.unwrap()
    });
    println!("question: ours, DuckDB's (ms, median of {TURNS}); ratio; rows");
    let mut ratios = Vec::new();
    for path in files_of(&folder) {
        let sql = std::fs::read_to_string(&path).unwrap();
        let lines = sql.lines().filter(|line| !line.starts_with("--"));
        let sql = lines.collect::<Vec<_>>().join(" ");
        let (mut ours, mut theirs, mut rows) = (Vec::new(), Vec::new(), (0, 0));
        for _ in 0..TURNS {
            let start = Instant::now();
            let batches = runtime.block_on(session.rows(&sql)).unwrap();
            ours.push(start.elapsed().as_secs_f64() * 1000.0);
            rows.0 = batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
            if let (Some(peer), Some(answers)) = (&mut peer, &mut answers) {
                let mut line = String::new();
                writeln!(peer.stdin.as_mut().unwrap(), "{sql}").unwrap();
                answers.read_line(&mut line).unwrap();
                let (ms, count) = line.trim().split_once(' ').unwrap();
                theirs.push(ms.parse::<f64>().unwrap());
                rows.1 = count.parse().unwrap();
            }
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let ours = median(&mut ours);
        if theirs.is_empty() {
            println!("{name}: {ours:.0}, -; -; {}", rows.0);
            continue;
        }
        assert_eq!(rows.0, rows.1, "{name}: another answer");
        let theirs = median(&mut theirs);
        ratios.push(ours / theirs);
        println!("{name}: {ours:.0}, {theirs:.0}; {:.2}; {}", ours / theirs, rows.0);
    }
    if !ratios.is_empty() {
        println!("median ratio: {:.2}", median(&mut ratios));
    }
    // Its standard input ends, and so does it.
    if let Some(mut peer) = peer {
        drop(peer.stdin.take());
        peer.wait().unwrap();
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
