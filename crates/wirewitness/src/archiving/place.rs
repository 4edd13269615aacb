//! Which archive a verb works on.

use clap::Args;
use url::Url;
use wirewitness_store::{archive, bucket};

use crate::command_error::CommandError;
use crate::environment;

/// The archive.
#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// Folder of the archive, or s3://bucket/folder. Default: WIREWITNESS_ARCHIVE, else a folder of the platform for data
    #[arg(long, value_name = "DIR")]
    archive: Option<String>,
}

impl ArchiveArgs {
    /// Its address, with a slash at the end.
    pub(crate) fn url(&self) -> Result<Url, CommandError> {
        let place = match &self.archive {
            Some(place) => place.clone(),
            None => environment::archive().map(|it| it.display().to_string()).ok_or_else(|| {
                CommandError::Usage {
                    message: "which archive?".to_owned(),
                    hint: "name its folder with --archive, or set WIREWITNESS_ARCHIVE".to_owned(),
                }
            })?,
        };
        let url = archive::locate(&place)?;
        if url.scheme() == bucket::SCHEME {
            bucket::allow(environment::storage());
        }
        Ok(url)
    }
}
