//! Lies about the lengths of a `ClientHello`: which a device believes tells how it reads (P26, table 12).

use wirewitness_net::raw::Raw;

use super::exchange::Sending;
use super::hello::Hello;
use super::run::{Request, Running, Stop};

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let requests: Vec<Request> = running.plan.tls_vectors.iter().map(|it| lie(it)).collect();
    running.probe(&plain(), &requests).await
}

/// The hello as it should be.
pub(super) fn plain() -> Request {
    let build = |name: &str, mark| Sending::whole(Hello::new(name, mark).bytes());
    Request { vector: "plain".to_owned(), build: Box::new(build) }
}

fn lie(vector: &str) -> Request {
    let lie = vector.to_owned();
    let build = move |name: &str, mark| {
        let hello = Hello::new(name, mark);
        // The plan has checked the vector: there is such a lie.
        Sending::whole(hello.lying(&lie).unwrap_or(hello).bytes())
    };
    Request { vector: vector.to_owned(), build: Box::new(build) }
}
