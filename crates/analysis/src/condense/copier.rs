//! Copies a JSON text span by span, and leaves out or puts in on the way.

use std::borrow::Cow;

use serde::Deserialize;
use wirewitness_model::document::MAX_DEPTH;
use wirewitness_model::lenient::{MaybeBinary, Skip};

use super::CondenseError;
use super::scan::Scan;

pub(super) type Done = Result<(), CondenseError>;

/// I copy what I step over, unless told otherwise.
pub(super) struct Copier<'t> {
    pub(super) scan: Scan<'t>,
    out: String,
    /// All of the text before this place has been copied or left out.
    copied: usize,
    depth: usize,
    /// Whether nobody has read the text, so that what is not copied must be read here.
    reads: bool,
}

/// A place in the text and in the copy.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    at: usize,
    out: usize,
    copied: usize,
    depth: usize,
}

impl<'t> Copier<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let out = String::with_capacity(text.len().min(64 * 1024));
        Self { scan: Scan::new(text), out, copied: 0, depth: 0, reads: false }
    }

    /// Nobody has read the text.
    pub(super) fn reading(self) -> Self {
        Self { reads: true, ..self }
    }

    /// Whether nobody has read the text.
    pub(super) fn reads(&self) -> bool {
        self.reads
    }

    /// The copy, at the end of the text.
    pub(super) fn finish(mut self) -> Result<String, CondenseError> {
        if self.scan.byte().is_some() {
            return Err(self.scan.error("the end of the text"));
        }
        self.flush();
        Ok(self.out)
    }

    /// Copies all that is pending.
    pub(super) fn flush(&mut self) {
        self.out.push_str(self.scan.slice(self.copied, self.scan.at));
        self.copied = self.scan.at;
    }

    /// Leaves out the white space here.
    pub(super) fn space(&mut self) {
        if let Some(b' ' | b'\t' | b'\n' | b'\r') = self.scan.byte() {
            self.flush();
            self.scan.space();
            self.copied = self.scan.at;
        }
    }

    /// This place, to come back to.
    pub(super) fn mark(&self) -> Mark {
        Mark { at: self.scan.at, out: self.out.len(), copied: self.copied, depth: self.depth }
    }

    /// As if nothing behind the mark had been done.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.scan.at = mark.at;
        self.out.truncate(mark.out);
        self.copied = mark.copied;
        self.depth = mark.depth;
    }

    /// Steps over a string, writes what it says behind `said`, and leaves it out. Where it would have been in the copy; none where it is
    /// no string that any reader takes.
    pub(super) fn string_said(&mut self, said: &mut String) -> Option<usize> {
        self.flush();
        let is_read = self.scan.string_said(said);
        self.copied = self.scan.at;
        is_read.then_some(self.out.len())
    }

    /// Puts this into the copy, at a place that [`string_said`](Self::string_said) gave.
    pub(super) fn put_at(&mut self, place: usize, json: &str) {
        self.out.insert_str(place, json);
    }

    /// Steps over a value and gives it, to be copied unless [`put`](Self::put) follows.
    pub(super) fn take(&mut self) -> Result<&'t str, CondenseError> {
        self.flush();
        self.scan.skip()
    }

    /// Writes this in place of all that is pending.
    pub(super) fn put(&mut self, json: &str) {
        self.out.push_str(json);
        self.copied = self.scan.at;
    }

    /// Writes this in place of what lies between `start` and here.
    pub(super) fn put_since(&mut self, start: usize, json: &str) {
        self.out.push_str(self.scan.slice(self.copied, start));
        self.put(json);
    }

    /// Steps over a key and its colon, and gives it as it reads.
    pub(super) fn key(&mut self) -> Result<Cow<'t, str>, CondenseError> {
        let key = unescaped(self.scan.string()?);
        self.space();
        self.expect(b':')?;
        Ok(key)
    }

    /// Steps into an object or list.
    pub(super) fn enter(&mut self) -> Done {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.scan.error("less nesting"));
        }
        self.scan.at += 1;
        self.space();
        Ok(())
    }

    /// Steps out of it, over its end.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
        self.scan.at += 1;
    }

    /// Steps over a comma; false where the end comes instead.
    pub(super) fn goes_on(&mut self, end: u8) -> Result<bool, CondenseError> {
        self.space();
        if self.scan.byte() == Some(end) {
            return Ok(false);
        }
        self.expect(b',')?;
        Ok(true)
    }

    pub(super) fn expect(&mut self, byte: u8) -> Done {
        if self.scan.byte() != Some(byte) {
            return Err(self.scan.error("a comma, a colon or an end"));
        }
        self.scan.at += 1;
        self.space();
        Ok(())
    }

    /// Adds a member to the object that was just left.
    pub(super) fn append(&mut self, key: &str, json: &str, members: usize) {
        let end = self.scan.at - 1;
        self.out.push_str(self.scan.slice(self.copied, end));
        self.copied = end;
        let comma = if members > 0 { "," } else { "" };
        self.out.push_str(&format!("{comma}\"{key}\":{json}"));
    }

    /// Reads the value here, without a step; none where it cannot be read.
    pub(super) fn read_ahead<T: Deserialize<'t>>(&self) -> Option<T> {
        serde_json::Deserializer::from_str(self.scan.rest()).into_iter::<T>().next()?.ok()
    }

    /// Steps over a value and writes this in its place.
    pub(super) fn replace(&mut self, json: &str) -> Done {
        if self.reads && self.read_ahead::<Skip>().is_none() {
            return Err(self.scan.error(READABLE));
        }
        self.replace_read(json)
    }

    /// [`replace`](Self::replace) for a value that was read.
    pub(super) fn replace_read(&mut self, json: &str) -> Done {
        self.take()?;
        self.put(json);
        Ok(())
    }

    /// As [`replace`](Self::replace), but a short value that cannot be read (a number out of range) stays, so that a reader
    /// of what holds it stumbles as before.
    pub(super) fn leave_out(&mut self, json: &str) -> Done {
        let is_readable = self.read_ahead::<MaybeBinary<'t>>().is_some();
        if self.reads && !is_readable {
            return Err(self.scan.error(READABLE));
        }
        if self.take()?.len() > MAX_UNREADABLE_BYTES || is_readable {
            self.put(json);
        }
        Ok(())
    }
}

const READABLE: &str = "a value that can be read";

/// The longest value that stays although it cannot be read, in bytes.
const MAX_UNREADABLE_BYTES: usize = 64;

/// A key as it reads. One with an escape that is none reads as it is written.
fn unescaped(key: &str) -> Cow<'_, str> {
    if !key.contains('\\') {
        return Cow::Borrowed(key);
    }
    serde_json::from_str(&format!("\"{key}\"")).map_or(Cow::Borrowed(key), Cow::Owned)
}
