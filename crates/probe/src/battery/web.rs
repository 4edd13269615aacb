//! Requests of HTTP/1.1 written in other ways (after `CenFuzz`'s strategies), and the page that comes instead.

use wirewitness_model::battery::PageTest;
use wirewitness_model::hex::hex;
use wirewitness_net::raw::Raw;

use super::exchange::Sending;
use super::run::{Request, Running, Stop};

/// How many ways of writing there are.
pub(super) const COUNT: usize = 12;

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    running.probe(&plain(), &requests()).await
}

fn plain() -> Request {
    written("plain", "GET / HTTP/1.1\r\nHost: {name}\r\n{mark}\r\n")
}

fn requests() -> [Request; COUNT] {
    [
        written("host_word:upper", "GET / HTTP/1.1\r\nHOST: {name}\r\n{mark}\r\n"),
        written("host_word:lower", "GET / HTTP/1.1\r\nhost: {name}\r\n{mark}\r\n"),
        written("host_word:cut", "GET / HTTP/1.1\r\nHos: {name}\r\n{mark}\r\n"),
        written("host_word:no_space", "GET / HTTP/1.1\r\nHost:{name}\r\n{mark}\r\n"),
        written("host_name:padded", "GET / HTTP/1.1\r\nHost: **{name}**\r\n{mark}\r\n"),
        written("host_name:subdomain", "GET / HTTP/1.1\r\nHost: www.{name}\r\n{mark}\r\n"),
        written("method:lower", "get / HTTP/1.1\r\nHost: {name}\r\n{mark}\r\n"),
        written("method:cut", "GE / HTTP/1.1\r\nHost: {name}\r\n{mark}\r\n"),
        written("method:put", "PUT / HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\n{mark}\r\n"),
        written("version:cut", "GET / HTT/1.1\r\nHost: {name}\r\n{mark}\r\n"),
        written("version:lower", "GET / http/1.1\r\nHost: {name}\r\n{mark}\r\n"),
        written("delimiter:lf", "GET / HTTP/1.1\nHost: {name}\n{mark}\n"),
    ]
}

fn written(vector: &str, text: &'static str) -> Request {
    let build = move |name: &str, mark: [u8; 32]| {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let marked = format!("X-Request-Id: {}{end}", hex(&mark));
        Sending::whole(text.replace("{name}", name).replace("{mark}", &marked).as_bytes())
    };
    Request { vector: vector.to_owned(), build: Box::new(build) }
}

/// What a forged page says, as far as it is kept.
pub(super) fn page(bytes: &[u8]) -> Option<PageTest> {
    let text = String::from_utf8_lossy(bytes.get(..MOST_KEPT).unwrap_or(bytes));
    let (head, body) = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"))?;
    let mut lines = head.lines();
    let first = lines.next()?.strip_prefix("HTTP/1.")?;
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let mut page = PageTest { status: Some(status), body: body.to_owned(), ..PageTest::default() };
    for (name, value) in lines.filter_map(|it| it.split_once(':')) {
        let value: String = value.trim().chars().take(MOST_FIELD).collect();
        match name.to_ascii_lowercase().as_str() {
            "location" => page.location = value,
            "server" => page.server = value,
            "via" => page.via = value,
            _ => {}
        }
    }
    Some(page)
}

const MOST_KEPT: usize = 16 * 1024;
const MOST_FIELD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_name_and_its_mark() {
        for request in requests().iter().chain([&plain()]) {
            let text =
                String::from_utf8((request.build)("blocked.example", [1; 32]).bytes()).unwrap();
            assert!(text.contains("blocked.example") && text.contains(&"01".repeat(32)), "{text}");
            assert!(text.ends_with("\r\n\r\n") || text.ends_with("\n\n"), "{text:?}");
        }
    }

    #[test]
    fn a_forged_page_is_read_as_far_as_it_goes() {
        let bytes =
            b"HTTP/1.1 302 Found\r\nLocation: http://block.example/\r\nServer: x\r\n\r\n<p>no</p>";
        let page = page(bytes).unwrap();
        assert_eq!((page.status, page.location.as_str()), (Some(302), "http://block.example/"));
        assert_eq!((page.server.as_str(), page.body.as_str()), ("x", "<p>no</p>"));
        for bad in [b"".as_slice(), b"\x15\x03\x01", b"HTTP/1.1 no\r\n\r\n", b"HTTP/1.1 200 OK\r\n"]
        {
            assert_eq!(super::page(bad), None);
        }
    }
}
