//! HTTP/3 (RFC 9114) on a simulated host: quinn and h3 over the lab's datagrams.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h3_quinn::BidiStream;
use hyper::Request;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::io::ReadBuf;
use wirewitness_net::quic::{Packets, server_endpoint};
use wirewitness_net::{Clock, Datagrams, Failure};

use super::web::{Asked, Certificates, Handler, Scheme, ServeError, host, time_provider};
use crate::host::socket::{HostNet, UdpSocket};

/// Starts HTTP/3 on a UDP port. It runs as long as the lab does.
///
/// # Errors
/// The port is taken, or the cryptography library refuses.
pub fn serve_h3(
    net: &HostNet,
    port: u16,
    certificates: Certificates,
    handler: Handler,
) -> Result<(), ServeError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_details(provider, time_provider(net))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let port = Port(net.bind(port)?);
    let endpoint = server_endpoint(port, Arc::new(tls), seed_of(net))
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let net = net.clone();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let (net, handler) = (net.clone(), handler.clone());
            tokio::spawn(async move {
                if let Ok(connection) = incoming.await {
                    converse(net, connection, handler).await;
                }
            });
        }
    });
    Ok(())
}

/// Answers requests until the client ends the connection. How it ended is the client's to tell.
async fn converse(net: HostNet, connection: quinn::Connection, handler: Handler) {
    let client = connection.remote_address().ip();
    let mut builder = h3::server::builder();
    // Grease comes from a generator that no seed reaches.
    builder.send_grease(false);
    let built = builder.build(h3_quinn::Connection::new(connection)).await;
    let Ok(mut connection) = built else { return };
    while let Ok(Some(resolver)) = connection.accept().await {
        let (net, handler) = (net.clone(), handler.clone());
        tokio::spawn(async move {
            let Ok((request, mut stream)) = resolver.resolve_request().await else { return };
            // A client that has gone away needs no answer.
            let _ = answer(&net, &asked(&request, client), &handler, &mut stream).await;
        });
    }
}

fn asked(request: &Request<()>, client: IpAddr) -> Asked {
    Asked {
        host: host(request),
        path: request.uri().path_and_query().map_or("/", |it| it.as_str()).to_owned(),
        client,
        scheme: Scheme::Https,
    }
}

async fn answer(
    net: &HostNet,
    asked: &Asked,
    handler: &Handler,
    stream: &mut h3::server::RequestStream<BidiStream<Bytes>, Bytes>,
) -> Result<(), h3::error::StreamError> {
    let reply = handler(asked);
    if !reply.delay.is_zero() {
        net.sleep(reply.delay).await;
    }
    let body = reply.body.clone();
    stream.send_response(reply.into_response().map(|_| ())).await?;
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await
}

/// Two servers of a lab differ, and one is the same in every run.
fn seed_of(net: &HostNet) -> [u8; 32] {
    let mut seed = [0; 32];
    for (number, address) in net.addresses().into_iter().enumerate() {
        let octets = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let at = 16 * (number % 2);
        for (byte, octet) in seed.iter_mut().skip(at).zip(octets) {
            *byte ^= octet;
        }
    }
    seed
}

/// A UDP port that answers from the address that was asked.
struct Port(UdpSocket);

impl Packets for Port {
    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }

    fn send(
        &self,
        payload: &[u8],
        remote: SocketAddr,
        source: Option<IpAddr>,
    ) -> Result<(), Failure> {
        match source {
            Some(source) => self.0.send_from(source, payload, remote),
            None => self.0.send_to(payload, remote),
        }
    }

    fn poll_receive(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(SocketAddr, Option<IpAddr>), Failure>> {
        self.0.poll_datagram(context.waker()).map_ok(|datagram| {
            let fits = datagram.payload.len().min(buffer.remaining());
            buffer.put_slice(datagram.payload.get(..fits).unwrap_or_default());
            (datagram.source, Some(datagram.destination))
        })
    }
}
