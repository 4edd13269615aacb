//! A `ClientHello` in pieces: segments of TCP, records of TLS. And the name where no parser looks for it.

use std::time::Duration;

use wirewitness_model::battery::Probe;
use wirewitness_net::raw::Raw;

use super::exchange::Sending;
use super::hello::Hello;
use super::run::{Request, Running, Stop};
use super::tls;

/// How many ways of cutting there are.
pub(super) const COUNT: usize = 8;
/// How many places there are for a name that no parser looks at.
pub(super) const SUBSTRINGS: u32 = 3;

/// Runs the test of pieces.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    running.probe(&tls::plain(), &requests()).await
}

/// Runs the test of a name elsewhere; its probes stand beside those of TLS.
pub(super) async fn substring<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let trials = running.plan.trials;
    for request in elsewhere() {
        let counts = running.count(&request, trials).await?;
        running.harmless_gets_through(&tls::plain()).await?;
        let probe = Probe { vector: request.vector, runs: vec![counts], ..Probe::default() };
        running.substring.push(probe);
    }
    Ok(())
}

fn requests() -> [Request; COUNT] {
    let second = Duration::from_secs(1);
    [
        cut("segments:first_byte", |_| vec![1], Duration::ZERO),
        cut("segments:before_name", |hello| vec![hello.name_at()], Duration::ZERO),
        cut("segments:in_name", |hello| vec![hello.name_at() + 4], Duration::ZERO),
        cut("segments:in_name_1s", |hello| vec![hello.name_at() + 4], second),
        records("records:first_byte", |_| vec![1]),
        records("records:before_name", |hello| vec![hello.name_at() - 5]),
        records("records:in_name", |hello| vec![hello.name_at() - 1]),
        records("records:five", |hello| (1..5).map(|it| it * hello.message().len() / 5).collect()),
    ]
}

type Cuts = fn(&Hello) -> Vec<usize>;

/// Cut into segments at these places.
fn cut(vector: &str, cuts: Cuts, rest: Duration) -> Request {
    let build = move |name: &str, mark| {
        let hello = Hello::new(name, mark);
        Sending { pieces: parts(hello.bytes(), &cuts(&hello)), rest, fragments: None }
    };
    Request { vector: vector.to_owned(), build: Box::new(build) }
}

/// Cut into TLS records (RFC 8446 §5.1), in one segment.
fn records(vector: &str, cuts: Cuts) -> Request {
    let build = move |name: &str, mark| {
        let hello = Hello::new(name, mark);
        let record = |part: Vec<u8>| {
            let len = u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes();
            [&[0x16, 3, 1], len.as_slice(), &part].concat()
        };
        let parts = parts(hello.message(), &cuts(&hello));
        Sending::whole(&parts.into_iter().flat_map(record).collect::<Vec<u8>>())
    };
    Request { vector: vector.to_owned(), build: Box::new(build) }
}

fn parts(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&bytes.len()]) {
        parts.extend(bytes.get(from..to).map(<[u8]>::to_vec));
        from = to;
    }
    parts
}

/// The censored name in ALPN, in padding, and in plain bytes; the hello itself asks for a harmless one.
fn elsewhere() -> [Request; SUBSTRINGS as usize] {
    let alpn = |name: &str, mark| {
        let len = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let list = [&[0, len.saturating_add(1), len], name.as_bytes()].concat();
        Sending::whole(Hello::with(HARMLESS, mark, &[(0x4469, &list)]).bytes())
    };
    let padding = |name: &str, mark| {
        Sending::whole(Hello::with(HARMLESS, mark, &[(0x0015, name.as_bytes())]).bytes())
    };
    let bytes = |name: &str, mark: [u8; 32]| {
        Sending::whole(&[mark.as_slice(), b" ", name.as_bytes(), b" "].concat())
    };
    [
        Request { vector: "substring:alps".to_owned(), build: Box::new(alpn) },
        Request { vector: "substring:padding".to_owned(), build: Box::new(padding) },
        Request { vector: "substring:bytes".to_owned(), build: Box::new(bytes) },
    ]
}

/// A name of nobody (RFC 6761).
const HARMLESS: &str = "harmless.invalid";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_in_order() {
        let whole = tls::plain();
        let whole = (whole.build)("blocked.example", [1; 32]).bytes();
        for request in requests() {
            let sending = (request.build)("blocked.example", [1; 32]);
            if request.vector.starts_with("segments") {
                assert_eq!(sending.bytes(), whole, "{}", request.vector);
                assert_eq!(sending.pieces.len(), 2);
                continue;
            }
            let bytes = sending.bytes();
            let message = wirewitness_wire::app::tls::handshake_message(&bytes, 4096);
            assert_eq!(&*message.unwrap().unwrap(), &whole[5..], "{}", request.vector);
        }
        let in_name = (requests()[2].build)("blocked.example", [1; 32]);
        assert!(in_name.pieces[0].ends_with(b"bloc"));
    }

    #[test]
    fn a_name_elsewhere_is_there_once_and_not_the_hellos_own() {
        for request in elsewhere() {
            let bytes = (request.build)("blocked.example", [1; 32]).bytes();
            let times = bytes.windows(15).filter(|it| it == b"blocked.example").count();
            assert_eq!(times, 1, "{}", request.vector);
        }
    }
}
