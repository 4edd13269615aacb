//! Verdicts counted by target, network and day: small enough to stay in memory, so that a question about a name, a country or a network is
//! answered without reading a file.
//!
//! A [`Cell`] counts what one network's verdicts say of one target on one day in one [`Kind`], with a sketch of who measured; [`Cells`] holds
//! those of a day in some 10 bytes each.
//! [`Rollup::of`] reads the files of one commit, only the columns that it needs, a day after the other from the newest; days whose files
//! are those of an earlier roll-up are taken over from it. Where there are more cells than allowed, older days are left out and told.

mod cells;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray as _, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use wirewitness_model::civil;
use wirewitness_model::verdict::{Confidence, Status};

pub use cells::Cells;

use crate::archive::Archive;
use crate::error::StoreError;
use crate::events::read::{Coded, number, open};
use crate::schema::VERDICT;
use crate::table::{DataFile, LogTable};

/// What one network's verdicts of one kind say of one target on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Place of the target in [`Words::targets`].
    pub target: u32,
    /// Place of the network in [`Words::networks`].
    pub network: u16,
    /// Place of the kind in [`Words::kinds`].
    pub kind: u16,
    /// Verdicts.
    pub count: u32,
    /// Who measured: 64 bits, of which every vantage sets one. Sketches are united by `|`; [`vantages`] estimates from one.
    pub sketch: u64,
}

/// What verdicts that are counted together have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Whose data (column `origin`).
    pub origin: Arc<str>,
    /// Name of the experiment.
    pub test: Arc<str>,
    /// What was concluded.
    pub status: Status,
    /// What was done; none where nothing is named.
    pub mechanism: Option<Arc<str>>,
    /// How sure.
    pub confidence: Confidence,
}

/// A network in a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// Two letters of ISO 3166-1; `ZZ` where not known.
    pub country: [u8; 2],
    /// Number of the network (AS); 0 where not known.
    pub asn: u32,
}

impl Network {
    /// The country's letters as text.
    pub fn country(&self) -> &str {
        std::str::from_utf8(&self.country).unwrap_or("ZZ")
    }
}

/// What the numbers in cells stand for.
#[derive(Debug, Clone, Default)]
pub struct Words {
    targets: Vec<Arc<str>>,
    domains: Vec<Option<Arc<str>>>,
    networks: Vec<Network>,
    kinds: Vec<Kind>,
    places: HashMap<Arc<str>, u32>,
    network_places: HashMap<Network, u16>,
    kind_places: HashMap<Kind, u16>,
}

/// One day, all countries.
#[derive(Debug, Default)]
pub struct Day {
    /// Paths of the files that it was counted from.
    files: Vec<String>,
    /// What was counted.
    pub cells: Cells,
    /// Verdicts counted.
    pub rows: u64,
    /// When the last of them was measured, seconds since 1970.
    pub latest_s: i64,
}

/// The verdicts of one commit, counted.
#[derive(Debug, Clone, Default)]
pub struct Rollup {
    /// What the numbers stand for.
    pub words: Arc<Words>,
    /// By day, days since 1970.
    pub days: BTreeMap<i32, Arc<Day>>,
    /// Days that were left out because there are too many cells: how many, and verdicts of them.
    pub left_out: (usize, u64),
    /// Verdicts that were left out because there are more than 65,535 networks or kinds, or 4 billion targets.
    pub uncounted: u64,
}

/// Cells that are held if nothing else is said: 240 MB, and 8 bytes for each target of each day.
pub const MOST_CELLS: usize = 24_000_000;

impl Cell {
    fn key(&self) -> (u32, u16, u16) {
        (self.target, self.network, self.kind)
    }

    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sketch |= other.sketch;
    }
}

/// The bit of a vantage in a sketch.
pub fn bit(vantage: i64) -> u64 {
    // Fibonacci hashing: the upper bits of the product depend on all bits.
    1 << (vantage.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58)
}

/// About how many vantages a sketch is of, by linear counting (Whang et al. 1990): right to some 10 % up to [`MANY`], above which it only
/// says so many or more.
pub fn vantages(sketch: u64) -> u32 {
    let zeros = sketch.count_zeros();
    if zeros == 0 {
        return MANY;
    }
    let estimate = 64.0 * (64.0 / f64::from(zeros)).ln();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 267"
    )]
    let estimate = estimate.round() as u32;
    estimate.min(MANY)
}

/// What [`vantages`] says of so many or more.
pub const MANY: u32 = 40;

impl Words {
    /// Targets, by place.
    pub fn targets(&self) -> &[Arc<str>] {
        &self.targets
    }

    /// The host name of each target, where it has one.
    pub fn domains(&self) -> &[Option<Arc<str>>] {
        &self.domains
    }

    /// Networks, by place.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Kinds, by place.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The place of a target.
    pub fn target(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    fn enter_target(&mut self, name: &str, domain: &str) -> Option<u32> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        let place = u32::try_from(self.targets.len()).ok()?;
        let name: Arc<str> = name.into();
        self.targets.push(Arc::clone(&name));
        self.domains.push((!domain.is_empty()).then(|| domain.into()));
        self.places.insert(name, place);
        Some(place)
    }

