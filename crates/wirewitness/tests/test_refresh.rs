//! `wirewitness refresh`: what has the pinned hash is kept, what has not leaves everything as it was, and verdicts say what they used.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use serde_json::Value;
use wirewitness_model::hex::hex;

use crate::program::{Outcome, root, run};
use crate::test_serve::{Serving, page};

/// How a server answers.
#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    /// It promises more than it sends.
    Cut(Vec<u8>),
    /// It goes on for ever.
    Endless,
}

/// A server on this machine, over real sockets.
struct Server {
    port: u16,
    served: Option<std::thread::JoinHandle<Vec<String>>>,
}

impl Server {
    #[allow(clippy::disallowed_types, reason = "a server to fetch from")]
    fn start(answers: &[(&'static str, Answer)]) -> Self {
        let answers: BTreeMap<String, Answer> =
            answers.iter().map(|(path, answer)| (format!("/{path}"), answer.clone())).collect();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let got = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..got]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                if path == "/end" {
                    return asked;
                }
                let answer = answers.get(&path).cloned();
                asked.push(path);
                // Whoever has seen enough hangs up.
                let _ = match answer {
                    None => stream.write_all(
                        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    ),
                    Some(answer) => answer.write(&mut stream),
                };
            }
            asked
        });
        Self { port, served: Some(served) }
    }

    /// The paths that were asked for.
    #[allow(clippy::disallowed_types, reason = "it is told to stop")]
    fn end(&mut self) -> Vec<String> {
        let mut last = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        last.write_all(b"GET /end HTTP/1.1\r\n\r\n").unwrap();
        self.served.take().unwrap().join().unwrap()
    }
}

impl Answer {
    fn write(&self, stream: &mut impl std::io::Write) -> std::io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
        match self {
            Self::Whole(body) => {
                write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len())?;
                stream.write_all(body)
            }
            Self::Cut(body) => {
                write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len() * 2)?;
                stream.write_all(body)
            }
            Self::Endless => {
                write!(stream, "{head}Content-Length: {}\r\n\r\n", 1_u64 << 50)?;
                loop {
                    stream.write_all(&[b'x'; 0x400])?;
                }
            }
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

const NETWORKS: &[u8] =
    b"192.31.196.0,192.31.196.255,64496,One\n192.175.48.0,192.175.48.255,64496,One\n";
const MARKS: &[u8] = b"name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes\n\
    xa.somebody,nat,,body,contains,not-in-any-page-here,10,XA,,,\n";

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()));
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// A manifest and the folder that it fills.
struct Place {
    folder: tempfile::TempDir,
    text: String,
    port: u16,
}

impl Place {
    fn new(server: &Server) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), text: String::new(), port: server.port }
    }

    fn entry(&mut self, (name, kind): (&str, &str), path: &str, pinned: &[u8]) -> &mut Self {
        let (sha256, bytes) = (sha256(pinned), pinned.len());
        self.text.push_str(&format!(
            "[[entry]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"http://127.0.0.1:{}/{path}\"\nsha256 = \"{sha256}\"\n\
             bytes = {bytes}\nlicence = \"CC0\"\nsource = \"https://made-up.example/\"\ndate = \"2026-01-02\"\npin = \"copy\"\n",
            self.port
        ));
        self
    }

    fn file(&mut self, file: &str) {
        self.text.push_str(&format!("file = \"{file}\"\n"));
    }

    fn member(&mut self, path: &str, file: &str, pinned: &[u8]) {
        let (sha256, bytes) = (sha256(pinned), pinned.len());
        self.text.push_str(&format!(
            "[[entry.members]]\npath = \"{path}\"\nfile = \"{file}\"\nsha256 = \"{sha256}\"\nbytes = {bytes}\n"
        ));
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn refresh(&self, more: &[&str]) -> Outcome {
        let manifest = self.folder.path().join("manifest.toml");
        std::fs::write(&manifest, &self.text).unwrap();
        let (manifest, data) = (manifest.display().to_string(), self.data().display().to_string());
        let mut arguments = vec!["refresh", "--json", "--manifest", &manifest, "--into", &data];
        arguments.extend(more);
        run(&arguments)
    }

    /// Paths under the folder, and what the files hold.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.data()).unwrap().display().to_string();
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        files
    }
}

fn states(outcome: &Outcome) -> Vec<(String, String)> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    outcome.lines().iter().map(|line| (text(line, "name"), text(line, "state"))).collect()
}

fn state(outcome: &Outcome, name: &str) -> Value {
    outcome.lines().into_iter().find(|line| line["name"] == name).unwrap()
}

