//! HTTP round trips (df-001-httpt).

use std::borrow::Cow;

use super::body::Body;
use super::record::record;
use crate::lenient::{Failure, Flag, Headers, Int, Lazy, List, MaybeBinary, Real, Text};

record! {
    /// I am one HTTP round trip. A list of me runs from the newest to the oldest.
    pub struct Transaction {
        /// `tcp` or `udp`.
        network: Text<'a> = "network",
        /// `address:port` of the server.
        address: Text<'a> = "address",
        /// Application protocol agreed on.
        alpn: Text<'a> = "alpn",
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// What was asked.
        request: Request<'a> = "request",
        /// What was answered. On failure it may hold what came before the failure.
        response: Response<'a> = "response",
        /// Start, seconds since the measurement began.
        t0: Real = "t0",
        /// End, seconds since the measurement began.
        t: Real = "t",
        /// `classic`, `depth=N`, `fetch_body=BOOL`, ..
        tags: List<Text<'a>> = "tags",
        /// Which connection it used.
        transaction_id: Int = "transaction_id",
    }
}

record! {
    /// I am an HTTP request.
    pub struct Request {
        /// Body sent.
        body: MaybeBinary<'a> = "body",
        /// True where `body` is cut.
        body_is_truncated: Flag = "body_is_truncated",
        /// Headers by name.
        headers: Lazy<'a, Headers<'a>> = "headers",
        /// Headers in order.
        headers_list: Lazy<'a, Headers<'a>> = "headers_list",
        /// `GET`, ..
        method: Text<'a> = "method",
        /// The URL asked for.
        url: Text<'a> = "url",
        /// Whether the request went through Tor.
        tor: Tor<'a> = "tor",
    }
}

record! {
    /// I say whether a request went through Tor.
    pub struct Tor {
        /// True where it did.
        is_tor: Flag = "is_tor",
    }
}

record! {
    /// I am an HTTP response.
    pub struct Response {
        /// The body: decoded text, bytes, or what the archive kept of it.
        body: Body<'a> = "body",
        /// True where `body` is cut.
        body_is_truncated: Flag = "body_is_truncated",
        /// Status code; 0 or absent where none came.
        code: Int = "code",
        /// Headers by name.
        headers: Headers<'a> = "headers",
        /// Headers in order. Older files lack it.
        headers_list: Lazy<'a, Headers<'a>> = "headers_list",
    }
}

impl<'a> Response<'a> {
    /// All headers: those by name, or where there are none, those in order.
    pub fn all_headers(&self) -> Cow<'_, Headers<'a>> {
        if self.headers.0.is_empty() {
            Cow::Owned(self.headers_list.read())
        } else {
            Cow::Borrowed(&self.headers)
        }
    }

    /// The value of the first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.all_headers().find(name).map(|value| value.bytes().into_owned())
    }
}
