//! The description of the API against the API: schemathesis, which makes requests of it and checks the answers by it.

use std::path::Path;
use std::process::Command;

use wirewitness_dashboard::server::Limits;

use crate::served::Running;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Installs a package from PyPI, so it runs by itself in `.ci/run`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs packages from PyPI; .ci/run asks for it"]
async fn schemathesis_finds_no_violation() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Running::start(folder.path(), Limits::default(), Some(&folder.path().join("spool"))).await;
    let url = format!("http://{}", server.address);
    let venv = folder.path().join("venv");
    let asked = tokio::task::spawn_blocking(move || {
        let run = |program: &Path, args: &[&str]| {
            let output = Command::new(program).args(args).output().unwrap();
            let words = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{args:?}: {words}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            words
        };
        run(Path::new("python3"), &["-m", "venv", venv.to_str().unwrap()]);
        run(&venv.join("bin/python"), &["-m", "pip", "install", "--quiet", "schemathesis>=4,<5"]);
        let description = format!("{url}/api/openapi.json");
        run(
            &venv.join("bin/schemathesis"),
            &[
                "run",
                &description,
                "--url",
                &url,
                "--checks",
                CHECKS,
                "--phases",
                "examples,coverage,fuzzing",
                "-n",
                "15",
            ],
        )
    });
    let words = asked.await.unwrap();
    assert!(words.contains("Tested: 19"), "{words}");
}
