//! What an archive holds of forged pages and answers, network by network.

use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::Report;
use wirewitness_store::archive::{self, Archive};
use wirewitness_store::bucket;
use wirewitness_store::forged::{self, Forged};
use wirewitness_store::query::{Options, QueryError, Session};

use crate::command_error::CommandError;
use crate::commands::query::failed;
use crate::environment;

/// Kinds of pages and answers that are looked at.
const MOST: usize = 100_000;

/// One report a network, in the order of countries and networks.
pub(crate) fn reports(
    place: &str,
    catalogue: &Catalogue,
) -> Result<Vec<(String, Report)>, CommandError> {
    let url = archive::locate(place)?;
    if url.scheme() == bucket::SCHEME {
        bucket::allow(environment::storage());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let networks = runtime.block_on(gathered(&url)).map_err(failed)?;
    Ok(networks
        .into_iter()
        .map(|((country, asn), archived)| {
            let asn = asn.map(|it| format!("AS{it}"));
            let name = format!("{country} {}", asn.as_deref().unwrap_or("unknown network"));
            (name, archived.report(asn, catalogue))
        })
        .collect())
}

async fn gathered(url: &url::Url) -> Result<Forged, QueryError> {
    let archive = Archive::open(url).await?;
    let session = Session::new(&archive, Options::default()).await?;
    forged::gather(&session, MOST).await
}
