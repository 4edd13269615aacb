//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Limits;
use super::answering::Answering;
use super::listen::Stream;
use super::paced::Paced;
use super::places::Place;
use super::places::Places;

/// What a connection is served with.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) answering: Arc<Answering>,
    pub(super) places: Arc<Places>,
    pub(super) limits: Limits,
    pub(super) tls: Option<TlsAcceptor>,
    /// True once the server is to stop.
    pub(super) told: watch::Receiver<bool>,
    /// Kept as long as the connection lives.
    pub(super) hold: mpsc::Sender<()>,
}

/// What a handler may know of who asks: nothing that lasts beyond the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    /// Of this machine itself.
    pub(crate) is_near: bool,
    /// Number of the connection.
    pub(crate) connection: u64,
}

impl Connection {
    pub(super) async fn hold(self, stream: Stream, place: Arc<Place>) {
        let metrics = Arc::clone(&self.answering.metrics);
        let _open = metrics.opened();
        let asker = Asker {
            is_near: stream.is_near,
            connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
        };
        let stream = Paced::new(stream, self.limits.write_patience);
        match self.tls.clone() {
            None => self.serve(stream, asker, place).await,
            Some(tls) => {
                let shaken = timeout(self.limits.patience, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = shaken {
                    self.serve(stream, asker, place).await;
                }
            }
        }
    }

    async fn serve<S>(mut self, stream: S, asker: Asker, place: Arc<Place>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let builder = self.builder();
        let service = {
            let (answering, place) = (Arc::clone(&self.answering), Arc::clone(&place));
            service_fn(move |request| {
                let (answering, place) = (Arc::clone(&answering), Arc::clone(&place));
                async move {
                    place.works();
                    let response = answering.answer(request, asker).await;
                    place.rests();
                    Ok::<_, Infallible>(response)
                }
            })
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        // The builder's own timer begins with the first byte.
        let silent = async {
            sleep(self.limits.patience).await;
            if !place.never_asked() {
                pending::<()>().await;
            }
        };
        let over = async {
            tokio::select! {
                _ = self.told.wait_for(|told| *told) => {}
                () = sleep(self.limits.connection_age) => {}
            }
        };
        tokio::select! {
            _ = connection.as_mut() => return,
            () = silent => return,
            () = place.leave.notified() => return,
            () = over => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.limits.grace, connection).await;
        drop(self.hold);
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.patience)
            .max_buf_size(LONGEST_HEAD_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(self.limits.patience)
            .keep_alive_timeout(self.limits.patience)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(LONGEST_HEAD_BYTES as u32)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_send_buf_size(WINDOW_BYTES as usize);
        builder
    }
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
const LONGEST_HEAD_BYTES: usize = 32 * 1024;
const STREAMS: u32 = 32;
const WINDOW_BYTES: u32 = 256 * 1024;
