//! SQL over an archive: it sees one commit, reads no more than it must, and can only read.

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use arrow::util::pretty::pretty_format_batches;
use wirewitness_store::Archive;
use wirewitness_store::ingest::Settings;
use wirewitness_store::query::{Options, QueryError, Session};

use crate::filled::{at, examples, ingest};

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
