//! A transparent proxy: passes HTTP on by its Host and TLS by its SNI, untouched.
//!
//! It stands where forged DNS answers lead to: the page loads, over a detour. It connects onwards inside the lab, to what
//! its own resolver says of the name, and has no other way to connect to anything.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::time::timeout;
use wirewitness_net::{Failure, Net};

use crate::host::socket::{HostNet, Listener, TcpStream};
use crate::middlebox::parse::{Found, LIMIT, http_host, server_name};

/// Starts the proxy on ports 80 and 443 of a host. It runs as long as the lab does.
///
/// # Errors
/// A port is taken.
pub fn serve(net: &HostNet) -> Result<(), Failure> {
    for (port, read) in [(80, http_host as Reader), (443, server_name)] {
        let listener = net.listen(port)?;
        tokio::spawn(accept(net.clone(), listener, port, read));
    }
    Ok(())
}

/// Where a connection's first bytes say its name.
type Reader = fn(&[u8]) -> Found;

async fn accept(net: HostNet, listener: Listener, port: u16, read: Reader) {
    while let Ok(stream) = listener.accept().await {
        tokio::spawn(pass(net.clone(), stream, port, read));
    }
}

/// Passes one connection on; none where there is no name, or no way to it: the client sees the end of the stream.
async fn pass(net: HostNet, mut near: TcpStream, port: u16, read: Reader) -> Option<()> {
    let (name, first) = timeout(PATIENCE, greeting(&mut near, read)).await.ok()??;
    let mut far = connect(&net, &name, port).await?;
    far.write_all(&first).await.ok()?;
    copy_bidirectional(&mut near, &mut far).await.ok()?;
    Some(())
}

/// The name that a connection asks for, and all that was read to find it.
pub(super) async fn greeting(stream: &mut TcpStream, read: Reader) -> Option<(String, Vec<u8>)> {
    let mut first = Vec::new();
    loop {
        let mut part = [0; 2048];
        let len = stream.read(&mut part).await.ok()?;
        first.extend_from_slice(part.get(..len)?);
        match read(&first) {
            Found::Name(name) => return Some((name, first)),
            Found::More if len > 0 && first.len() < LIMIT => {}
            _ => return None,
        }
    }
}

async fn connect(net: &HostNet, name: &str, port: u16) -> Option<TcpStream> {
    // The Host of a request may carry a port.
    let name = name.rsplit_once(':').map_or(name, |(name, _)| name);
    let lookup = net.lookup(name).await.ok()?;
    for address in lookup.addresses {
        if let Ok(stream) = net.connect(SocketAddr::new(address, port)).await {
            return Some(stream);
        }
    }
    None
}

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);
