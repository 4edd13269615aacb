//! Pages as a browser asks for them: over loopback.

#![allow(clippy::disallowed_types, reason = "a server to ask, and who asks")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use wirewitness_dashboard::facts::{Live, Settings};
use wirewitness_dashboard::pages;
use wirewitness_dashboard::state::State;

use crate::made::address;

/// A server over an archive, as long as this lives.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    pub(crate) state: Arc<State>,
    pub(crate) runtime: tokio::runtime::Runtime,
}

/// What came.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn over(folder: &Path) -> Self {
        Self::at(folder, "127.0.0.1:0")
    }

    /// With facts gathered otherwise than by default.
    pub(crate) fn with(folder: &Path, settings: Settings) -> Self {
        Self::made(folder, "127.0.0.1:0", settings)
    }

    pub(crate) fn at(folder: &Path, place: &str) -> Self {
        Self::made(folder, place, Settings::default())
    }

    fn made(folder: &Path, place: &str, settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let root = address(folder);
        let (listener, state) = runtime.block_on(async {
            let live = Live::open(root, settings).await.unwrap();
            let listener = tokio::net::TcpListener::bind(place).await.unwrap();
            (listener, Arc::new(State::new(live)))
        });
        let at = listener.local_addr().unwrap();
        let router = pages::router().with_state(Arc::clone(&state));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { at, state, runtime }
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    /// A page that must be there.
    pub(crate) fn page(&self, path: &str) -> String {
        let got = self.get(path);
        assert_eq!(got.status, 200, "{path}: {}", got.body);
        got.body
    }

    /// The head, in lower case, and the body of a file.
    pub(crate) fn bytes(&self, path: &str) -> (String, Vec<u8>) {
        let mut bytes =
            self.told(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        let body = bytes.split_off(end);
        (String::from_utf8(bytes).unwrap().to_lowercase(), body)
    }

    pub(crate) fn ask(&self, request: &str) -> Got {
        let text = String::from_utf8(self.told(request)).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Got { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn told(&self, request: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    }
}
