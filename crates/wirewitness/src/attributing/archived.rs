//! What an archive holds of forged pages and answers, network by network.

use std::collections::BTreeMap;

use serde::Deserialize;
use wirewitness_analysis::attribution::archived::Archived;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_analysis::attribution::report::Report;
use wirewitness_store::archive::{self, Archive};
use wirewitness_store::bucket;
use wirewitness_store::query::output::{Format, Formulas, Look, write};
use wirewitness_store::query::{Options, QueryError, Session};

use crate::command_error::CommandError;
use crate::commands::query::failed;
use crate::environment;
use crate::output::clean;

/// Pages and answers of measurements that the judge called blocked in that way, those alike together. A network is the key and no
/// evidence: devices of several networks are several devices.
const SQL: &str = "\
SELECT v.country AS country, v.probe_asn AS asn, o.layer AS layer, o.status AS status, o.title AS title, \
o.server AS server, o.answers AS answers, count(DISTINCT v.measurement_id) AS times \
FROM verdict v JOIN observation o ON o.measurement_id = v.measurement_id AND o.country = v.country AND o.day = v.day \
WHERE v.status = 'blocked' AND NOT o.is_control AND \
((v.mechanism = 'http.blockpage' AND o.layer = 'http' AND o.status IS NOT NULL) OR \
(v.mechanism IN ('dns.injection.blockpage', 'dns.injection.bogon', 'dns.injection.other') AND o.layer = 'dns' AND o.answers IS NOT NULL)) \
GROUP BY v.country, v.probe_asn, o.layer, o.status, o.title, o.server, o.answers \
ORDER BY times DESC, country, asn, layer, status, title, server LIMIT 100000";

/// A row of the answer.
#[derive(Debug, Deserialize)]
struct Row {
    country: String,
    asn: Option<i64>,
    layer: String,
    status: Option<u16>,
    title: Option<String>,
    server: Option<String>,
    #[serde(default)]
    answers: Option<Vec<Option<String>>>,
    times: u64,
}

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
    let rows = runtime.block_on(rows(&url)).map_err(failed)?;
    let mut networks: BTreeMap<(String, Option<i64>), Archived> = BTreeMap::new();
    for row in rows {
        let archived = networks.entry((row.country.clone(), row.asn)).or_default();
        match row.layer.as_str() {
            "http" => {
                let [title, server] =
                    [&row.title, &row.server].map(|it| it.as_deref().unwrap_or_default());
                archived.page(row.status, (title, server), row.times);
            }
            _ => {
                let answers = row.answers.unwrap_or_default();
                archived.answer(answers.iter().flatten().map(String::as_str), row.times);
            }
        }
    }
    let reports = networks.into_iter().filter(|(_, it)| it.measurements() > 0);
    Ok(reports
        .map(|((country, asn), archived)| {
            let asn = asn.map(|it| format!("AS{it}"));
            let name = format!("{country} {}", asn.as_deref().unwrap_or("unknown network"));
            (name, archived.report(asn, catalogue))
        })
        .collect())
}

async fn rows(url: &url::Url) -> Result<Vec<Row>, QueryError> {
    let archive = Archive::open(url).await?;
    let session = Session::new(&archive, Options::default()).await?;
    let look = Look { width: 100, clean, formulas: Formulas::Kept };
    let mut text = Vec::new();
    write(session.query(SQL).await?, (Format::Json, &look), &mut text).await?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            serde_json::from_slice(line)
                .map_err(|error| QueryError::Output(std::io::Error::other(error)))
        })
        .collect()
}
