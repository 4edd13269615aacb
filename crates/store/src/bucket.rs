//! Archives in buckets: `s3://bucket/folder`.
//!
//! A commit there is what it is in a folder: the file of the log's next version is made if there is none (`If-None-Match: *`), so of
//! two writers the second fails, and with the ledger last nothing of it is seen. There is no lock, so both may begin. A server
//! that passes over that condition would let one writer overwrite the other: it is tried before anything is written
//! (`keeps_conditions`), and such a bucket is read only.

use std::sync::Arc;

use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake_core::{DeltaResult, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, parse_url_opts};
use url::Url;

use crate::error::StoreError;

/// The scheme of their addresses.
pub const SCHEME: &str = "s3";

/// From here on, archives in buckets can be opened by this process. `options` are those of the storage, as the environment names them
/// (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`, ..); without keys, a bucket is asked as everybody may.
pub fn allow(options: Vec<(String, String)>) {
    let Ok(scheme) = Url::parse(&format!("{SCHEME}://")) else { return };
    let buckets = Arc::new(Buckets { options: with_defaults(options) });
    object_store_factories().insert(scheme.clone(), Arc::clone(&buckets) as _);
    logstore_factories().insert(scheme, buckets);
}

/// Without keys, nothing is signed.
pub(crate) fn with_defaults(mut options: Vec<(String, String)>) -> Vec<(String, String)> {
    if !options.iter().any(|(name, _)| name.eq_ignore_ascii_case("aws_access_key_id")) {
        options.push(("aws_skip_signature".to_owned(), "true".to_owned()));
    }
    options
}

/// Makes the stores of buckets for the logs of tables.
struct Buckets {
    options: Vec<(String, String)>,
}

impl ObjectStoreFactory for Buckets {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let (store, path) = parse_url_opts(url, self.options.clone())
            .map_err(|source| DeltaTableError::ObjectStore { source })?;
        Ok((Arc::from(store), path))
    }
}

impl LogStoreFactory for Buckets {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}

/// Whether a store refuses to make what is there already.
///
/// # Errors
/// It does not, or cannot be written to at all.
pub(crate) async fn keeps_conditions(
    store: &dyn ObjectStore,
    place: &str,
) -> Result<(), StoreError> {
    let path = Path::from(TRIED);
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let text = || "made once: no second writer may make it again\n".into();
    for _ in 0..2 {
        match store.put_opts(&path, text(), create()).await {
            Err(object_store::Error::AlreadyExists { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
    }
    let _ = store.delete(&path).await;
    Err(StoreError::Refused {
        reason: format!(
            "{place}: this storage makes a file again that is there already (it passes over If-None-Match), \
             so two writers would destroy each other's work: it can be read, not written"
        ),
    })
}

/// What is made to see whether it can be made twice; within the ledger's folder. Readers of Delta tables leave out what begins with `_`.
const TRIED: &str = "_made_once";
