//! Connections that the far end opens, to a client that has a session and asked for it: which way a device looks.
//!
//! They go to the client's own address alone, as the far end sees it. Whoever listens there first proves that it has the client's token; until it has,
//! nothing else is said to it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::rand;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wirewitness_model::hex::hex;
use wirewitness_net::Net;

use super::desk::{Declined, Desk};
use crate::battery::exchange::{Outcome, Sending, exchange};
use crate::battery::hello::Hello;
use crate::battery::plan::is_name;
use crate::battery::protocol::{Call, CallHello, Called, PROOF, PROVE};
use crate::battery::token::{Side, bytes_of_hex};
use crate::clock::within;

/// Opens the connection that `client` asks for, once its turn has come, and says what came of it.
///
/// # Errors
/// Why it is declined.
pub async fn answer<N: Net>(
    net: &N,
    desk: &Desk,
    (client, body): (IpAddr, &[u8]),
) -> Result<Vec<u8>, Declined> {
    let call: Call = serde_json::from_slice(body).map_err(|_| Declined::Malformed)?;
    let hello = call.hello.as_ref().map(hello).transpose()?;
    let client = client.to_canonical();
    let wait = desk.call(client, &call, net.now().elapsed)?;
    net.sleep(wait).await;
    let to = SocketAddr::new(client, call.port);
    let called = match hello {
        Some(hello) => said(&exchange(net, to, &Sending::whole(hello.bytes())).await),
        None => {
            let proven = prove(net, desk, (to, &call.session)).await;
            if proven == Called::Proven {
                desk.proven(client, &call);
            }
            proven
        }
    };
    desk.called(client, &call);
    serde_json::to_vec(&called).map_err(|_| Declined::Malformed)
}

fn hello(asked: &CallHello) -> Result<Hello, Declined> {
    let mark = bytes_of_hex(&asked.mark).ok_or(Declined::Malformed)?;
    let mark: [u8; 32] = mark.try_into().map_err(|_| Declined::Malformed)?;
    if is_name(&asked.name) { Ok(Hello::new(&asked.name, mark)) } else { Err(Declined::Malformed) }
}

fn said(outcome: &Outcome) -> Called {
    match outcome {
        Outcome::Through => Called::Through,
        Outcome::Reset => Called::Reset,
        Outcome::Fin => Called::Fin,
        Outcome::Silent | Outcome::SilentAfterwards => Called::Silent,
        Outcome::Foreign(_) => Called::Foreign,
        Outcome::NotOpened(_) => Called::NotOpened,
    }
}

/// Asks whoever listens to prove that it has the token.
async fn prove<N: Net>(net: &N, desk: &Desk, (to, session): (SocketAddr, &str)) -> Called {
    let mut number = [0; 16];
    let Some(Ok(mut stream)) = within(net, PATIENCE, net.connect(to)).await else {
        return Called::NotOpened;
    };
    if rand::fill(&mut number).is_err() {
        return Called::NotProven;
    }
    let number = hex(&number);
    let mut proof = [0; PROOF];
    let talk = async {
        stream.write_all(&[PROVE, number.as_bytes()].concat()).await?;
        stream.read_exact(&mut proof).await
    };
    let came = matches!(within(net, PATIENCE, talk).await, Some(Ok(_)));
    let proof = std::str::from_utf8(&proof).unwrap_or_default();
    let port = to.port().to_string();
    let words = ["call", session, number.as_str(), port.as_str()];
    if came && desk.token().is_proof(Side::Client, &words, proof) {
        Called::Proven
    } else {
        Called::NotProven
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
