//! How many fragments of IPv4 a device joins: a `ClientHello` in one segment that is cut into so many, the name in the last (P26, table 6).
//!
//! Firewalls and address translators join fragments, or drop them, so that the device never sees what was sent. The far end therefore says how
//! many came; where they are not as many as were sent, nothing follows.

use wirewitness_net::raw::Raw;

use super::exchange::{AFTERWARDS, Outcome, Sending};
use super::hello::Hello;
use super::plan::Test;
use super::run::{Request, Running, Stop};
use super::tally::hash;
use super::tls;

/// Numbers of fragments, as published measurements have them.
pub const NUMBERS: [u16; 14] = [1, 2, 8, 45, 46, 64, 99, 100, 101, 102, 103, 128, 256, 500];

/// Runs the test.
pub(super) async fn run<N: Raw>(running: &mut Running<'_, N>) -> Result<(), Stop> {
    let is_again = running.is_again();
    if is_again && !running.was_tried(Test::Fragments) {
        return Ok(());
    }
    if !is_again && let Some(why) = unable(running).await? {
        running.skip("fragments", why);
        return Ok(());
    }
    let requests: Vec<Request> = running.plan.fragments.iter().map(|it| request(*it)).collect();
    let ended = running.probe(&tls::plain(), &requests).await;
    if !is_again {
        running.arrived().await?;
        running.spoil_what_was_rejoined(Test::Fragments, &|vector| of_vector(vector));
    }
    ended
}

/// Why the test cannot be run here.
async fn unable<N: Raw>(running: &mut Running<'_, N>) -> Result<Option<&'static str>, Stop> {
    let (net, address) = (running.line.net(), running.line.token().address);
    if !address.is_ipv4() {
        return Ok(Some("the far end has no IPv4 address, and IPv6 is not cut on the way"));
    }
    if net.segments_from(address, &[]).is_err() {
        return Ok(Some("it takes a raw socket at this end (CAP_NET_RAW, Linux)"));
    }
    if !running.line.started().fragments {
        return Ok(Some(
            "the far end cannot see whether fragments arrive as they were sent: it takes a packet socket there (CAP_NET_RAW, Linux)",
        ));
    }
    let mut why = DROPPED;
    for _ in 0..LOOKS {
        let port = running.line.rested_port().await;
        let (outcome, sent) = running.trial_at(port, &request(FEWEST), false).await?;
        match outcome {
            Outcome::Through => {
                running.arrived().await?;
                let came = running.pieces_of(&hash(&[sent.as_slice(), AFTERWARDS].concat()));
                if came == Some(FEWEST.into()) {
                    return Ok(None);
                }
                why = JOINED;
            }
            Outcome::NotOpened(_) => why = NOT_SENT,
            _ => {}
        }
    }
    // It is the fragments, and not the line.
    running.harmless_gets_through(&tls::plain()).await?;
    Ok(Some(why))
}

/// A hello that is cut into so many.
fn request(fragments: u16) -> Request {
    let build = move |name: &str, mark| {
        Sending::in_fragments(
            Hello::ending_in_name(name, mark, shortest(fragments)).bytes(),
            fragments,
        )
    };
    Request { vector: format!("fragments:{fragments}"), build: Box::new(build) }
}

fn of_vector(vector: &str) -> Option<u32> {
    vector.strip_prefix("fragments:")?.parse().ok()
}

/// Bytes that can be cut so: eight to a fragment and sixteen in the first, of which twenty are a header.
fn shortest(fragments: u16) -> usize {
    (8 * (usize::from(fragments) + 1)).saturating_sub(20)
}

/// What is sent to see whether fragments pass at all.
const FEWEST: u16 = 2;
const LOOKS: usize = 3;
const DROPPED: &str = "void: a harmless request in two fragments does not arrive: something on the way drops fragments";
const NOT_SENT: &str = "this system does not let fragments out, or opens no connection";
const JOINED: &str = "void: a harmless request in two fragments arrives, and not in two: something on the way joins fragments";