    fn enter_network(&mut self, network: Network) -> Option<u16> {
        if let Some(place) = self.network_places.get(&network) {
            return Some(*place);
        }
        let place = u16::try_from(self.networks.len()).ok()?;
        self.networks.push(network);
        self.network_places.insert(network, place);
        Some(place)
    }

    fn enter_kind(&mut self, kind: Kind) -> Option<u16> {
        if let Some(place) = self.kind_places.get(&kind) {
            return Some(*place);
        }
        let place = u16::try_from(self.kinds.len()).ok()?;
        self.kinds.push(kind.clone());
        self.kind_places.insert(kind, place);
        Some(place)
    }
}

impl Rollup {
    /// Counts the verdicts of a commit. What `before` has of the same files is taken over.
    ///
    /// # Errors
    /// A file cannot be read.
    pub async fn of(
        archive: &Archive,
        before: Option<&Self>,
        most_cells: usize,
    ) -> Result<Self, StoreError> {
        let table = archive.table(&VERDICT)?.clone();
        let before = before.cloned().unwrap_or_default();
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own: the runtime's are for what waits.
        let work = move || before.renewed(&table, most_cells, &runtime);
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| StoreError::Worker(error.to_string()))?
    }

    fn renewed(
        self,
        table: &LogTable,
        most_cells: usize,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, StoreError> {
        let mut files: BTreeMap<i32, Vec<DataFile>> = BTreeMap::new();
        for file in table.files()? {
            let day = day_number(&file.partition.day).unwrap_or(0);
            files.entry(day).or_default().push(file);
        }
        let mut counting = Counting {
            words: Arc::unwrap_or_clone(self.words),
            uncounted: 0,
            source: (table, runtime),
        };
        let mut renewed = Self::default();
        let mut cells = 0;
        for (day, files) in files.into_iter().rev() {
            let mut paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
            paths.sort_unstable();
            let known = self.days.get(&day).filter(|known| known.files == paths);
            let is_full = cells >= most_cells;
            if is_full {
                renewed.left_out.0 += 1;
                renewed.left_out.1 += files.iter().map(|file| file.rows).sum::<u64>();
                continue;
            }
            let counted = match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(counting.day(paths, &files)?),
            };
            cells += counted.cells.len();
            renewed.days.insert(day, counted);
        }
        renewed.words = Arc::new(counting.words);
        renewed.uncounted = counting.uncounted;
        Ok(renewed)
    }
}

struct Counting<'a> {
    words: Words,
    uncounted: u64,
    source: (&'a LogTable, &'a tokio::runtime::Handle),
}

impl Counting<'_> {
    fn day(&mut self, paths: Vec<String>, files: &[DataFile]) -> Result<Day, StoreError> {
        let mut day = Day { files: paths, latest_s: i64::MIN, ..Day::default() };
        let mut cells = Vec::new();
        for file in files {
            let country: [u8; 2] = file.partition.country.as_bytes().try_into().unwrap_or(*b"ZZ");
            let (table, runtime) = self.source;
            let reader = match table.url().to_file_path() {
                Ok(folder) => {
                    let path = folder.join(&file.path);
                    let file = std::fs::File::open(&path).map_err(StoreError::file(&path))?;
                    open(&path.display().to_string(), file, (&CODED, &PLAIN))?
                }
                Err(()) => {
                    let bytes = runtime.block_on(async {
                        let object = table.store().get(&Path::from(file.path.as_str())).await?;
                        object.bytes().await
                    })?;
                    open(&file.path, bytes, (&CODED, &PLAIN))?
                }
            };
            for batch in reader {
                let batch = batch?;
                let columns = Columns::of(&batch).ok_or_else(|| StoreError::Damaged {
                    path: file.path.clone(),
                    reason: "the columns are not those of the table `verdict`".to_owned(),
                })?;
                self.batch(&columns, country, (&mut day, &mut cells));
            }
            day.rows += file.rows;
        }
        day.cells = Cells::pack(&merged(cells));
        Ok(day)
    }

    fn batch(
        &mut self,
        columns: &Columns<'_>,
        country: [u8; 2],
        (day, cells): (&mut Day, &mut Vec<Cell>),
    ) {
        let mut targets: HashMap<i32, Option<u32>> = HashMap::new();
        let mut kinds: HashMap<[Option<i32>; 5], Option<u16>> = HashMap::new();
        let mut network = (u32::MAX, None);
        // Rows of the same target and network follow each other: their cells are the last ones.
        let mut from = cells.len();
        for (row, (at, vantage)) in columns.at.iter().zip(columns.vantage).enumerate() {
            day.latest_s = day.latest_s.max(at.div_euclid(1_000_000));
            let asn = number(columns.asn, row);
            if network.0 != asn {
                network = (asn, self.words.enter_network(Network { country, asn }));
            }
            let target =
                *targets.entry(columns.target.key(row).unwrap_or(-1)).or_insert_with_key(|key| {
                    let domain = columns.domain.key(row).map(|key| columns.domain.text(key));
                    self.words.enter_target(columns.target.text(*key), domain.unwrap_or_default())
                });
            let kind = *kinds
                .entry(columns.kinds.each_ref().map(|column| column.key(row)))
                .or_insert_with_key(|keys| self.words.enter_kind(columns.kind(keys)));
            let (Some(target), Some(network), Some(kind)) = (target, network.1, kind) else {
                self.uncounted += 1;
                continue;
            };
            let sketch = bit(*vantage);
            let cell = Cell { target, network, kind, count: 1, sketch };
            let is_next =
                cells.last().is_none_or(|it| (it.target, it.network) != (target, network));
            if is_next {
                from = cells.len();
            }
            match cells.get_mut(from..).and_then(|it| it.iter_mut().find(|it| it.kind == kind)) {
                Some(same) => same.add(&cell),
                None => cells.push(cell),
            }
        }
    }
}

