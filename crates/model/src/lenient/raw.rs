//! JSON text set aside unparsed, held to the nesting limit.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

/// I am a piece of JSON set aside unparsed, or absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw<'a>(pub Option<&'a RawValue>);

impl<'a> Raw<'a> {
    /// The JSON text, if any.
    pub fn text(&self) -> Option<&'a str> {
        self.0.map(RawValue::get)
    }

    /// Reads the text as `T`; absent or of another shape gives `T`'s default.
    pub fn read<T: Deserialize<'a> + Default>(&self) -> T {
        self.text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

impl PartialEq for Raw<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'a RawValue>::deserialize(deserializer)?;
        if nesting(raw.get()) > MAX_DEPTH {
            return Err(D::Error::custom("recursion limit exceeded"));
        }
        Ok(Self(Some(raw)))
    }
}

/// I am a field that few need, kept as JSON text until it is asked for. Two of me are equal where they read alike.
pub struct Lazy<'a, T>(Raw<'a>, PhantomData<fn() -> T>);

impl<'a, T: Deserialize<'a> + Default> Lazy<'a, T> {
    /// Reads the field; absent or of another shape gives `T`'s default.
    pub fn read(&self) -> T {
        self.0.read()
    }

    /// True where the file has the key, be it null.
    pub fn is_present(&self) -> bool {
        self.0.text().is_some()
    }
}

impl<T> Default for Lazy<'_, T> {
    fn default() -> Self {
        Self(Raw::default(), PhantomData)
    }
}

impl<T> Clone for Lazy<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0, PhantomData)
    }
}

impl<'a, T: Deserialize<'a> + Default + PartialEq> PartialEq for Lazy<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl<'a, T: Deserialize<'a> + Default + fmt::Debug> fmt::Debug for Lazy<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl<'de: 'a, 'a, T> Deserialize<'de> for Lazy<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Raw::deserialize(deserializer)?, PhantomData))
    }
}

/// The deepest nesting taken, in levels: the same as `serde_json`'s own.
pub const MAX_DEPTH: usize = 128;

/// Depth of arrays and objects in a text that is already known to be JSON; an upper bound where it is within the limit.
pub(super) fn nesting(json: &str) -> usize {
    // Counting brackets is a vector loop; only text with more of them than levels allowed needs a closer look. In pieces
    // whose counts fit a byte, so that many bytes are looked at in one step.
    let count = |piece: &[u8]| {
        piece.iter().fold(0_u8, |sum, byte| sum + u8::from(matches!(byte, b'[' | b'{')))
    };
    let brackets: usize = json.as_bytes().chunks(255).map(|piece| usize::from(count(piece))).sum();
    if brackets <= MAX_DEPTH {
        return brackets;
    }
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut walk = |outside: &str| {
        for byte in outside.bytes() {
            match byte {
                b'[' | b'{' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    };
    let mut rest = json;
    while let Some((outside, behind)) = rest.split_once('"') {
        walk(outside);
        rest = behind_string(behind);
    }
    walk(rest);
    deepest
}

/// What is behind the end of the string that begins here, its first quote being behind us; nothing where it has no end.
pub(crate) fn behind_string(text: &str) -> &str {
    let mut from = 0;
    while let Some((inside, behind)) = text.get(from..).and_then(|rest| rest.split_once('"')) {
        let backslashes = inside.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if backslashes.is_multiple_of(2) {
            return behind;
        }
        from = text.len() - behind.len();
    }
    ""
}
