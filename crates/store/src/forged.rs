//! What an archive holds of forged pages and answers, network by network: what is said of devices stands on it.

use std::collections::BTreeMap;

use serde::Deserialize;
use wirewitness_analysis::attribution::archived::Archived;

use crate::query::{QueryError, Session};

/// Mechanisms whose pages or answers are looked at.
pub const MECHANISMS: [&str; 4] =
    ["http.blockpage", "dns.injection.blockpage", "dns.injection.bogon", "dns.injection.other"];

/// By country (two letters) and network (AS; none where it is not known). A network is the key and no evidence: devices of several networks
/// are several devices.
pub type Forged = BTreeMap<(String, Option<u32>), Archived>;

/// Pages and answers of measurements that the judge called blocked by one of [`MECHANISMS`], those alike together; the most frequent
/// `most` kinds. Networks without any are left out.
///
/// # Errors
/// The archive cannot be asked, or not in time.
pub async fn gather(session: &Session, most: usize) -> Result<Forged, QueryError> {
    let mut found = Forged::new();
    for row in session.structs::<Row>(&sql(most)).await? {
        let asn = row.asn.and_then(|it| u32::try_from(it).ok()).filter(|it| *it > 0);
        let archived = found.entry((row.country, asn)).or_default();
        if row.layer == "http" {
            let [title, server] =
                [&row.title, &row.server].map(|it| it.as_deref().unwrap_or_default());
            archived.page(row.status, (title, server), row.times);
        } else {
            let answers = row.answers.unwrap_or_default();
            archived.answer(answers.iter().flatten().map(String::as_str), row.times);
        }
    }
    found.retain(|_, it| it.measurements() > 0);
    Ok(found)
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

/// Made-up rows have no observations; leaving them out first spares the join.
fn sql(most: usize) -> String {
    format!(
        "SELECT v.country AS country, v.probe_asn AS asn, o.layer AS layer, o.status AS status, o.title AS title, \
         o.server AS server, o.answers AS answers, count(DISTINCT v.measurement_id) AS times \
         FROM verdict v JOIN observation o ON o.measurement_id = v.measurement_id AND o.country = v.country AND o.day = v.day \
         WHERE v.status = 'blocked' AND v.origin <> 'population' AND NOT o.is_control AND \
         ((v.mechanism = 'http.blockpage' AND o.layer = 'http' AND o.status IS NOT NULL) OR \
         (v.mechanism IN ('dns.injection.blockpage', 'dns.injection.bogon', 'dns.injection.other') AND o.layer = 'dns' AND o.answers IS NOT NULL)) \
         GROUP BY v.country, v.probe_asn, o.layer, o.status, o.title, o.server, o.answers \
         ORDER BY times DESC, country, asn, layer, status, title, server LIMIT {most}"
    )
}
