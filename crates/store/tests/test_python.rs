//! Programs that know nothing of us read the folder: DuckDB and pyarrow, by Python.

use std::path::Path;
use std::process::Command;

use wirewitness_store::Archive;
use wirewitness_store::ingest::Settings;
use wirewitness_store::schema::{MEASUREMENT, OBSERVATION, VERDICT};

use crate::filled::{at, examples, ingest};

/// Prints `table rows` as DuckDB and as pyarrow count them, and the days of a country, from the partition.
const SCRIPT: &str = r#"
import sys, json, pathlib
import duckdb, pyarrow.dataset, pyarrow.parquet
from deltalake import DeltaTable
root = pathlib.Path(sys.argv[1])
for table in sys.argv[2:]:
    files = (root / table).glob("**/*.parquet")
    by_duck = duckdb.sql(f"select count(*) from read_parquet('{root / table}/**/*.parquet', hive_partitioning=true)").fetchall()[0][0]
    by_arrow = pyarrow.dataset.dataset(root / table, partitioning="hive", exclude_invalid_files=True).count_rows()
    by_delta = DeltaTable(root / table).to_pyarrow_dataset().count_rows()
    print(table, by_duck, by_arrow, by_delta)
rows = duckdb.sql(f"""select status, count(*) from read_parquet('{root}/verdict/**/*.parquet', hive_partitioning=true)
    where country = 'XA' and day >= date '2000-01-01' group by 1 order by 1""").fetchall()
print("statuses", json.dumps(rows))
"#;

/// Installs packages from PyPI, so it runs by itself in `.ci/run` and says why where that does not work.
#[test]
#[ignore = "installs packages from PyPI; .ci/run asks for it"]
fn python_reads_the_same_counts() {
    let folder = tempfile::tempdir().unwrap();
    let venv = folder.path().join("venv");
    let python = venv.join("bin/python");
    let run = |program: &Path, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(Path::new("python3"), &["-m", "venv", venv.to_str().unwrap()]);
    run(&python, &["-m", "pip", "install", "--quiet", "duckdb", "pyarrow", "deltalake", "pytz"]);

    let archive = folder.path().join("archive");
    ingest(&at(&archive), &examples(), Settings::default());
    let opened =
        tokio::runtime::Runtime::new().unwrap().block_on(Archive::open(&at(&archive))).unwrap();
    let names = [MEASUREMENT.name, OBSERVATION.name, VERDICT.name];
    let script = folder.path().join("count.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let printed = run(
        &python,
        &[script.to_str().unwrap(), archive.to_str().unwrap(), names[0], names[1], names[2]],
    );
    for (line, name) in printed.lines().zip(names) {
        let table = opened.table(wirewitness_store::schema::table(name).unwrap()).unwrap();
        let rows: u64 = table.files().unwrap().iter().map(|file| file.rows).sum();
        assert!(rows > 30);
        assert_eq!(line, format!("{name} {rows} {rows} {rows}"));
    }
    assert!(printed.lines().last().unwrap().starts_with("statuses [["), "{printed}");
}
