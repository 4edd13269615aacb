//! A server over a real archive, on loopback, and a client that can misbehave.
#![allow(clippy::disallowed_types, reason = "a client for the server under test")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wirewitness_dashboard::facts;
use wirewitness_dashboard::open::Open;
use wirewitness_dashboard::server::listen::Listener;
use wirewitness_dashboard::server::token::Token;
use wirewitness_dashboard::server::{Limits, Settings, serve};
use wirewitness_dashboard::submit::{self, Submit};

use crate::made::{address, ingest_at_once};

/// 2025-11-24.
pub(crate) const NOW: i64 = 1_763_942_400;
pub(crate) const ADMIN: &str = "sixteen-bytes-at-least";

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

impl Running {
    /// Over an archive of three countries and 120 measurements; with a folder, measurements can be posted into it.
    pub(crate) async fn start(folder: &Path, limits: Limits, spool: Option<&Path>) -> Self {
        let archive = folder.join("archive");
        if !archive.exists() {
            let archive = archive.clone();
            tokio::task::spawn_blocking(move || ingest_at_once(&archive, 0..4)).await.unwrap();
        }
        let submit = spool.map(|spool| {
            let limits = submit::Limits { posts_per_minute: 20, ..submit::Limits::default() };
            Submit::new(spool.to_owned(), Vec::new(), limits, || NOW).unwrap()
        });
        let admin = Some(Token::new(ADMIN).unwrap());
        let with = (admin.clone(), submit);
        let open = Open::new(address(&archive), facts::Settings::default(), with).await.unwrap();
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.address().unwrap();
        let settings = Settings { limits, tls: None, admin, now: || NOW };
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let done = tokio::spawn(serve(vec![listener], open.served, settings, stopped));
        Self { address, stop: Some(stop), done }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// One request on one connection.
    pub(crate) async fn ask(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head = format!("{head}\r\nHost: 127.0.0.1\r\nConnection: close\r\n{length}\r\n");
        // A server that has read enough may answer and close before all is sent.
        let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
        read(&mut stream).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), b"").await
    }

    /// Asks it to stop, without waiting.
    pub(crate) fn ask_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(self) {
        tokio::time::timeout(Duration::from_secs(20), self.done).await.unwrap().unwrap();
    }
}

/// Reads to the end. None where the other end closes without an answer.
pub(crate) async fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let reading = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap();
    let at = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    });
    Some(Answer { status, headers: headers.collect(), body: bytes[at + 4..].to_vec() })
}