#[test]
fn what_is_right_is_kept_and_asked_for_once() {
    let packed = tar(&[("p/README", b"x"), ("p/v4.csv", NETWORKS)]);
    let mut server = Server::start(&[
        ("networks.tgz", Answer::Whole(packed.clone())),
        ("marks.csv", Answer::Whole(MARKS.to_vec())),
    ]);
    let mut place = Place::new(&server);
    place.entry(("networks", "asn"), "networks.tgz", &packed);
    place.member("p/v4.csv", "v4.csv", NETWORKS);
    place.entry(("marks", "fingerprints"), "marks.csv", MARKS).file("marks.csv");

    let dry = place.refresh(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert_eq!(state(&dry, "networks")["state"], "wanted");
    assert!(!place.data().exists(), "a dry run leaves no trace");

    let only = place.refresh(&["--only", "marks"]);
    assert_eq!(states(&only), [("marks".to_owned(), "fetched".to_owned())], "{}", only.stderr);
    let all = place.refresh(&[]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    assert_eq!(state(&all, "marks")["state"], "unchanged");
    assert_eq!(state(&all, "networks")["state"], "fetched");
    let files = place.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["asn/v4.csv", "fingerprints/marks.csv", "refreshed.json"]);
    assert_eq!((&*files["asn/v4.csv"], &*files["fingerprints/marks.csv"]), (NETWORKS, MARKS));
    let kept: Value = serde_json::from_slice(&files["refreshed.json"]).unwrap();
    assert_eq!(kept["files"][0]["sha256"], sha256(NETWORKS));
    assert_eq!(kept["files"][0]["fetched_sha256"], sha256(&packed));
    assert_eq!(kept["files"][1]["licence"], "CC0");

    // A file that somebody changed is fetched again.
    std::fs::write(place.data().join("asn/v4.csv"), b"changed").unwrap();
    assert_eq!(state(&place.refresh(&[]), "networks")["state"], "fetched");
    assert_eq!(place.files(), files);
    let asked = server.end();
    assert_eq!(asked, ["/marks.csv", "/networks.tgz", "/networks.tgz"]);
    let unknown = place.refresh(&["--only", "else"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("networks, marks"), "{}", unknown.stderr);
}

#[test]
fn what_is_wrong_leaves_the_old_and_stops_nothing_else() {
    let other = MARKS.to_ascii_uppercase();
    let packed = tar(&[("p/v4.csv", b"something else"), ("p/cut.csv", b"1")]);
    let mut server = Server::start(&[
        ("good", Answer::Whole(MARKS.to_vec())),
        ("other", Answer::Whole(other.clone())),
        ("cut", Answer::Cut(MARKS[..20].to_vec())),
        ("short", Answer::Whole(MARKS[..20].to_vec())),
        ("large", Answer::Whole([MARKS, b"and more"].concat())),
        ("endless", Answer::Endless),
        ("packed", Answer::Whole(packed.clone())),
    ]);
    let mut place = Place::new(&server);
    place.entry(("marks", "fingerprints"), "good", MARKS).file("marks.csv");
    assert_eq!(place.refresh(&[]).code, 0);
    let before = place.files();

    place.text.clear();
    // The old one's name, and another pin: the newer version that did not come.
    let newer = [MARKS, b" "].concat();
    place.entry(("marks", "fingerprints"), "good", &newer).file("marks.csv");
    for name in ["other", "cut", "short", "large", "endless", "none"] {
        place.entry((name, "list"), name, MARKS).file(name);
    }
    place.entry(("member", "asn"), "packed", &packed);
    place.member("p/v4.csv", "v4.csv", b"as it should be");
    place.entry(("missing", "asn"), "packed", &packed);
    place.member("p/v6.csv", "v6.csv", b"");
    place.entry(("bomb", "asn"), "packed", &packed);
    place.member("p/v4.csv", "small.csv", b"some");
    place.entry(("plain", "asn"), "good", MARKS);
    place.member("p/v4.csv", "plain.csv", b"");
    place.entry(("last", "list"), "good", MARKS).file("last");
    let outcome = place.refresh(&[]);
    assert_eq!(outcome.code, 1);
    for (name, expected) in [
        ("marks", format!("it is cut: {} of {} bytes", MARKS.len(), newer.len())),
        ("other", format!("it has SHA-256 {}, expected {}", sha256(&other), sha256(MARKS))),
        ("cut", format!("it is cut: 20 of {} bytes: ", MARKS.len())),
        ("short", format!("it is cut: 20 of {} bytes", MARKS.len())),
        ("large", format!("it is larger than the {} bytes", MARKS.len())),
        ("endless", format!("it is larger than the {} bytes", MARKS.len())),
        ("none", "cannot be fetched: ".to_owned()),
        ("member", "v4.csv is cut: 14 of 15 bytes".to_owned()),
        ("missing", "there is no p/v6.csv in it".to_owned()),
        ("bomb", "small.csv is larger than the 4 bytes".to_owned()),
        ("plain", "cannot be unpacked: ".to_owned()),
    ] {
        let line = state(&outcome, name);
        assert_eq!(line["state"], "failed", "{name}");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains(&expected), "{name}: {reason}");
    }
    assert_eq!(state(&outcome, "other")["got"], sha256(&other));
    assert_eq!(state(&outcome, "last")["state"], "fetched");
    let mut after = place.files();
    assert_eq!(after.remove("list/last").as_deref(), Some(MARKS));
    let kept = after.remove("refreshed.json").unwrap();
    assert!(String::from_utf8(kept).unwrap().contains(&sha256(MARKS)));
    let old: Vec<_> = before.into_iter().filter(|(name, _)| name != "refreshed.json").collect();
    assert_eq!(after.into_iter().collect::<Vec<_>>(), old, "nothing half, no part left");
    server.end();
}

#[test]
fn verdicts_use_the_folder_only_where_told_and_name_what_they_used() {
    let mut server = Server::start(&[
        ("networks", Answer::Whole(NETWORKS.to_vec())),
        ("marks", Answer::Whole(MARKS.to_vec())),
    ]);
    let mut place = Place::new(&server);
    place.entry(("networks", "asn"), "networks", NETWORKS).file("v4.csv");
    place.entry(("marks", "fingerprints"), "marks", MARKS).file("marks.csv");
    assert_eq!(place.refresh(&[]).code, 0);
    server.end();
    let file = root().join("examples/measurements/dns.injection.other.json").display().to_string();
    let data = place.data().display().to_string();
    let consistency = |more: &[&str]| {
        let outcome = run(&[&["judge", "--json", &file][..], more].concat());
        outcome.lines()[0]["ooni"]["dns_consistency"].as_str().unwrap().to_owned()
    };
    assert_eq!(consistency(&[]), "inconsistent");
    assert_eq!(consistency(&["--data", &data]), "consistent");
    let own = place.folder.path().join("own.csv").display().to_string();
    std::fs::write(&own, "192.175.48.0,192.175.48.255,64510,Two\n").unwrap();
    assert_eq!(consistency(&["--data", &data, "--asn", &own]), "inconsistent", "--asn goes before");

    let archive = place.folder.path().join("archive").display().to_string();
    let taken = run(&["ingest", "--archive", &archive, "--data", &data, &file]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    let asked = "select judged_with from source";
    let asked = run(&["query", "--archive", &archive, "--format", "json", asked]);
    for hash in [sha256(NETWORKS), sha256(MARKS)] {
        assert!(asked.stdout.contains(&hash), "{} {}", asked.stdout, asked.stderr);
    }

    std::fs::write(place.data().join("asn/v4.csv"), b"192.0.2.0,192.0.2.1,1,x\n").unwrap();
    let changed = run(&["judge", "--data", &data, &file]);
    assert_eq!(changed.code, 1);
    assert!(changed.stderr.contains("v4.csv: has SHA-256"), "{}", changed.stderr);
    assert!(changed.stderr.contains("hint: `wirewitness refresh --into"), "{}", changed.stderr);
    let never = run(&["judge", "--data", &archive, &file]);
    assert!(never.stderr.contains("refreshed.json: cannot be read"), "{}", never.stderr);
}

#[test]
fn a_dashboard_takes_categories_from_the_folder() {
    let list = b"url,category_code\nhttps://news.example/,MADEUP\n";
    let mut server = Server::start(&[("list.csv", Answer::Whole(list.to_vec()))]);
    let mut place = Place::new(&server);
    place.entry(("ours", "list"), "list.csv", list).file("list.csv");
    assert_eq!(place.refresh(&[]).code, 0);
    server.end();
    let data = place.data().display().to_string();
    let serving = Serving::start(place.folder.path(), 0, &["--data", &data]);
    assert!(page(&serving, "/lists").contains("MADEUP"));
    std::fs::write(place.data().join("list/list.csv"), b"url,category_code\n").unwrap();
    let archive = place.folder.path().join("archive").display().to_string();
    let changed = run(&["serve", "--archive", &archive, "--data", &data]);
    assert_eq!(changed.code, 1);
    assert!(changed.stderr.contains("list.csv: has SHA-256"), "{}", changed.stderr);
}

/// The one pin whose address was asked: `cargo test --workspace --all-features --test runner -- --ignored refresh_for_real`.
#[test]
#[ignore = "asks the network"]
fn refresh_for_real() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let outcome = run(&["refresh", "--json", "--only", "asn", "--into", &data]);
    assert_eq!(outcome.code, 0, "{} {}", outcome.stdout, outcome.stderr);
    assert_eq!(state(&outcome, "asn")["state"], "fetched");
    let again = run(&["refresh", "--json", "--only", "asn", "--into", &data]);
    assert_eq!(state(&again, "asn")["state"], "unchanged");
    let file = root().join("examples/measurements/ok.json").display().to_string();
    let judged = run(&["judge", "--json", "--data", &data, &file]);
    assert_eq!((judged.code, judged.stderr.as_str()), (0, ""), "every line is read");
}
