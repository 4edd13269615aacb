//! Measurements in: judged, condensed, written, each exactly once.
//!
//! The caller cuts files into records and pushes them; threads of our own read, condense and judge them; one more keeps
//! the order, leaves out what the archive has, and writes. A commit holds whole records only. A process that is killed loses what it had
//! not committed, and nothing else: reading the same files again adds what is missing. In reading order:
//!
//! - [`Judging`]: what the judge uses, and its name in the rows.
//! - `record`: one measurement as rows; `subject` is what they have in common, `steps` those of `observation`. `afar`: one
//!   row of a scan made from afar. `captured`: one connection of a capture; `weighing`: what its findings say. `columns`: rows in the making.
//! - `work`: pieces of files into rows. `sink`: rows into the archive; `gather`: those of one partition. `known`: which records it has. `ledger`: which files.
//! - `gate`: how much is on its way.

mod afar;
mod captured;
pub(crate) mod columns;
#[cfg(test)]
mod endings;
mod gate;
mod gather;
mod judging;
mod known;
pub(crate) mod ledger;
pub(crate) mod record;
mod sink;
mod steps;
pub(crate) mod subject;
mod weighing;
mod work;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub use afar::Afar;
pub use captured::Captured;
pub use judging::{Judging, Used};

use crate::archive::Writer;
use crate::error::StoreError;
use gate::Gate;
pub(crate) use gather::sorted;
use sink::Sink;
use work::{Done, Work};

/// Limits of one run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Threads that read and judge.
    pub threads: usize,
    /// Bytes of rows in memory after which they are written and committed. While they are, as many more may come.
    pub commit_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, commit_bytes: 128 << 20 }
    }
}

/// Some records of one file, in order.
#[derive(Debug, Default)]
pub struct Piece {
    /// Name of the file, without folders.
    pub file: Arc<str>,
    /// Of a file that holds files (tar): the one that these records are from.
    pub member: Option<Arc<str>>,
    /// Their text, one behind the other.
    pub text: String,
    /// Where each ends in `text`, and its line in the file, from 1.
    pub ends: Vec<(usize, u64)>,
    /// Rows of scans made from afar, judged. A piece has records or these.
    pub afar: Vec<Afar>,
    /// Connections of captures with what was found in them.
    pub captured: Vec<Captured>,
    /// What between them could not be used.
    pub refused: Vec<Refused>,
    /// The file ends here.
    pub end: Option<FileEnd>,
    /// It ends too early: it could not be read on, and gets no row in table `source`.
    pub is_cut: bool,
}

/// What is known of a file once it was read to its end.
#[derive(Debug, Clone)]
pub struct FileEnd {
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Their number.
    pub bytes: u64,
    /// `ooni`, ..
    pub format: &'static str,
    /// What its captures held, where it has any.
    pub captured: Option<Counted>,
}

/// What the captures of a file held, whatever was found in them. Nothing of it names anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// SHA-256 of the capture, unpacked, hexadecimal. None for several.
    pub capture: Option<String>,
    /// How many there are.
    pub captures: u64,
    /// Packets, whatever they carry.
    pub packets: u64,
    /// TCP connections, those that went well too.
    pub tcp_connections: u64,
    /// The same of QUIC.
    pub quic_connections: u64,
    /// Questions to resolvers.
    pub dns_questions: u64,
}

impl Counted {
    /// With those of one more capture.
    pub fn add(&mut self, one: Self) {
        self.capture = if self.captures == 0 { one.capture } else { None };
        self.captures += one.captures;
        self.packets += one.packets;
        self.tcp_connections += one.tcp_connections;
        self.quic_connections += one.quic_connections;
        self.dns_questions += one.dns_questions;
    }
}

/// A record, or something between records, that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    /// Name of the file, without folders; with that of its member where it holds files.
    pub file: Arc<str>,
    /// Line on which it begins, from 1; 0 where it is no matter of lines.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// Its text, cut after [`Refused::TEXT_MAX`] bytes; empty where none could be cut out.
    pub text: String,
}

impl Refused {
    /// Bytes of a refused record that are kept.
    pub const TEXT_MAX: usize = 64 << 10;
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Files read to their end.
    pub files: u64,
    /// Measurements that are new in the archive.
    pub added: u64,
    /// Measurements that it had already.
    pub known: u64,
    /// Pieces of files that could not be used.
    pub refused: u64,
    /// The commit that holds all of it.
    pub commit: u64,
}