/// Each cell once, in order.
fn merged(mut cells: Vec<Cell>) -> Vec<Cell> {
    cells.sort_unstable_by_key(Cell::key);
    cells.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            kept.add(next);
        }
        is_same
    });
    cells
}

/// Columns of one batch.
struct Columns<'b> {
    at: &'b [i64],
    vantage: &'b [i64],
    asn: &'b Int64Array,
    target: Coded<'b>,
    domain: Coded<'b>,
    /// Origin, test, status, mechanism, confidence.
    kinds: [Coded<'b>; 5],
}

impl<'b> Columns<'b> {
    fn of(batch: &'b RecordBatch) -> Option<Self> {
        let column = |name| batch.column_by_name(name);
        let coded = |name| Coded::of_column(batch, name);
        Some(Self {
            at: column("measured_at")?.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
            vantage: column("vantage")?.as_primitive_opt::<Int64Type>()?.values(),
            asn: column("probe_asn")?.as_primitive_opt::<Int64Type>()?,
            target: coded("target")?,
            domain: coded("domain")?,
            kinds: [
                coded("origin")?,
                coded("test_name")?,
                coded("status")?,
                coded("mechanism")?,
                coded("confidence")?,
            ],
        })
    }

    fn kind(&self, keys: &[Option<i32>; 5]) -> Kind {
        let [origin, test, status, mechanism, confidence] = &self.kinds;
        let text = |column: &Coded<'b>, key: Option<i32>| key.map_or("", |key| column.text(key));
        let status = text(status, keys[2]);
        let confidence = text(confidence, keys[4]);
        Kind {
            origin: text(origin, keys[0]).into(),
            test: text(test, keys[1]).into(),
            status: STATUSES
                .into_iter()
                .find(|it| it.word() == status)
                .unwrap_or(Status::Insufficient),
            mechanism: keys[3].map(|key| mechanism.text(key).into()),
            confidence: CONFIDENCES
                .into_iter()
                .find(|it| it.word() == confidence)
                .unwrap_or(Confidence::Low),
        }
    }
}

/// Days since 1970 of `2025-11-23`; none where there is no such day.
pub fn day_number(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    i32::try_from(civil::days(year, month, day)?).ok()
}

const STATUSES: [Status; 4] = [Status::Ok, Status::Down, Status::Blocked, Status::Insufficient];
const CONFIDENCES: [Confidence; 3] = [Confidence::Low, Confidence::Medium, Confidence::High];
/// Columns that few different texts fill.
const CODED: [&str; 7] =
    ["target", "domain", "origin", "test_name", "status", "mechanism", "confidence"];
const PLAIN: [&str; 3] = ["measured_at", "probe_asn", "vantage"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        assert_eq!(day_number("1970-01-01"), Some(0));
        assert_eq!(day_number("2000-03-01"), Some(11_017));
        assert_eq!(day_number("2026-06-01"), Some(20_605));
        assert_eq!(day_number("2026-13-01"), None);
        assert_eq!(day_number("never"), None);
    }

    #[test]
    fn vantages_are_estimated_within_a_tenth_up_to_forty() {
        let mut wrong = 0.0;
        for many in 1..40_i64 {
            for seed in 0..50_i64 {
                // Vantages are the first bytes of a SHA-256: all bits depend on all (the finisher of splitmix64).
                let spread = |it: i64| {
                    let mut z =
                        (seed * 1_000 + it).cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                    (z ^ (z >> 31)).cast_signed()
                };
                let sketch = (0..many).fold(0, |sketch, it| sketch | bit(spread(it)));
                let estimate = f64::from(vantages(sketch));
                wrong += (estimate - many as f64).abs() / many as f64;
            }
        }
        let mean = wrong / (39.0 * 50.0);
        assert!(mean < 0.1, "{mean}");
        assert_eq!((vantages(0), vantages(1), vantages(u64::MAX)), (0, 1, MANY));
    }
}
