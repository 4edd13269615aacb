//! What pages and the API are made of, held in memory as of one commit of the archive.
//!
//! [`Facts`] has the verdicts counted ([`wirewitness_store::rollup`]), the events that hold, the files that were read and the names of networks.
//! It answers nearly all pages without reading a file; single measurements are asked for by SQL, of the few days that the counts say
//! hold them. [`Live`] keeps the newest `Facts` at hand and replaces them when the archive has a new commit. In reading order:
//!
//! - [`Filter`], [`Axis`], [`Group`], [`Tally`] (`counts`): aggregation.
//! - [`EventRow`] (`happened`): events. [`SourceRow`], [`Coverage`] (`coverage`): what was read.
//! - [`Page`], [`MeasurementRow`], [`Whole`] (`single`): measurements. [`Hits`] (`lists`): search, and lists of names. [`Devices`] (`forged`).

mod asked;
mod counts;
mod coverage;
mod forged;
mod happened;
mod lists;
mod single;
mod totals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

use url::Url;
use wirewitness_analysis::attribution::profile::Catalogue;
use wirewitness_store::archive::Archive;
use wirewitness_store::query::{Options, QueryError, Session};
use wirewitness_store::rollup::{MOST_CELLS, Rollup};

pub use counts::{Axis, Filter, Group, Groups, State, Tally, Value};
pub use coverage::{Coverage, SourceRow};
pub use forged::Devices;
pub use happened::{EventFilter, EventRow};
pub use lists::{Hits, NetworkRow, TargetRow};
pub(crate) use single::day_text;
pub use single::{Cursor, MeasurementRow, Page, Step, Whole};

use totals::Totals;

/// How facts are gathered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Cells of the roll-up that are held at most, 10 bytes each; older days are left out beyond. Default [`MOST_CELLS`].
    pub most_cells: usize,
    /// How SQL is asked: memory, time limit, names of networks.
    pub query: Options,
    /// Category (of the Citizen Lab's) of a host name. May be empty.
    pub categories: Arc<BTreeMap<String, String>>,
    /// Whether all of the archive is made up, also what measurements say: a demonstration. Pages say so, and all is counted together.
    pub is_demonstration: bool,
    /// Whether readers see what the files were called that measurements were read from. A person's file may be called after them. Default: no.
    pub shows_file_names: bool,
    /// Profiles of devices, for what forged pages say of them. None: nothing is said.
    pub catalogue: Option<Arc<Catalogue>>,
}

impl Default for Settings {
    fn default() -> Self {
        let query = Options {
            partitions: Some(2),
            memory_bytes: 128 << 20,
            timeout: Some(std::time::Duration::from_secs(20)),
            ..Options::default()
        };
        Self {
            most_cells: MOST_CELLS,
            query,
            categories: Arc::default(),
            is_demonstration: false,
            shows_file_names: false,
            catalogue: None,
        }
    }
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The archive cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The archive cannot be read.
    #[error(transparent)]
    Store(#[from] wirewitness_store::StoreError),
}

/// An archive as of one commit.
#[derive(Debug)]
pub struct Facts {
    commit: u64,
    rollup: Rollup,
    totals: Totals,
    by_domain: BTreeMap<Arc<str>, Vec<u32>>,
    network_names: BTreeMap<u32, String>,
    categories: Arc<BTreeMap<String, String>>,
    events: Vec<EventRow>,
    coverage: Coverage,
    origins: BTreeSet<Arc<str>>,
    session: Session,
    /// Places for questions of pages that read files. Many at once would be no sooner done, and each needs memory.
    reading: tokio::sync::Semaphore,
    is_demonstration: bool,
    shows_file_names: bool,
    catalogue: Option<Arc<Catalogue>>,
    devices: tokio::sync::OnceCell<Vec<Devices>>,
}

impl Facts {
    /// Gathers the facts of an archive at its newest commit.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub async fn open(root: &Url, settings: &Settings) -> Result<Self, FactsError> {
        Self::of(&Archive::open(root).await?, settings, None).await
    }

