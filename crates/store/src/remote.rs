//! Files on the network, read as they come: `https://` and `s3://`.

use std::io::{self, Read};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::{ObjectStoreExt as _, parse_url_opts};
use tokio::runtime::Runtime;
use url::Url;

use crate::error::StoreError;

/// A file that is read while it comes.
pub struct Remote {
    runtime: Runtime,
    stream: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    piece: bytes::Bytes,
}

/// Opens a file. `options` are those of the storage, as the environment names them (`AWS_ACCESS_KEY_ID`, ..); without keys,
/// a bucket is asked as everybody may.
///
/// # Errors
/// No such address; nobody answers; it is not there.
pub fn open(address: &str, mut options: Vec<(String, String)>) -> Result<Remote, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { path: address.to_owned(), reason };
    let url = Url::parse(address).map_err(|error| damaged(error.to_string()))?;
    if url.scheme() == "http" {
        options.push(("allow_http".to_owned(), "true".to_owned()));
    }
    if !options.iter().any(|(name, _)| name.eq_ignore_ascii_case("aws_access_key_id")) {
        options.push(("aws_skip_signature".to_owned(), "true".to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| StoreError::Worker(error.to_string()))?;
    let stream = runtime.block_on(async {
        let (store, path) = parse_url_opts(&url, options)?;
        Ok::<_, StoreError>(store.get(&path).await?.into_stream())
    })?;
    Ok(Remote { runtime, stream, piece: bytes::Bytes::new() })
}

impl Read for Remote {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let piece = self.piece.split_to(buffer.len().min(self.piece.len()));
        if let Some(place) = buffer.get_mut(..piece.len()) {
            place.copy_from_slice(&piece);
        }
        Ok(piece.len())
    }
}
