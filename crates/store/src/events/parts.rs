//! Points dealt out to parts by target, in memory or in a file: so that each part can be sorted by itself.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::packed::{self, Packed};
use crate::error::StoreError;

/// The parts.
#[derive(Debug)]
pub(super) struct Parts {
    count: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Mutex<Vec<Vec<u8>>>),
    File(Mutex<Spilled>, PathBuf),
}

/// A file of pieces, and which of them are each part's: where they begin, and how long they are.
#[derive(Debug)]
struct Spilled {
    file: File,
    end: u64,
    pieces: Vec<Vec<(u64, usize)>>,
}

/// One thread's hand: points that wait to be dealt.
pub(super) struct Hand<'p> {
    parts: &'p Parts,
    waiting: Vec<Vec<u8>>,
}

impl Parts {
    /// Parts in memory, or in a file that is made there and taken away at the end.
    pub(super) fn new(count: usize, file: Option<&Path>) -> Result<Self, StoreError> {
        let count = count.max(1);
        let place = match file {
            None => Place::Memory(Mutex::new(vec![Vec::new(); count])),
            Some(path) => {
                let options = File::options().read(true).write(true).create_new(true).open(path);
                let file = options.map_err(StoreError::file(path))?;
                let pieces = vec![Vec::new(); count];
                Place::File(Mutex::new(Spilled { file, end: 0, pieces }), path.to_owned())
            }
        };
        Ok(Self { count, place })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A hand for one thread.
    pub(super) fn hand(&self) -> Hand<'_> {
        Hand { parts: self, waiting: vec![Vec::new(); self.count] }
    }

    /// The points of a part.
    pub(super) fn load(&self, part: usize) -> Result<Vec<Packed>, StoreError> {
        match &self.place {
            Place::Memory(parts) => {
                let parts = parts.lock().map_err(poisoned)?;
                Ok(parts.get(part).map(|bytes| packed::all(bytes).collect()).unwrap_or_default())
            }
            Place::File(spilled, path) => {
                let pieces = spilled.lock().map_err(poisoned)?.pieces.get(part).cloned();
                let mut points = Vec::new();
                let mut bytes = Vec::new();
                for (from, length) in pieces.unwrap_or_default() {
                    bytes.resize(length, 0);
                    let mut spilled = spilled.lock().map_err(poisoned)?;
                    let sought = spilled.file.seek(SeekFrom::Start(from));
                    let read = sought.and_then(|_| spilled.file.read_exact(&mut bytes));
                    drop(spilled);
                    read.map_err(StoreError::file(path))?;
                    points.extend(packed::all(&bytes));
                }
                Ok(points)
            }
        }
    }

    /// Puts the points of a part back, as many as there were.
    pub(super) fn store(&self, part: usize, points: &[Packed]) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(points.len() * packed::BYTES);
        points.iter().for_each(|point| packed::put(point, &mut bytes));
        match &self.place {
            Place::Memory(parts) => {
                if let Some(place) = parts.lock().map_err(poisoned)?.get_mut(part) {
                    *place = bytes;
                }
                Ok(())
            }
            Place::File(spilled, path) => {
                let mut spilled = spilled.lock().map_err(poisoned)?;
                let pieces = spilled.pieces.get(part).cloned().unwrap_or_default();
                let mut rest = bytes.as_slice();
                for (from, length) in pieces {
                    let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                    rest = after;
                    let sought = spilled.file.seek(SeekFrom::Start(from));
                    let written = sought.and_then(|_| spilled.file.write_all(piece));
                    written.map_err(StoreError::file(path))?;
                }
                Ok(())
            }
        }
    }

    fn append(&self, part: usize, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        match &self.place {
            Place::Memory(parts) => {
                if let Some(place) = parts.lock().map_err(poisoned)?.get_mut(part) {
                    place.extend_from_slice(bytes);
                }
            }
            Place::File(spilled, path) => {
                let mut spilled = spilled.lock().map_err(poisoned)?;
                let from = spilled.end;
                spilled.file.write_all(bytes).map_err(StoreError::file(path))?;
                spilled.end += bytes.len() as u64;
                if let Some(pieces) = spilled.pieces.get_mut(part) {
                    pieces.push((from, bytes.len()));
                }
            }
        }
        bytes.clear();
        Ok(())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Place::File(_, path) = &self.place {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Hand<'_> {
    /// Deals one point.
    pub(super) fn deal(&mut self, part: usize, point: &Packed) -> Result<(), StoreError> {
        let Some(waiting) = self.waiting.get_mut(part) else { return Ok(()) };
        packed::put(point, waiting);
        if waiting.len() >= PIECE_BYTES {
            return self.parts.append(part, waiting);
        }
        Ok(())
    }

    /// Deals what waits.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        for (part, waiting) in self.waiting.iter_mut().enumerate() {
            if !waiting.is_empty() {
                self.parts.append(part, waiting)?;
            }
        }
        Ok(())
    }
}

fn poisoned<T>(_: T) -> StoreError {
    StoreError::Worker("another thread ended early".to_owned())
}

/// Bytes of one part that wait before they are written.
const PIECE_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(file: Option<&Path>) {
        let parts = Parts::new(3, file).unwrap();
        let mut hand = parts.hand();
        let point = |n: u32| [n, 2, 3, 4, 5, 6, 7];
        (0..10_000).for_each(|n| hand.deal(n as usize % 3, &point(n)).unwrap());
        hand.finish().unwrap();
        let mut points = parts.load(1).unwrap();
        assert_eq!(points.len(), 3_333);
        assert!(points.iter().all(|point| point[0] % 3 == 1));
        points.reverse();
        parts.store(1, &points).unwrap();
        assert_eq!(parts.load(1).unwrap(), points);
        assert_eq!(parts.load(2).unwrap()[0], point(2));
    }

    #[test]
    fn parts_come_back_from_memory_and_from_a_file() {
        turn(None);
        let path = std::env::temp_dir().join(format!("wirewitness-parts-{}", std::process::id()));
        turn(Some(&path));
        assert!(!path.exists(), "it was taken away");
    }
}
