//! Forged pages and answers, for what they say of devices.

use std::collections::BTreeMap;

use serde::Deserialize;
use wirewitness_analysis::attribution::archived::Archived;
use wirewitness_analysis::attribution::report::Report;

use super::asked::rows;
use super::{Facts, FactsError, MADE_UP};

/// What the archive allows to be said of the devices of a network.
#[derive(Debug)]
pub struct Devices {
    /// Two letters.
    pub country: String,
    /// The network; 0 where not known.
    pub asn: u32,
    /// What is said, and what it stands on.
    pub report: Report,
}

impl Facts {
    /// What forged pages and answers say of devices, network by network; asked once a commit. Empty where no catalogue of devices was given.
    ///
    /// # Errors
    /// The archive cannot be asked, or not in time.
    pub async fn devices(&self) -> Result<&[Devices], FactsError> {
        self.devices.get_or_try_init(|| self.score()).await.map(Vec::as_slice)
    }

    async fn score(&self) -> Result<Vec<Devices>, FactsError> {
        let Some(catalogue) = &self.catalogue else { return Ok(Vec::new()) };
        let is_forged = |mechanism: &str| FORGED.contains(&mechanism);
        let mut kinds = self.rollup.words.kinds().iter();
        // The question joins two tables: it is not asked where nothing can come of it.
        if !kinds.any(|it| &*it.origin != MADE_UP && it.mechanism.as_deref().is_some_and(is_forged))
        {
            return Ok(Vec::new());
        }
        let found: Vec<Row> = rows(&self.session, SQL).await?;
        let mut networks: BTreeMap<(String, u32), Archived> = BTreeMap::new();
        for row in found {
            let asn = row.asn.and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
            let archived = networks.entry((row.country, asn)).or_default();
            if row.layer == "http" {
                let [title, server] =
                    [&row.title, &row.server].map(|it| it.as_deref().unwrap_or_default());
                archived.page(row.status, (title, server), row.times);
            } else {
                let answers = row.answers.unwrap_or_default();
                archived.answer(answers.iter().flatten().map(String::as_str), row.times);
            }
        }
        let told = networks.into_iter().filter(|(_, it)| it.measurements() > 0);
        Ok(told
            .map(|((country, asn), archived)| {
                let network = (asn > 0).then(|| format!("AS{asn}"));
                Devices { country, asn, report: archived.report(network, catalogue) }
            })
            .collect())
    }
}

#[derive(Deserialize)]
struct Row {
    country: String,
    asn: Option<i64>,
    layer: String,
    status: Option<u16>,
    title: Option<String>,
    server: Option<String>,
    answers: Option<Vec<Option<String>>>,
    times: u64,
}

const FORGED: [&str; 4] =
    ["http.blockpage", "dns.injection.blockpage", "dns.injection.bogon", "dns.injection.other"];

/// As `wirewitness attribute --archive` asks.
const SQL: &str = "\
SELECT v.country AS country, v.probe_asn AS asn, o.layer AS layer, o.status AS status, o.title AS title, \
o.server AS server, o.answers AS answers, count(DISTINCT v.measurement_id) AS times \
FROM verdict v JOIN observation o ON o.measurement_id = v.measurement_id AND o.country = v.country AND o.day = v.day \
WHERE v.status = 'blocked' AND v.origin <> 'population' AND NOT o.is_control AND \
((v.mechanism = 'http.blockpage' AND o.layer = 'http' AND o.status IS NOT NULL) OR \
(v.mechanism IN ('dns.injection.blockpage', 'dns.injection.bogon', 'dns.injection.other') AND o.layer = 'dns' AND o.answers IS NOT NULL)) \
GROUP BY v.country, v.probe_asn, o.layer, o.status, o.title, o.server, o.answers \
ORDER BY times DESC, country, asn, layer, status, title, server LIMIT 20000";