/// A run of ingestion.
pub struct Ingest {
    work: Option<SyncSender<Work>>,
    workers: Vec<JoinHandle<()>>,
    sink: Option<JoinHandle<Result<(Writer, Summary), StoreError>>>,
    progress: Arc<Progress>,
    gate: Arc<Gate>,
    next: u64,
}

/// Counters that grow while a run goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records judged.
    pub records: std::sync::atomic::AtomicU64,
}

/// Told of each refused piece, in the order of the files.
pub type OnRefused = Box<dyn FnMut(&Refused) + Send>;

/// Told of what becomes of the files, in their order.
pub trait Watch: Send {
    /// A piece could not be used.
    fn refused(&mut self, refused: &Refused);
    /// The file at hand was read to its end: the pieces refused since the last such call were its own.
    fn ended(&mut self, file: &str, end: &FileEnd);
}

impl Watch for OnRefused {
    fn refused(&mut self, refused: &Refused) {
        self(refused);
    }

    fn ended(&mut self, _: &str, _: &FileEnd) {}
}

impl Ingest {
    /// Begins. `on_refused` is told of every piece that could not be used.
    pub fn start(
        writer: Writer,
        judging: Arc<Judging>,
        settings: Settings,
        on_refused: OnRefused,
    ) -> Self {
        Self::start_watched(writer, judging, settings, Box::new(on_refused))
    }

    /// [`Ingest::start`], and `watch` is told where files end, too.
    pub fn start_watched(
        writer: Writer,
        judging: Arc<Judging>,
        settings: Settings,
        watch: Box<dyn Watch>,
    ) -> Self {
        let threads = settings.threads.max(1);
        let (work, works) = sync_channel::<Work>(threads * 2);
        // The sink keeps the order: it holds at most what is between the slowest worker and the fastest. While it writes, the others go on.
        let (done, dones) = sync_channel::<Done>(threads * 8);
        let works = Arc::new(Mutex::new(works));
        let progress = Arc::new(Progress::default());
        let gate = Arc::new(Gate::default());
        let workers = (0..threads)
            .map(|_| {
                let (works, done) = (Arc::clone(&works), done.clone());
                let (judging, progress) = (Arc::clone(&judging), Arc::clone(&progress));
                let gate = Arc::clone(&gate);
                std::thread::spawn(move || work::run(&works, &done, &judging, (&progress, &gate)))
            })
            .collect();
        let sink = std::thread::spawn(move || run_sink(writer, &judging, settings, (dones, watch)));
        Self { work: Some(work), workers, sink: Some(sink), progress, gate, next: 0 }
    }

    /// Hands over some records. Waits while the threads are behind.
    ///
    /// # Errors
    /// Writing has failed; [`Ingest::finish`] says why.
    pub fn push(&mut self, piece: Piece) -> Result<(), StoreError> {
        let number = self.next;
        self.next += 1;
        self.gate.enter(piece.text.len());
        let is_sent =
            self.work.as_ref().is_some_and(|work| work.send(Work { number, piece }).is_ok());
        match is_sent {
            true => Ok(()),
            false => Err(StoreError::Worker("writing has failed".to_owned())),
        }
    }

    /// A text for the next piece, empty: one that was handed over before, where there is one.
    pub fn empty_text(&self) -> String {
        self.gate.empty_text()
    }

    /// Counters.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Ends the run: everything handed over is in the archive when this returns.
    pub fn finish(mut self) -> Result<(Writer, Summary), StoreError> {
        drop(self.work.take());
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        let sink = self.sink.take().ok_or_else(|| StoreError::Worker("ended twice".to_owned()))?;
        sink.join().map_err(|_| StoreError::Worker("the writer panicked".to_owned()))?
    }
}

fn run_sink(
    writer: Writer,
    judging: &Judging,
    settings: Settings,
    (dones, watch): (Receiver<Done>, Box<dyn Watch>),
) -> Result<(Writer, Summary), StoreError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| StoreError::Worker(error.to_string()))?;
    runtime.block_on(async {
        let mut sink = Sink::new(writer, judging.described().to_owned(), settings, watch);
        for done in dones {
            sink.take(done).await?;
        }
        sink.finish().await
    })
}
