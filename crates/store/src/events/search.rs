//! The search itself: files dealt out to parts, parts sorted and surveyed, and searched one by one, on several threads.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use wirewitness_analysis::events::{Climate, Finder, Part, Report, Settings, Survey, finish};

use super::names::{Met, Names};
use super::packed::{BYTES, Packed, unpack};
use super::parts::{Hand, Parts};
use super::read::{Reading, Seen, deal};
use crate::error::StoreError;

/// A file of `verdict` rows.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) country: [u8; 2],
    pub(super) rows: u64,
}

/// Its bytes, or where they are.
pub(super) enum Opened {
    File(File),
    Bytes(Bytes),
}

/// Opens a file; from any thread.
pub(super) type Open<'o> = &'o (dyn Fn(&Source) -> Result<Opened, StoreError> + Sync);

/// How much of the machine it may use.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) threads: usize,
    pub(super) memory_bytes: usize,
    pub(super) scratch: Option<PathBuf>,
    pub(super) origins: Vec<String>,
}

impl Means {
    /// Those that settings allow.
    pub(super) fn of(settings: &super::Settings) -> Self {
        Self {
            threads: settings.threads,
            memory_bytes: settings.memory_bytes,
            scratch: settings.scratch.clone(),
            origins: settings.origins.clone(),
        }
    }
}

/// What it comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) report: Report,
    pub(super) names: Names,
    pub(super) seen: Seen,
}

/// Searches all rows of some files.
pub(super) fn search(
    (sources, open): (&[Source], Open<'_>),
    means: &Means,
    settings: &Settings,
    earlier: &Names,
) -> Result<Outcome, StoreError> {
    let rows: u64 = sources.iter().map(|source| source.rows).sum();
    let bytes = usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(BYTES);
    let file = means.scratch.as_deref().filter(|_| bytes > means.memory_bytes).map(scratch_file);
    let parts = Parts::new(parts_of(bytes, means), file.as_deref())?;
    let reading = Reading {
        parts: parts.count(),
        origins: means.origins.clone(),
        met: Mutex::default(),
        seen: Mutex::default(),
    };
    deal_all((sources, open), &reading, &parts, means)?;
    let met = reading.met.into_inner().map_err(poisoned)?;
    let (numbers, names) = Met::numbers(&met, earlier);
    drop(met);
    let climate = survey(&parts, &numbers, means)?.finish(settings);
    let found = find(&parts, &climate, (means, settings))?;
    let mut seen = reading.seen.into_inner().map_err(poisoned)?;
    let mut report = finish(found, &climate, settings);
    report.dropped += std::mem::take(&mut seen.dropped);
    Ok(Outcome { report, names, seen })
}

/// So many that each thread's part, sorted, is a small piece of what may be used.
pub(super) fn parts_of(bytes: usize, means: &Means) -> usize {
    let each = (means.memory_bytes / means.threads.max(1) / 8).clamp(1 << 20, 64 << 20);
    bytes.div_ceil(each).clamp(1, MOST_PARTS)
}

fn deal_all(
    (sources, open): (&[Source], Open<'_>),
    reading: &Reading,
    parts: &Parts,
    means: &Means,
) -> Result<(), StoreError> {
    let next = AtomicUsize::new(0);
    on_threads(means, &|| {
        let mut hand = parts.hand();
        while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            deal_one((source, open(source)?), reading, &mut hand)?;
        }
        hand.finish()
    })
}

fn deal_one(
    (source, opened): (&Source, Opened),
    reading: &Reading,
    hand: &mut Hand<'_>,
) -> Result<(), StoreError> {
    match opened {
        Opened::File(file) => deal((&source.path, file), source.country, reading, hand),
        Opened::Bytes(bytes) => deal((&source.path, bytes), source.country, reading, hand),
    }
}

/// Numbers and sorts each part, and counts what is in it.
fn survey(parts: &Parts, numbers: &[u32], means: &Means) -> Result<Survey, StoreError> {
    let next = AtomicUsize::new(0);
    let joined = Mutex::new(InOrder::default());
    on_threads(means, &|| {
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts.count() {
                return Ok(());
            }
            let mut points = parts.load(part)?;
            for point in &mut points {
                let [target, ..] = point;
                *target = numbers.get(*target as usize).copied().unwrap_or(0);
            }
            points.sort_unstable();
            parts.store(part, &points)?;
            let mut survey = Survey::default();
            points.iter().for_each(|point| survey.add(&unpack(point)));
            lock(&joined)?.join(part, survey);
        }
    })?;
    Ok(joined.into_inner().map_err(poisoned)?.all)
}

/// Surveys joined in the order of their parts, whichever is done first: their sketches depend on it.
#[derive(Default)]
struct InOrder {
    all: Survey,
    next: usize,
    early: BTreeMap<usize, Survey>,
}

impl InOrder {
    fn join(&mut self, part: usize, survey: Survey) {
        self.early.insert(part, survey);
        while let Some(survey) = self.early.remove(&self.next) {
            self.all.join(survey);
            self.next += 1;
        }
    }
}

fn find(
    parts: &Parts,
    climate: &Climate,
    (means, settings): (&Means, &Settings),
) -> Result<Vec<Part>, StoreError> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    on_threads(means, &|| {
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= parts.count() {
                return Ok(());
            }
            let points: Vec<Packed> = parts.load(part)?;
            let mut finder = Finder::new(climate, settings);
            points.iter().for_each(|point| finder.add(&unpack(point)));
            lock(&found)?.insert(part, finder.finish());
        }
    })?;
    Ok(found.into_inner().map_err(poisoned)?.into_values().collect())
}

/// The same work on each thread.
fn on_threads(
    means: &Means,
    work: &(dyn Fn() -> Result<(), StoreError> + Sync),
) -> Result<(), StoreError> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..means.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut done = Ok(());
        for thread in threads {
            let ended = thread.join();
            done = done.and(ended.unwrap_or_else(|_| Err(poisoned(()))));
        }
        done
    })
}

fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex.lock().map_err(poisoned)
}

/// A name that no other search has: of this process, and one more each time.
fn scratch_file(folder: &Path) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("wirewitness-points-{}-{number}.tmp", std::process::id()))
}

fn poisoned<T>(_: T) -> StoreError {
    StoreError::Worker("another thread ended early".to_owned())
}

const MOST_PARTS: usize = 1 << 10;
