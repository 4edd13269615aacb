//! Files on the network, read as they come: `https://` and `s3://`; and what a folder of a bucket holds.

use std::io::{self, Read};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, parse_url_opts};
use tokio::runtime::Runtime;
use url::Url;

use crate::bucket;
use crate::error::StoreError;

/// A file that is read while it comes.
pub struct Remote {
    storage: Arc<Storage>,
    stream: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    piece: bytes::Bytes,
}

/// Somebody who has files, and the thread that talks to them.
struct Storage {
    runtime: Runtime,
    store: Box<dyn ObjectStore>,
}

/// The files of a folder in a bucket, by name, as they are told: a thousand at once.
pub struct Listing {
    storage: Arc<Storage>,
    folder: Path,
    address: Url,
    stream: BoxStream<'static, object_store::Result<ObjectMeta>>,
}

/// One of them.
pub struct Listed {
    storage: Arc<Storage>,
    path: Path,
    /// Its whole address.
    pub address: String,
}

/// Opens a file. `options` are those of the storage, as the environment names them (`AWS_ACCESS_KEY_ID`, ..); without keys,
/// a bucket is asked as everybody may.
///
/// # Errors
/// No such address; nobody answers; it is not there.
pub fn open(address: &str, options: Vec<(String, String)>) -> Result<Remote, StoreError> {
    let (storage, path, _) = Storage::at(address, options)?;
    storage.open(&path)
}

/// Whether an address is that of a folder in a bucket, and not of one file.
pub fn is_folder(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("s3://") else { return false };
    rest.ends_with('/') || !rest.contains('/')
}

/// Lists the files of a folder in a bucket, those of folders within it too. Empty ones, and those with a name or a folder that begins with a
/// dot, are left out.
///
/// # Errors
/// No such address.
pub fn list(address: &str, options: Vec<(String, String)>) -> Result<Listing, StoreError> {
    let (storage, folder, address) = Storage::at(address, options)?;
    // Its requests are made when it is asked, on the storage's own thread.
    let within = storage.runtime.enter();
    let stream = storage.store.list(Some(&folder));
    drop(within);
    Ok(Listing { storage, folder, address, stream })
}

impl Storage {
    fn at(
        address: &str,
        options: Vec<(String, String)>,
    ) -> Result<(Arc<Self>, Path, Url), StoreError> {
        let damaged = |reason: String| StoreError::Damaged { path: address.to_owned(), reason };
        let url = Url::parse(address).map_err(|error| damaged(error.to_string()))?;
        let mut options = bucket::with_defaults(options);
        if url.scheme() == "http" {
            options.push(("allow_http".to_owned(), "true".to_owned()));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| StoreError::Worker(error.to_string()))?;
        let (store, path) = parse_url_opts(&url, options)?;
        Ok((Arc::new(Self { runtime, store }), path, url))
    }

    fn open(self: &Arc<Self>, path: &Path) -> Result<Remote, StoreError> {
        let got = self.runtime.block_on(self.store.get(path))?;
        let stream = got.into_stream();
        Ok(Remote { storage: Arc::clone(self), stream, piece: bytes::Bytes::new() })
    }
}

impl Listed {
    /// Opens it.
    ///
    /// # Errors
    /// Nobody answers; it is no longer there.
    pub fn open(&self) -> Result<Remote, StoreError> {
        self.storage.open(&self.path)
    }
}

impl Iterator for Listing {
    type Item = Result<Listed, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = match self.storage.runtime.block_on(self.stream.next())? {
                Ok(found) => found,
                Err(error) => return Some(Err(error.into())),
            };
            let within = found.location.prefix_match(&self.folder);
            let is_dot = |part: object_store::path::PathPart<'_>| part.as_ref().starts_with('.');
            let is_hidden = within.is_some_and(|mut within| within.any(is_dot));
            if found.size == 0 || is_hidden {
                continue;
            }
            let mut address = self.address.clone();
            let parts: Vec<_> = found.location.parts().collect();
            if let Ok(mut path) = address.path_segments_mut() {
                path.clear().extend(parts.iter().map(AsRef::as_ref));
            }
            let storage = Arc::clone(&self.storage);
            return Some(Ok(Listed { storage, path: found.location, address: address.into() }));
        }
    }
}

impl Read for Remote {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.storage.runtime.block_on(self.stream.next()) {
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
