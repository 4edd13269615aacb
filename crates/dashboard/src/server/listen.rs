//! Sockets.
#![allow(clippy::disallowed_types, reason = "a server is meant to listen")]

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// Something that can be connected to.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Listens on an address; port 0 takes a free one.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(|listener| Self(Kind::Tcp(listener)))
    }

    /// Listens on a socket in the file system, for a proxy or an onion service on this machine. Who may open the file's folder may connect.
    /// A socket that nobody listens on any more is replaced; nothing else is.
    #[cfg(unix)]
    pub async fn unix(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::FileTypeExt as _;
        let is_socket = std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
        if is_socket && UnixStream::connect(path).await.is_err() {
            std::fs::remove_file(path)?;
        }
        UnixListener::bind(path).map(|listener| Self(Kind::Unix(listener)))
    }

    /// Where it listens. None for a socket in the file system.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Kind::Unix(_) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match &self.0 {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                Ok(Stream {
                    is_near: peer.ip().to_canonical().is_loopback(),
                    kind: Open::Tcp(stream),
                })
            }
            #[cfg(unix)]
            Kind::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                // A proxy's, most likely: whoever asks may be anywhere.
                Ok(Stream { is_near: false, kind: Open::Unix(stream) })
            }
        }
    }
}

/// A connection. Of who it is from it is known only whether it is this machine.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) is_near: bool,
    kind: Open,
}

#[derive(Debug)]
enum Open {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Open::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(unix)]
            Open::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Open::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Open::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Open::Tcp(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(unix)]
            Open::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Open::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(unix)]
            Open::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
