//! Whether executors die while a query runs.
//!
//! When one does, its work is to be done again: what our scheduler makes of that is no answer (`jobs`). So a query during which the
//! scheduler came to count fewer executors is thrown away at once and asked again; and where there has been none for a while, there
//! is nobody to wait for.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::query::QueryError;

/// How often the scheduler is asked.
const EVERY: Duration = Duration::from_millis(200);
/// How long a query waits for an executor where there is none.
const ALONE: Duration = Duration::from_secs(60);
/// Bytes of its answer that are read.
const ANSWER_MAX: u64 = 4096;

/// A scheduler whose executors are counted.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    host: String,
    port: u16,
}

impl Watch {
    /// Of `df://host:port`.
    pub(crate) fn of(scheduler: &str) -> Result<Self, QueryError> {
        let wrong = || QueryError::Cluster { message: format!("{scheduler}: not df://host:port") };
        let url = url::Url::parse(scheduler).map_err(|_| wrong())?;
        let host = url.host_str().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port().unwrap_or(50050) })
    }

    /// What comes of some work; none where an executor was lost meanwhile.
    pub(crate) async fn during<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, QueryError> {
        let mut most = self.count().await?;
        let mut tick = tokio::time::interval(EVERY);
        let mut seen = tokio::time::Instant::now();
        tokio::pin!(work);
        loop {
            let done = tokio::select! {
                done = &mut work => Some(done),
                _ = tick.tick() => None,
            };
            let now = self.count().await?;
            if now < most {
                return Ok(None);
            }
            most = now;
            if done.is_some() {
                return Ok(done);
            }
            if now > 0 {
                seen = tokio::time::Instant::now();
            } else if seen.elapsed() >= ALONE {
                let message = format!("{}:{}: no executor for {ALONE:?}", self.host, self.port);
                return Err(QueryError::Cluster { message });
            }
        }
    }

    /// Executors that the scheduler has now.
    async fn count(&self) -> Result<u64, QueryError> {
        let asked = tokio::time::timeout(Duration::from_secs(10), self.ask()).await;
        let failed = |message: String| QueryError::Cluster { message };
        let text = match asked {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                return Err(failed(format!("{}:{}: {error}", self.host, self.port)));
            }
            Err(_) => return Err(failed(format!("{}:{}: no answer", self.host, self.port))),
        };
        number(&text).ok_or_else(|| failed(format!("{}:{}: no scheduler", self.host, self.port)))
    }

    #[allow(clippy::disallowed_types, reason = "a cluster is real machines, never the lab's")]
    async fn ask(&self) -> std::io::Result<String> {
        let mut stream = tokio::net::TcpStream::connect((self.host.as_str(), self.port)).await?;
        let request = "GET /readyz HTTP/1.1\r\nHost: scheduler\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// The number in `ready: 2 executors registered`, or in `not ready: 0/1 executors registered`.
fn number(answer: &str) -> Option<u64> {
    let (_, after) = answer.rsplit_once("ready: ")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_are_counted() {
        assert_eq!(number("HTTP/1.1 200 OK\r\n\r\nready: 12 executors registered\n"), Some(12));
        assert_eq!(number("HTTP/1.1 503 no\r\n\r\nnot ready: 0/1 executors"), Some(0));
        assert_eq!(number("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
