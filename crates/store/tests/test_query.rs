//! SQL over an archive: it sees one commit, reads no more than it must, and can only read.

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use wirewitness_store::Archive;
use wirewitness_store::ingest::Settings;
use wirewitness_store::query::output::{Format, Formulas, Look, write};
use wirewitness_store::query::{Options, QueryError, Session};

use crate::filled::{at, examples, ingest};
use crate::generated::made;
use crate::test_examples::made_up;

fn filled() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    ingest(&at(folder.path()), &examples(), Settings::default());
    let archive = runtime.block_on(Archive::open(&at(folder.path()))).unwrap();
    (folder, archive)
}

async fn text(session: &Session, sql: &str) -> String {
    pretty_format_batches(&session.rows(sql).await.unwrap()).unwrap().to_string()
}

async fn count(session: &Session, sql: &str) -> i64 {
    let rows = session.rows(sql).await.unwrap();
    rows[0].column(0).as_primitive::<Int64Type>().value(0)
}

async fn refusal(session: &Session, sql: &str) -> QueryError {
    match session.query(sql).await {
        Err(error) => error,
        Ok(answer) => answer.collect().await.unwrap_err(),
    }
}

#[test]
fn all_tables_and_views_can_be_asked() {
    let (_folder, archive) = filled();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = Session::new(&archive, Options::default()).await.unwrap();
        let n = examples().len() as i64;
        for table in ["measurement", "verdict", "source"] {
            assert_eq!(count(&session, &format!("SELECT count(*) FROM {table}")).await, n, "{table}");
        }
        assert_eq!(count(&session, "SELECT count(*) FROM event").await, 0);
        for view in ["target", "network"] {
            assert_eq!(
                count(&session, &format!("SELECT sum(measurements) FROM {view}")).await,
                n,
                "{view}"
            );
        }
        println!("{}", text(&session, "SELECT * FROM network").await);
        println!("{}", text(&session, "SELECT * FROM target LIMIT 5").await);
        println!("{}", text(&session, "EXPLAIN SELECT count(*) FROM verdict WHERE country = 'IT' AND status='blocked'").await);
        println!("{}", text(&session, "SELECT week(measured_at), hour(measured_at), week('2026-01-01T00:00:00Z'), registered_domain(domain) FROM verdict LIMIT 3").await);
    });
}

#[test]
fn queries_only_read() {
    let (folder, archive) = filled();
    let secret = folder.path().join("secret.csv");
    std::fs::write(&secret, "a,b\n1,2\n").unwrap();
    let path = secret.display();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = Session::new(&archive, Options::default()).await.unwrap();
        let not_read_only = [
            "CREATE TABLE x AS SELECT 1".to_owned(),
            "CREATE VIEW x AS SELECT 1".to_owned(),
            "DROP TABLE verdict".to_owned(),
            format!("COPY verdict TO '{}/out.csv'", folder.path().display()),
            format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{path}'"),
            "INSERT INTO verdict SELECT * FROM verdict".to_owned(),
            "DELETE FROM verdict".to_owned(),
            "UPDATE verdict SET status = 'ok'".to_owned(),
            "SET datafusion.optimizer.enable_topk_aggregation = true".to_owned(),
            "EXPLAIN ANALYZE INSERT INTO verdict SELECT * FROM verdict".to_owned(),
            "PREPARE x AS SELECT 1".to_owned(),
        ];
        for sql in not_read_only {
            let error = refusal(&session, &sql).await;
            println!("{sql}\n    {error}");
            assert!(matches!(error, QueryError::NotReadOnly { .. }), "{sql}: {error:?}");
        }
        let unknown = [
            format!("SELECT * FROM '{path}'"),
            format!("SELECT * FROM \"{path}\""),
            format!("SELECT * FROM read_csv('{path}')"),
            format!("SELECT * FROM read_parquet('{path}')"),
            "SELECT 1; SELECT 2".to_owned(),
        ];
        for sql in unknown {
            let error = refusal(&session, &sql).await;
            println!("{sql}\n    {error}");
            assert!(matches!(error, QueryError::Sql { .. }), "{sql}: {error:?}");
        }
    });
}

#[test]
fn mistakes_are_told_with_their_place() {
    let (_folder, archive) = filled();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let session = Session::new(&archive, Options::default()).await.unwrap();
        let cases = [
            ("SELECT\n  FROM WHERE", Some(2)),
            ("SELECT status,\n  contry FROM verdict", Some(2)),
            ("SELECT * FROM verdicts", Some(1)),
            ("SELECT nosuch(status) FROM verdict", Some(1)),
            ("", None),
        ];
        for (sql, line) in cases {
            let error = refusal(&session, sql).await;
            println!("{sql}\n    {error}");
            let QueryError::Sql { at, .. } = error else { panic!("{sql}: {error:?}") };
            assert_eq!(at.map(|at| at.0), line, "{sql}");
        }
    });
}

