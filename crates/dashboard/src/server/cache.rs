//! Answers that were asked for before, of one edition, bounded in bytes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use hyper::header::HeaderMap;

/// An answer as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Kept answers. Those that were not asked for longest go first.
#[derive(Debug)]
pub(super) struct Cache {
    most_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    etag: String,
    bytes: usize,
    clock: u64,
    answers: BTreeMap<String, (u64, Kept)>,
    /// Keys by when they were asked for last.
    order: BTreeMap<u64, String>,
}

impl Cache {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, inner: Mutex::default() }
    }

    /// The answer, where it was made of the same.
    pub(super) fn find(&self, etag: &str, key: &str) -> Option<Kept> {
        let mut inner = self.inner.lock().ok()?;
        if inner.etag != etag {
            return None;
        }
        inner.clock += 1;
        let now = inner.clock;
        let Inner { answers, order, .. } = &mut *inner;
        let (last, kept) = answers.get_mut(key)?;
        if let Some(name) = order.remove(last) {
            order.insert(now, name);
        }
        *last = now;
        Some(kept.clone())
    }

    /// Keeps an answer. One of another edition makes all others go.
    pub(super) fn keep(&self, etag: &str, key: String, kept: Kept) {
        let bytes = weight(&key, &kept);
        if bytes > self.most_bytes / 16 {
            return;
        }
        let Ok(mut inner) = self.inner.lock() else { return };
        if inner.etag != etag {
            *inner = Inner { etag: etag.to_owned(), ..Inner::default() };
        }
        inner.clock += 1;
        let now = inner.clock;
        if let Some((last, old)) = inner.answers.insert(key.clone(), (now, kept)) {
            inner.order.remove(&last);
            inner.bytes -= weight(&key, &old);
        }
        inner.order.insert(now, key);
        inner.bytes += bytes;
        while inner.bytes > self.most_bytes {
            let Some((_, oldest)) = inner.order.pop_first() else { break };
            if let Some((_, old)) = inner.answers.remove(&oldest) {
                inner.bytes -= weight(&oldest, &old);
            }
        }
    }
}

fn weight(key: &str, kept: &Kept) -> usize {
    2 * key.len() + kept.body.len() + OVERHEAD_BYTES
}

/// Headers and nodes of an answer, roughly.
const OVERHEAD_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: usize) -> Kept {
        Kept { headers: HeaderMap::new(), body: vec![0; bytes].into() }
    }

    #[test]
    fn the_oldest_go_first_and_another_edition_makes_all_go() {
        let cache = Cache::new(64 << 10);
        for n in 0..100 {
            cache.keep("1", format!("/{n:02}"), kept(1_000));
            assert!(cache.find("1", "/00").is_some(), "asked for each time, so it stays");
        }
        assert!(cache.find("1", "/01").is_none());
        assert!(cache.find("1", "/99").is_some());
        assert!(cache.inner.lock().unwrap().bytes <= 64 << 10);
        cache.keep("1", "/99".to_owned(), kept(10));
        assert_eq!(cache.find("1", "/99").unwrap().body.len(), 10);
        cache.keep("1", "large".to_owned(), kept(60 << 10));
        assert!(cache.find("1", "large").is_none(), "one may not take all places");
        assert!(cache.find("2", "/00").is_none());
        cache.keep("2", "/00".to_owned(), kept(1));
        assert!(cache.find("1", "/00").is_none());
        let inner = cache.inner.lock().unwrap();
        assert_eq!((inner.answers.len(), inner.order.len()), (1, 1));
    }
}
