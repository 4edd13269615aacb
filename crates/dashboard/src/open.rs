//! An archive opened for whoever asks: facts that stay new, pages, API and what is posted together.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use url::Url;

use crate::api::Api;
use crate::facts::{FactsError, Live, Settings};
use crate::pages;
use crate::server::metrics::Metrics;
use crate::server::token::Token;
use crate::server::{Edition, Served};
use crate::state::{Shared, State};
use crate::submit::Submit;

/// An archive that is served.
#[derive(Clone)]
pub struct Open {
    /// What answers.
    pub served: Served,
    state: Shared,
}

impl Open {
    /// Gathers the facts of an archive. Who says `admin` may ask in SQL; with `submit`, measurements can be posted.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub async fn new(
        root: Url,
        settings: Settings,
        (admin, submit): (Option<Token>, Option<Submit>),
    ) -> Result<Self, FactsError> {
        let mut salt = DefaultHasher::new();
        root.as_str().hash(&mut salt);
        let salt = salt.finish();
        let state = Arc::new(State::new(Live::open(root, settings).await?));
        let metrics = Arc::new(Metrics::default());
        let with = (admin, submit.map(Arc::new));
        let api = Api::new(Arc::clone(&state), Arc::clone(&metrics), with, READING_AT_ONCE);
        let pages: Router = pages::router().with_state(Arc::clone(&state));
        let edition = {
            let state = Arc::clone(&state);
            move || {
                let facts = state.facts();
                Edition { commit: facts.commit(), newest: facts.latest_s(), salt }
            }
        };
        let router = pages.merge(api.router());
        Ok(Self { served: Served { router, edition: Arc::new(edition), metrics }, state })
    }

    /// Looks for new commits for as long as it is waited for. What cannot be read stays as it was; `failed` is told.
    pub async fn stay_new(&self, every: Duration, failed: impl Fn(&FactsError)) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.state.live.renew().await {
                failed(&error);
            }
        }
    }
}

/// Questions that read files, at once. Each has the memory that the settings say.
const READING_AT_ONCE: usize = 2;
