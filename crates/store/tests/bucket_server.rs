//! A server on loopback that keeps buckets as S3 does: so much of its protocol as is used here (GET with ranges, HEAD, PUT with
//! `If-None-Match`, DELETE, DeleteObjects, ListObjectsV2 in short pages), over real sockets.

#![allow(clippy::disallowed_types, reason = "a server to talk to")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The server. It stays until the tests end.
#[derive(Clone)]
pub(crate) struct BucketServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By bucket and key: `bucket/folder/file`.
    objects: BTreeMap<String, Vec<u8>>,
    /// What was asked: method, path and query, and whether it was signed.
    asked: Vec<(String, bool)>,
    overwrites: bool,
    /// Paths that nobody may write to.
    closed: Option<String>,
}

struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Answer = (&'static str, Vec<(&'static str, String)>, Vec<u8>);

/// Keys of one page of a listing.
const PAGE: usize = 4;

impl BucketServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let server = Self { port, state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        server
    }

    /// What the program is told about it, as the environment would.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        [("AWS_ENDPOINT", endpoint.as_str()), ("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().objects.insert(path.to_owned(), bytes.into());
    }

    /// Paths of what there is below a path.
    pub(crate) fn below(&self, path: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.objects.keys().filter(|key| key.starts_with(path)).cloned().collect()
    }

    /// From now on it writes over what is there, whatever is asked.
    pub(crate) fn overwrite(&self) {
        self.state.lock().unwrap().overwrites = true;
    }

    /// From now on nothing can be written below a path; below none, all again.
    pub(crate) fn close(&self, path: Option<&str>) {
        self.state.lock().unwrap().closed = path.map(str::to_owned);
    }

    /// What was asked, and whether it was signed.
    pub(crate) fn asked(&self) -> Vec<(String, bool)> {
        self.state.lock().unwrap().asked.clone()
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let (status, headers, body) = {
            let mut state = state.lock().unwrap();
            let is_signed = request.headers.contains_key("authorization");
            let query: Vec<_> = request.query.iter().map(|(a, b)| format!("{a}={b}")).collect();
            let said = format!("{} {}?{}", request.method, request.path, query.join("&"));
            state.asked.push((said, is_signed));
            answer(&mut state, &request)
        };
        let mut head = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let length = if request.method == "HEAD" { String::new() } else { body.len().to_string() };
        if !length.is_empty() {
            head += &format!("Content-Length: {length}\r\n");
        }
        let mut sent = format!("{head}\r\n").into_bytes();
        if request.method != "HEAD" {
            sent.extend(body);
        }
        // In one piece: two would wait for each other (Nagle's algorithm and late acknowledgements).
        let mut stream = stream;
        if stream.write_all(&sent).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
    let path = decoded(path).trim_start_matches('/').to_owned();
    Some(Request { method, path, query, headers, body })
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let path = request.path.clone();
    match request.method.as_str() {
        "GET" if request.query.contains_key("list-type") => list(state, request),
        "GET" | "HEAD" => match state.objects.get(&path) {
            Some(object) => got(object, request),
            None => error("404 Not Found", "NoSuchKey"),
        },
        "PUT" => {
            let is_closed = state.closed.as_ref().is_some_and(|closed| path.starts_with(closed));
            let is_new = request.headers.get("if-none-match").is_some_and(|it| it == "*");
            if is_closed {
                return error("403 Forbidden", "AccessDenied");
            }
            if is_new && state.objects.contains_key(&path) && !state.overwrites {
                return error("412 Precondition Failed", "PreconditionFailed");
            }
            let tag = tag(&request.body);
            state.objects.insert(path, request.body.clone());
            ("200 OK", vec![("ETag", tag)], Vec::new())
        }
        "DELETE" => {
            state.objects.remove(&path);
            ("204 No Content", Vec::new(), Vec::new())
        }
        // DeleteObjects.
        "POST" => {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
            let mut deleted = String::new();
            for key in keys {
                state.objects.remove(&format!("{}/{key}", path.trim_end_matches('/')));
                deleted += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            let xml = format!("<DeleteResult>{deleted}</DeleteResult>");
            ("200 OK", Vec::new(), xml.into_bytes())
        }
        _ => error("501 Not Implemented", "NotImplemented"),
    }
}

const DATE: &str = "Sat, 01 Nov 2025 00:00:00 GMT";

fn got(object: &[u8], request: &Request) -> Answer {
    let mut headers = vec![("ETag", tag(object)), ("Last-Modified", DATE.to_owned())];
    if request.method == "HEAD" {
        headers.push(("Content-Length", object.len().to_string()));
        return ("200 OK", headers, Vec::new());
    }
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    let Some((from, to)) = range.and_then(|range| range.split_once('-')) else {
        return ("200 OK", headers, object.to_vec());
    };
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) => (from, object.len().min(to + 1)),
        (Ok(from), Err(_)) => (from, object.len()),
        (Err(_), Ok(last)) => (object.len().saturating_sub(last), object.len()),
        (Err(_), Err(_)) => return error("400 Bad Request", "InvalidRange"),
    };
    headers.push(("Content-Range", format!("bytes {from}-{}/{}", to - 1, object.len())));
    ("206 Partial Content", headers, object[from..to].to_vec())
}

fn list(state: &State, request: &Request) -> Answer {
    let query = |name: &str| request.query.get(name).cloned().unwrap_or_default();
    let bucket = format!("{}/", request.path.trim_end_matches('/'));
    let (prefix, delimiter) = (query("prefix"), query("delimiter"));
    let after = query("continuation-token").max(query("start-after"));
    let mut xml = String::new();
    let (mut count, mut last, mut is_cut) = (0, String::new(), false);
    let mut folders = std::collections::BTreeSet::new();
    for (path, object) in &state.objects {
        let Some(key) = path.strip_prefix(&bucket) else { continue };
        let Some(rest) = key.strip_prefix(&prefix) else { continue };
        if key <= after.as_str() {
            continue;
        }
        let folder = rest.split_once(&delimiter).filter(|_| !delimiter.is_empty());
        if let Some((folder, _)) = folder {
            folders.insert(format!("{prefix}{folder}{delimiter}"));
            continue;
        }
        if count == PAGE {
            is_cut = true;
            break;
        }
        count += 1;
        last = key.to_owned();
        let key = key.replace('&', "&amp;").replace('<', "&lt;");
        xml += &format!(
            "<Contents><Key>{key}</Key><LastModified>2025-11-01T00:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
            tag(object).replace('"', "&quot;"),
            object.len()
        );
    }
    for folder in folders {
        xml += &format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
    }
    if is_cut {
        xml += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    let xml = format!(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{is_cut}</IsTruncated>{xml}</ListBucketResult>"
    );
    ("200 OK", vec![("Content-Type", "application/xml".to_owned())], xml.into_bytes())
}

fn error(status: &'static str, code: &str) -> Answer {
    let xml = format!("<Error><Code>{code}</Code></Error>");
    (status, Vec::new(), xml.into_bytes())
}

/// Good enough to tell two objects apart.
fn tag(object: &[u8]) -> String {
    let sum = object.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    format!("\"{sum:016x}\"")
}
