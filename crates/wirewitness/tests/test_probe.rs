//! `wirewitness probe` on this machine's own sockets: no packet of these tests leaves it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::program::{Outcome, run};

/// An address of this machine that is not loopback: what is measured must be somewhere else, as far as a probe can
/// tell. Nothing is sent to find it.
#[allow(clippy::disallowed_types, reason = "a socket that sends nothing")]
pub(crate) fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    socket.connect(("192.0.2.1", 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// A web server on an own address; each connection gets `answer`, or nothing at all and silence.
#[allow(clippy::disallowed_types, reason = "a server for the program under test")]
pub(crate) fn site(address: IpAddr, answer: Option<&'static str>) -> SocketAddr {
    let listener = std::net::TcpListener::bind((address, 0)).unwrap();
    let local = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(answer) = answer else {
                silent.push(stream);
                continue;
            };
            // The head of a request fits one read.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    local
}

pub(crate) const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
    <html><title>Ours</title><p>Your address is 203.0.112.77, dear visitor.</html>";

fn probe(arguments: &[&str]) -> Outcome {
    run(&[&["probe", "--yes-i-consent"], arguments].concat())
}

fn file(name: &str) -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let name = path.display().to_string();
    (folder, path, name)
}

/// The binary's own helper, stopped when dropped.
pub(crate) struct HelperProcess {
    child: Child,
    pub(crate) url: String,
}

impl HelperProcess {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
            .args(["helper", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, url }
    }

    /// Asks it to stop, and gives its exit code and last words.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        interrupt(&self.child);
        let code = self.child.wait().unwrap().code();
        let mut words = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        (code, words)
    }
}

impl Drop for HelperProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

