//! What all who answer share.

use std::sync::Arc;

use crate::facts::{Facts, Live};

/// Shared by all handlers, behind an [`Arc`].
#[derive(Debug)]
pub struct State {
    /// The archive's facts.
    pub live: Live,
}

/// The state as handlers have it.
pub type Shared = Arc<State>;

impl State {
    /// Around an archive's facts.
    pub fn new(live: Live) -> Self {
        Self { live }
    }

    /// The facts as they are now.
    pub fn facts(&self) -> Arc<Facts> {
        self.live.now()
    }
}
