//! How much text may be on its way: of records of 64 MiB each, one at a time. Emptied texts are filled again.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes of text between the reader and the judges.
const ON_THE_WAY_MAX: usize = 64 << 20;

/// Texts that are kept to be filled again, and the largest of them, bytes.
const EMPTIED_MAX: usize = 16;
const EMPTIED_BYTES: usize = 4 << 20;

/// Counts them.
#[derive(Debug, Default)]
pub(super) struct Gate {
    on_the_way: Mutex<usize>,
    left: Condvar,
    emptied: Mutex<Vec<String>>,
}

impl Gate {
    /// Waits until there is room. A piece that is too large by itself waits until it is alone.
    pub(super) fn enter(&self, bytes: usize) {
        let held = self.on_the_way.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |held: &mut usize| *held > 0 && *held + bytes > ON_THE_WAY_MAX;
        let mut held = self.left.wait_while(held, is_full).unwrap_or_else(PoisonError::into_inner);
        *held += bytes;
    }

    /// A text to fill.
    pub(super) fn empty_text(&self) -> String {
        let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
        emptied.pop().unwrap_or_default()
    }

    /// Takes a text back, and makes room.
    pub(super) fn leave(&self, mut text: String) {
        let bytes = text.len();
        text.clear();
        let mut emptied = self.emptied.lock().unwrap_or_else(PoisonError::into_inner);
        if emptied.len() < EMPTIED_MAX && text.capacity() <= EMPTIED_BYTES {
            emptied.push(text);
        }
        drop(emptied);
        let mut held = self.on_the_way.lock().unwrap_or_else(PoisonError::into_inner);
        *held = held.saturating_sub(bytes);
        self.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_waits_until_it_is_alone() {
        let gate = std::sync::Arc::new(Gate::default());
        gate.enter(1);
        let waiting = std::thread::spawn({
            let gate = std::sync::Arc::clone(&gate);
            move || gate.enter(2 * ON_THE_WAY_MAX)
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(!waiting.is_finished());
        gate.leave("x".to_owned());
        waiting.join().unwrap();
        assert_eq!(*gate.on_the_way.lock().unwrap(), 2 * ON_THE_WAY_MAX);
    }
}