/// An authority, and a certificate of its for an address: PEM of the authority, of the chain and of the key.
pub(crate) fn certificates(address: IpAddr, folder: &std::path::Path) -> [String; 3] {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![address.to_string()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    [
        ("CERTIFICATE", "ca", authority.der().as_ref()),
        ("CERTIFICATE", "cert", certificate.der()),
        ("PRIVATE KEY", "key", key.serialized_der()),
    ]
    .map(|(what, name, der)| {
        let path = folder.join(format!("{name}.pem"));
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        std::fs::write(&path, format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n"))
            .unwrap();
        path.display().to_string()
    })
}

#[test]
fn nothing_is_measured_without_consent() {
    let (folder, path, name) = file("out.jsonl");
    let outcome = run(&["probe", "http://192.0.2.80/", "--output", &name]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("without consent"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--yes-i-consent"), "{}", outcome.stderr);
    assert!(!path.exists());
    // What was kept of a consent to another text is none to this one.
    let config = folder.path().join("wirewitness");
    std::fs::create_dir(&config).unwrap();
    std::fs::write(config.join("consent"), "0".repeat(64)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(["probe", "http://192.0.2.80/", "--output", &name])
        .env_clear()
        .env("XDG_CONFIG_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    if cfg!(target_os = "linux") {
        assert!(String::from_utf8_lossy(&output.stderr).contains("has changed"));
    }
    assert!(!path.exists());
}

#[test]
fn wrong_usage_is_told_before_anything_is_asked() {
    for (arguments, words) in [
        (&["--rate", "0"][..], "0 targets a second are not allowed"),
        (&["--rate", "101"], "101 targets a second"),
        (&["--allow-category", "anon", "--rate", "0"], "0 targets"),
        (&["ftp://example.com/"], "scheme ftp is not measured"),
        (&["http://me:secret@example.com/"], "password"),
        (&["--helper", "https://h.example/", "--no-helper"], "cannot be used with"),
        (&["--resume"], "--output"),
        (&["--client", "x"], "--lab"),
        (&["--resolver", "dns.example"], "expected an address"),
        (&["--public-address", "home"], "an address, or none"),
    ] {
        let outcome = run(&[&["probe"], arguments].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(outcome.stderr.contains(words), "{words:?} not in {}", outcome.stderr);
    }
    let outcome = probe(&["--ca-file", "/nonexistent.pem", "http://192.0.2.80/"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("/nonexistent.pem"), "{}", outcome.stderr);
}

#[test]
fn categories_of_the_highest_risk_cannot_be_allowed() {
    let table = include_str!("../../../lists/risk.csv");
    let highest: Vec<_> = table
        .lines()
        .filter_map(|line| line.split_once(",highest,").map(|(category, _)| category))
        .collect();
    assert!(!highest.is_empty());
    for category in highest {
        let outcome = probe(&["--allow-category", category]);
        assert_eq!(outcome.code, 2);
        assert!(outcome.stderr.contains("never visited"), "{}", outcome.stderr);
    }
}

#[test]
fn a_page_is_measured_beside_a_helper_written_cleaned_and_judged() {
    let Some(address) = own_address() else { return };
    let site = site(address, Some(PAGE));
    let url = format!("http://{site}/");
    let helper = HelperProcess::start(&["--public", "--also-port", &site.port().to_string()]);
    let (_folder, path, name) = file("out.jsonl");
    let arguments = [
        &url,
        "--helper",
        &helper.url,
        "--public-address",
        "203.0.112.77",
        "--output",
        &name,
        "--json",
    ];
    let outcome = probe(&arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("1 target, 2 a second at most"), "{}", outcome.stderr);
    let line = &outcome.lines()[0];
    assert_eq!((&line["client"], &line["truth"]), (&Value::Null, &Value::Null));

    let text = std::fs::read_to_string(&path).unwrap();
    let measurement: Value = serde_json::from_str(text.trim_end()).unwrap();
    let keys = &measurement["test_keys"];
    assert_eq!(keys["tcp_connect"][0]["status"]["success"], true);
    assert_eq!(keys["requests"][0]["response"]["code"], 200);
    // The helper was asked and answered; it visits nobody's local network, and says so in its way.
    assert_eq!(keys["control_failure"], Value::Null);
    assert_ne!(keys["control"]["http_request"]["failure"], Value::Null);
    assert_eq!(measurement["test_helpers"]["backend"]["address"], helper.url);
    let body = keys["requests"][0]["response"]["body"].as_str().unwrap();
    assert!(body.contains("Your address is [scrubbed], dear visitor."), "{body}");
    assert!(!text.contains("203.0.112.77"));

    let judged = &run(&["judge", "--json", &name]).lines()[0];
    assert_eq!(judged["verdict"], line["verdict"]);
}

#[test]
fn https_and_a_helpers_token_with_authorities_of_ones_own() {
    let Some(address) = own_address() else { return };
    let site = site(address, Some(PAGE));
    let (url, port) = (format!("http://{site}/"), site.port().to_string());
    let (folder, _, name) = file("out.jsonl");
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let [authority, certificate, key] = certificates(loopback, folder.path());
    let token = folder.path().join("token").display().to_string();
    std::fs::write(&token, "a secret of some length\n".replace(' ', "-")).unwrap();
    let tls = ["--token-file", &token, "--tls-cert", &certificate, "--tls-key", &key];
    let helper = HelperProcess::start(&[&tls[..], &["--also-port", &port]].concat());
    assert!(helper.url.starts_with("https://127.0.0.1:"), "{}", helper.url);
    let ask = |extra: &[&str]| {
        let _ = std::fs::remove_file(&name);
        let common = [&url, "--helper", &helper.url, "--public-address", "none", "--output", &name];
        let outcome = probe(&[&common, extra].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let text = std::fs::read_to_string(&name).unwrap();
        let measurement: Value = serde_json::from_str(text.trim_end()).unwrap();
        (measurement["test_keys"]["control_failure"].clone(), outcome.stderr)
    };
    let known = ["--ca-file", &authority];
    let (failure, _) = ask(&[&known[..], &["--helper-token-file", &token]].concat());
    assert_eq!(failure, Value::Null);
    let (failure, words) = ask(&known);
    assert_eq!(failure, "http_request_failed");
    assert!(words.contains("no test helper answered (http_request_failed)"), "{words}");
    let (failure, _) = ask(&["--helper-token-file", &token]);
    assert_eq!(failure, "ssl_unknown_authority");
}

#[test]
fn a_run_is_resumed_where_it_ended() {
    let Some(address) = own_address() else { return };
    let site = site(address, Some(PAGE));
    let urls = ["a", "b", "c"].map(|page| format!("http://{site}/{page}"));
    let (folder, path, name) = file("out.jsonl");
    let common = ["--no-helper", "--public-address", "none", "--rate", "100", "--output", &name];
    let first = probe(&[&[urls[0].as_str(), &urls[1]], &common[..]].concat());
    assert_eq!(first.code, 0, "{}", first.stderr);
    // As a crash leaves it.
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let done: Value = serde_json::from_str(whole.lines().next().unwrap()).unwrap();

    let again = probe(&[&[urls[0].as_str()], &common[..]].concat());
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("has measurements already"), "{}", again.stderr);

    let list = folder.path().join("list.txt");
    std::fs::write(&list, format!("# ours\n{}\nhttp://10.0.0.1/\n", urls[2])).unwrap();
    let given = [urls[0].as_str(), &urls[1], &urls[2], "--resume", "--json"];
    let resumed = probe(&[&given, &common[..]].concat());
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let mut measured: Vec<_> =
        resumed.lines().iter().map(|it| it["input"].as_str().unwrap().to_owned()).collect();
    measured.sort();
    let missing: Vec<_> = urls.iter().filter(|url| done["input"] != url.as_str()).collect();
    assert_eq!(measured.iter().collect::<Vec<_>>(), missing);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);

    // A list does not lead into the person's own network, as a given address may.
    let list = list.display().to_string();
    let outcome = probe(&[&["--list", &list, "--resume"], &common[..]].concat());
    assert!(outcome.stderr.contains("list.txt:3: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("0 targets"), "{}", outcome.stderr);
}

#[test]
#[cfg(unix)]
fn ctrl_c_keeps_what_is_done_and_gives_up_the_rest() {
    let Some(address) = own_address() else { return };
    let quick = format!("http://{}/", site(address, Some(PAGE)));
    let silent = format!("http://{}/", site(address, None));
    let (_folder, path, name) = file("out.jsonl");
    let mut child = Command::new(env!("CARGO_BIN_EXE_wirewitness"))
        .args(["probe", "--yes-i-consent", "--no-helper", "--public-address", "none"])
        .args(["--rate", "100", "--output", &name, &silent, &quick])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(rows.next().unwrap().unwrap().starts_with("TARGET"));
    assert!(rows.next().unwrap().unwrap().starts_with(&quick));
    interrupt(&child);
    let began = std::thread::spawn(move || {
        let code = child.wait().unwrap().code();
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        (code, words)
    });
    std::thread::sleep(Duration::from_secs(5));
    assert!(began.is_finished(), "it goes on after five seconds");
    let (code, words) = began.join().unwrap();
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("stopped; 1 given up"), "{words}");
    assert!(words.contains("1 measured"), "{words}");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert!(text.ends_with("}\n"));
}