/// Folders of the files in a plan.
async fn folders(session: &Session, filter: &str) -> std::collections::BTreeSet<String> {
    let plan = text(session, &format!("EXPLAIN SELECT status FROM verdict WHERE {filter}")).await;
    let parts = plan.split("country=").skip(1);
    parts
        .filter_map(|part| Some(part.split_once("/day=")?.0.to_owned() + " " + part.get(7..17)?))
        .collect()
}

#[test]
fn filters_decide_which_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let archive = made_up(folder.path(), &made(2));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        // One group, so that the plan names all of its files.
        let options = Options { partitions: Some(1), ..Options::default() };
        let session = Session::new(&archive, options).await.unwrap();
        let cases = [
            ("country = 'XA' AND day = '2026-03-04'", vec!["XA 2026-03-04"]),
            (
                "country LIKE 'X_' AND day = DATE '2026-03-04'",
                vec!["XA 2026-03-04", "XB 2026-03-04", "XC 2026-03-04"],
            ),
            (
                "country IN ('XA', 'XB') AND day = '2026-03-18'",
                vec!["XA 2026-03-18", "XB 2026-03-18"],
            ),
            ("country = 'XC' AND measured_at >= '2026-03-18T00:00:00Z'", vec!["XC 2026-03-18"]),
            ("country = 'XC' AND measured_at < '2026-03-02T00:00:00Z'", vec!["XC 2026-03-01"]),
            ("country = 'QQ'", vec![]),
        ];
        for (filter, expected) in cases {
            let found = folders(&session, filter).await;
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{filter}");
        }
    });
}

#[test]
fn time_and_memory_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let archive = made_up(folder.path(), &made(2));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let timeout = Some(std::time::Duration::from_millis(300));
        let session =
            Session::new(&archive, Options { timeout, ..Options::default() }).await.unwrap();
        let long = "SELECT count(*) FROM range(1, 1000000000000) WHERE value % 7 = 3";
        assert!(matches!(refusal(&session, long).await, QueryError::TimedOut { .. }));
        let options = Options { memory_bytes: 1 << 20, spill_bytes: 1 << 20, ..Options::default() };
        let session = Session::new(&archive, options).await.unwrap();
        let wide =
            "SELECT value, sha256(CAST(value AS text)) AS h FROM range(1, 3000000) ORDER BY h";
        let error = refusal(&session, wide).await;
        assert!(matches!(error, QueryError::Memory { .. }), "{error:?}");
    });
}

#[test]
fn answers_are_written_in_five_ways() {
    let (_folder, archive) = filled();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sql = "SELECT '=1+1' AS \"@a\", -5 AS n, 'x,\"y\"' AS q, CAST(NULL AS text) AS nothing, ['=a', 'b'] AS l,
               to_timestamp(0) AS t, 'bad' || chr(27) || '[31m' AS e";
    runtime.block_on(async {
        let session = Session::new(&archive, Options::default()).await.unwrap();
        let written = async |format, formulas| {
            let clean = |text: &str, max: usize| {
                text.chars().filter(|c| !c.is_control()).take(max).collect::<String>()
            };
            let look = Look { width: 100, clean, formulas };
            let mut out = Vec::new();
            let answer = session.query(sql).await.unwrap();
            assert_eq!(write(answer, (format, &look), &mut out).await.unwrap(), 1);
            out
        };
        let csv = String::from_utf8(written(Format::Csv, Formulas::Disarmed).await).unwrap();
        assert_eq!(
            csv,
            "'@a,n,q,nothing,l,t,e\r\n'=1+1,-5,\"x,\"\"y\"\"\",,\"[\"\"=a\"\",\"\"b\"\"]\",1970-01-01T00:00:00Z,bad\u{1b}[31m\r\n"
        );
        let kept = String::from_utf8(written(Format::Csv, Formulas::Kept).await).unwrap();
        assert!(kept.contains("\r\n=1+1,-5,"));
        let json = String::from_utf8(written(Format::Json, Formulas::Kept).await).unwrap();
        let row: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(row["l"], serde_json::json!(["=a", "b"]));
        assert_eq!((&row["n"], &row["nothing"]), (&serde_json::json!(-5), &serde_json::Value::Null));
        let table = String::from_utf8(written(Format::Table, Formulas::Kept).await).unwrap();
        assert!(!table.contains('\u{1b}') && table.contains("bad[31m") && table.contains("(1 row)"));
        let parquet = written(Format::Parquet, Formulas::Kept).await;
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
            bytes_of(&parquet),
        );
        let rows: usize = reader.unwrap().build().unwrap().map(|rows| rows.unwrap().num_rows()).sum();
        assert_eq!(rows, 1);
        let arrow = written(Format::Arrow, Formulas::Kept).await;
        let reader = arrow::ipc::reader::FileReader::try_new(std::io::Cursor::new(arrow), None);
        assert_eq!(reader.unwrap().map(|rows| rows.unwrap().num_rows()).sum::<usize>(), 1);
    });
}

/// As the reader of Parquet takes it.
fn bytes_of(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    file
}