    async fn of(
        archive: &Archive,
        settings: &Settings,
        before: Option<&Self>,
    ) -> Result<Self, FactsError> {
        let session = Session::new(archive, settings.query.clone()).await?;
        let before = before.map(|it| &it.rollup);
        let rollup = Rollup::of(archive, before, settings.most_cells).await?;
        let totals = Totals::of(&rollup);
        let mut by_domain: BTreeMap<Arc<str>, Vec<u32>> = BTreeMap::new();
        for (place, domain) in rollup.words.domains().iter().enumerate() {
            if let (Some(domain), Ok(place)) = (domain, u32::try_from(place)) {
                by_domain.entry(Arc::clone(domain)).or_default().push(place);
            }
        }
        let coverage = coverage::gather(&session, &rollup, settings.shows_file_names).await?;
        let origins = totals.origins(&rollup);
        Ok(Self {
            commit: archive.commit(),
            events: happened::gather(&session).await?,
            network_names: lists::network_names(&session).await?,
            categories: Arc::clone(&settings.categories),
            coverage,
            totals,
            by_domain,
            origins,
            rollup,
            session,
            reading: tokio::sync::Semaphore::new(READING_AT_ONCE),
            is_demonstration: settings.is_demonstration,
            shows_file_names: settings.shows_file_names,
            catalogue: settings.catalogue.clone(),
            devices: tokio::sync::OnceCell::new(),
        })
    }

    /// Waits until a question may read files. Given back when it is dropped.
    async fn place_to_read(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.reading.acquire().await.ok()
    }

    /// The commit that they are of.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// The tables of the same commit, for questions in SQL.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The verdicts, counted.
    pub fn rollup(&self) -> &Rollup {
        &self.rollup
    }

    /// Whose data there are (column `origin`).
    pub fn origins(&self) -> &BTreeSet<Arc<str>> {
        &self.origins
    }

    /// Whether all of it is made up, so that pages have to say so.
    pub fn is_made_up(&self) -> bool {
        let is_made_up = |origin: &Arc<str>| &**origin == MADE_UP;
        self.is_demonstration || (!self.origins.is_empty() && self.origins.iter().all(is_made_up))
    }

    /// The first and the last day with verdicts that were counted, days since 1970.
    pub fn days(&self) -> Option<(i32, i32)> {
        let days = &self.rollup.days;
        Some((*days.first_key_value()?.0, *days.last_key_value()?.0))
    }

    /// When the last verdict was measured, seconds since 1970.
    pub fn latest_s(&self) -> Option<i64> {
        self.rollup.days.values().map(|day| day.latest_s).max()
    }
}

/// The newest facts of an archive, shared by all who answer.
#[derive(Debug)]
pub struct Live {
    root: Url,
    settings: Settings,
    now: RwLock<Arc<Facts>>,
    renewing: tokio::sync::Mutex<()>,
}

impl Live {
    /// Gathers the facts of an archive for the first time.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub async fn open(root: Url, settings: Settings) -> Result<Self, FactsError> {
        let now = RwLock::new(Arc::new(Facts::open(&root, &settings).await?));
        Ok(Self { root, settings, now, renewing: tokio::sync::Mutex::default() })
    }

    /// The facts as they are now. Whoever has them keeps them, whatever comes after.
    pub fn now(&self) -> Arc<Facts> {
        match self.now.read() {
            Ok(now) => Arc::clone(&now),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    /// Gathers again where the archive has a new commit; tells whether it had. To be called every few seconds: without a new commit
    /// it reads the end of the ledger's log only.
    ///
    /// # Errors
    /// The archive cannot be read; the facts stay as they were.
    pub async fn renew(&self) -> Result<bool, FactsError> {
        let _one = self.renewing.lock().await;
        let before = self.now();
        let archive = Archive::open(&self.root).await?;
        if archive.commit() == before.commit {
            return Ok(false);
        }
        let facts = Arc::new(Facts::of(&archive, &self.settings, Some(&before)).await?);
        match self.now.write() {
            Ok(mut now) => *now = facts,
            Err(poisoned) => *poisoned.into_inner() = facts,
        }
        Ok(true)
    }
}

/// Questions that read files, at once.
const READING_AT_ONCE: usize = 3;
/// Origin of rows that no one measured.
pub(crate) const MADE_UP: &str = "population";
/// Origin of rows of which only findings are kept, so that no rate can be made of them.
pub(crate) const CAPTURE: &str = "capture";
