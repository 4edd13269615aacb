//! Forged pages and answers, for what they say of devices.

use wirewitness_analysis::attribution::report::Report;
use wirewitness_store::forged;

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
        let is_forged = |mechanism: &str| forged::MECHANISMS.contains(&mechanism);
        let mut kinds = self.rollup.words.kinds().iter();
        // The question joins two tables: it is not asked where nothing can come of it.
        if !kinds.any(|it| &*it.origin != MADE_UP && it.mechanism.as_deref().is_some_and(is_forged))
        {
            return Ok(Vec::new());
        }
        let _place = self.place_to_read().await;
        let networks = forged::gather(&self.session, MOST).await?;
        Ok(networks
            .into_iter()
            .map(|((country, asn), archived)| {
                let network = asn.map(|it| format!("AS{it}"));
                Devices {
                    country,
                    asn: asn.unwrap_or(0),
                    report: archived.report(network, catalogue),
                }
            })
            .collect())
    }
}

/// Kinds of pages and answers that are looked at.
const MOST: usize = 20_000;
