//! OONI's own reader on measurements of ours. Ignored by default, for it installs the reader from PyPI:
//! `cargo test -p wirewitness-probe --test runner -- --ignored --nocapture oonidata`.

use std::path::Path;
use std::process::Command;

use wirewitness_lab::Scenario;
use wirewitness_probe::apps::{self, Apps};
use wirewitness_probe::{FollowUp, Helpers, Session, Vantage, web};

use crate::quarter::{Quarter, ToAddress, generous};
use crate::servers::{self, page, redirect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "installs a package"]
async fn oonidata_reads_our_measurements() {
    let folder = tempfile::tempdir().unwrap();
    let python = match reader(folder.path()) {
        Ok(python) => python,
        Err(why) => {
            println!("no oonidata here: {why}");
            return;
        }
    };
    let file = folder.path().join("ours.jsonl");
    std::fs::write(&file, measurements().await.join("\n")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oonidata/reads_us.py");
    let output = Command::new(python).arg(script).arg(&file).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Measurements with everything in them that we write: one a line.
async fn measurements() -> Vec<String> {
    let quarter = Quarter::new(generous()).await;
    let offer = ("alt-svc", "h3=\":443\"".to_owned());
    quarter.https("good.test", "45.77.6.1", (&["h2"], page("Good", &[offer]))).await;
    let quic = quarter.authority.tls(&["good.test"], &["h3"]);
    let real = servers::h3(quic, page("Good", &[])).await;
    quarter.town.udp(("45.77.6.1", 443).to_address(), real);
    let from = servers::web(None, redirect("https://good.test/")).await;
    quarter.site("from.test", "45.77.6.2", &[(80, from)]);
    quarter.site("closed.test", "45.77.6.3", &[]);
    // A page that is no text.
    let raw = servers::raw(|mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = stream.read(&mut [0; 4096]).await;
        let body = b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\nContent-Length: 4\r\n\r\n\xff\x00\xfe\x01";
        stream.write_all(body).await
    });
    quarter.site("binary.test", "45.77.6.4", &[(80, raw.await)]);
    let other = quarter.authority.tls(&["else.test"], &["h2"]);
    let server = servers::web(Some(other), page("Never", &[])).await;
    quarter.site("other.test", "45.77.6.5", &[(443, server)]);
    let session = quarter.session(&[], FollowUp::Failures);
    let mut lines = Vec::new();
    for url in [
        "https://good.test/",
        "http://from.test/",
        "https://closed.test/",
        "http://binary.test/",
        "https://other.test/",
        "https://nowhere.test/",
    ] {
        lines.push(web::measure(&session, url).await.unwrap().to_string());
    }
    lines.extend(std::thread::spawn(applications).join().unwrap());
    lines
}

/// The applications that OONI has tests for, where all of them work and where one name of each is denied: in the lab, for
/// their addresses are not this machine's.
fn applications() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/apps.toml");
    let open = std::fs::read_to_string(file).unwrap();
    let closed = open.replace("\"192.88.99.30\"]", "\"192.88.99.30\"]\nstate = \"closed\"");
    let known = Apps::shipped().unwrap();
    let mut lines = Vec::new();
    for text in [open, closed] {
        let scenario = Scenario::parse("apps.toml", &text).unwrap();
        for name in ["telegram", "whatsapp", "facebook_messenger", "signal"] {
            let app = known.find(name).unwrap().clone();
            let measured = scenario.run(None, |running| async move {
                let net = running.client("home").unwrap();
                let (line, asked) = (Vantage::default(), Helpers::default());
                let session = Session::new(net, running.roots(), line, asked).unwrap();
                apps::measure(&session, &app).await.unwrap()
            });
            lines.push(measured.unwrap().to_string());
        }
    }
    lines
}

/// A Python that has the reader.
fn reader(folder: &Path) -> Result<std::path::PathBuf, String> {
    let home = folder.join("python");
    let python = home.join("bin/python");
    run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let mut pip = Command::new(&python);
    run(pip.args(["-m", "pip", "install", "--quiet", "--timeout", "20", "oonidata==0.3.0"]))?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
