//! Field types that take whatever a file put there.
//!
//! Measurement files come from ten years of probes in four languages, and from adversaries. A field of an
//! unexpected type is read as absent, never as an error: the rest of the record still says something. What is an
//! error is text that is not JSON at all, or nesting deeper than the parser's limit (128 levels).
//!
//! All types here borrow from the input where JSON lets them (strings without escapes).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Writes the visitor methods that give a default for every scalar; the caller adds what it does read.
macro_rules! scalar_defaults {
    ($default:expr) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($default)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($default)
        }
    };
}
pub(crate) use scalar_defaults;

/// I am a string, or absent.
///
/// Numbers and booleans become their text; a `{"format": "base64", "data": ..}` object becomes the decoded bytes with
/// invalid UTF-8 replaced; lists and other objects become absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Option<Cow<'a, str>>);

impl Text<'_> {
    /// The string, if there is one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The string, or the empty string.
    pub fn or_empty(&self) -> &str {
        self.as_str().unwrap_or("")
    }
}

/// I am a failure as OONI writes it (df-007): absent for success.
///
/// Null, `false` and the empty string are success; `true` (OONI's Python probe) becomes `unknown_failure`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure<'a>(pub Option<Cow<'a, str>>);

impl Failure<'_> {
    /// The failure string, or none for success.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// True where the step succeeded.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

/// I am an integer, or absent. Integral floats and numeric strings count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Int(pub Option<i64>);

/// I am a real number (in OONI's files: seconds), or absent. Numeric strings count; NaN and infinities do not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Real(pub Option<f64>);

/// I am a boolean, or absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub Option<bool>);

/// I am a list. Anything that is not one is an empty list.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

/// I am an object used as a map, in the order of the file, duplicates kept. Anything else is an empty map.
#[derive(Debug, Clone, PartialEq)]
pub struct Map<'a, T>(pub Vec<(Cow<'a, str>, T)>);

impl<T> Default for Map<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Map<'_, T> {
    /// The value of the last entry with this key, as a JSON object would have it.
    pub fn find(&self, key: &str) -> Option<&T> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// I am OONI's `MaybeBinaryData`: text, or bytes in base64, or absent (df-001).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MaybeBinary<'a> {
    /// Null, missing, or of a type that carries no bytes.
    #[default]
    Absent,
    /// A plain JSON string.
    Text(Cow<'a, str>),
    /// The `data` of `{"format": "base64", "data": ..}`, not yet decoded.
    Base64(Cow<'a, str>),
}

impl MaybeBinary<'_> {
    /// The bytes. Base64 that does not decode gives its text as it stands: a probe that wrote it so has been seen,
    /// and the text is all there is.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Absent => Cow::Borrowed(&[]),
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Base64(data) => match decode_base64(data) {
                Some(bytes) => Cow::Owned(bytes),
                None => Cow::Borrowed(data.as_bytes()),
            },
        }
    }

    /// True unless absent.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// True for base64 that does not decode.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Base64(data) if decode_base64(data).is_none())
    }
}

fn decode_base64(data: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

/// I am the headers of a request or response (df-001): a map of name to value, or the older list of pairs.
///
/// Names keep the case of the file; [`Headers::find`] compares without it (RFC 9110 §5.1).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Headers<'a>(pub Vec<(Cow<'a, str>, MaybeBinary<'a>)>);

impl Headers<'_> {
    /// The first header of this name, whatever its case.
    pub fn find(&self, name: &str) -> Option<&MaybeBinary<'_>> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }
}

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

/// The deepest nesting taken, in levels: the same as `serde_json`'s own.
pub const MAX_DEPTH: usize = 128;

/// Depth of arrays and objects in a text that is already known to be JSON; an upper bound where it is within the limit.
fn nesting(json: &str) -> usize {
    // Counting brackets is a vector loop; only text with more of them than levels allowed needs a closer look.
    let brackets = json.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if brackets <= MAX_DEPTH {
        return brackets;
    }
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in json.bytes() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// I stand for a value nobody asked for: skipped, but held to the nesting limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Skip;

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Skip;
            scalar_defaults!(Skip);
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skip, A::Error> {
                while seq.next_element::<Skip>()?.is_some() {}
                Ok(Skip)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skip, A::Error> {
                while map.next_key::<IgnoredAny>()?.is_some() {
                    map.next_value::<Skip>()?;
                }
                Ok(Skip)
            }
        }
        deserializer.deserialize_any(V)
    }
}

pub(crate) fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<Skip>()?.is_some() {}
    Ok(())
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_key::<IgnoredAny>()?.is_some() {
        map.next_value::<Skip>()?;
    }
    Ok(())
}

/// A string that borrows where it can; anything else is an error. For map keys and for values known to be strings.
struct Borrowed<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Borrowed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Borrowed<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Borrowed<'a>, E> {
                Ok(Borrowed(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Borrowed<'a>, E> {
                Ok(Borrowed(Cow::Owned(v.to_owned())))
            }
        }
        deserializer.deserialize_str(V(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Borrowed(v))))
            }
            fn visit_str<E>(self, v: &str) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Owned(v.to_owned()))))
            }
            fn visit_unit<E>(self) -> Result<Text<'a>, E> {
                Ok(Text(None))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Borrowed(if v { "true" } else { "false" }))))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Owned(v.to_string()))))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Owned(v.to_string()))))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Owned(v.to_string()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Text<'a>, A::Error> {
                drain_seq(seq)?;
                Ok(Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'a>, A::Error> {
                let binary = read_binary(map)?;
                Ok(Text(
                    binary
                        .is_present()
                        .then(|| Cow::Owned(String::from_utf8_lossy(&binary.bytes()).into_owned())),
                ))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

fn read_binary<'de: 'a, 'a, A: MapAccess<'de>>(mut map: A) -> Result<MaybeBinary<'a>, A::Error> {
    let mut data = Text::default();
    while let Some(key) = map.next_key::<Borrowed<'_>>()? {
        if key.0 == "data" {
            data = map.next_value()?;
        } else {
            map.next_value::<Skip>()?;
        }
    }
    Ok(data.0.map_or(MaybeBinary::Absent, MaybeBinary::Base64))
}

impl<'de: 'a, 'a> Deserialize<'de> for MaybeBinary<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = MaybeBinary<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or base64")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Text(Cow::Owned(v.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Absent)
            }
            fn visit_bool<E>(self, _: bool) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Absent)
            }
            fn visit_i64<E>(self, v: i64) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Text(Cow::Owned(v.to_string())))
            }
            fn visit_u64<E>(self, v: u64) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Text(Cow::Owned(v.to_string())))
            }
            fn visit_f64<E>(self, v: f64) -> Result<MaybeBinary<'a>, E> {
                Ok(MaybeBinary::Text(Cow::Owned(v.to_string())))
            }
            /// A list of values (Python probes wrote repeated headers so): the first that carries bytes.
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<MaybeBinary<'a>, A::Error> {
                let mut first = MaybeBinary::Absent;
                while let Some(item) = seq.next_element::<MaybeBinary<'a>>()? {
                    if !first.is_present() {
                        first = item;
                    }
                }
                Ok(first)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MaybeBinary<'a>, A::Error> {
                read_binary(map)
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Failure<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Failure<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a failure string or null")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Failure<'a>, E> {
                Ok(Failure((!v.is_empty()).then_some(Cow::Borrowed(v))))
            }
            fn visit_str<E>(self, v: &str) -> Result<Failure<'a>, E> {
                Ok(Failure((!v.is_empty()).then(|| Cow::Owned(v.to_owned()))))
            }
            fn visit_unit<E>(self) -> Result<Failure<'a>, E> {
                Ok(Failure(None))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Failure<'a>, E> {
                Ok(Failure(v.then_some(Cow::Borrowed("unknown_failure"))))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Failure<'a>, E> {
                Ok(Failure((v != 0).then(|| Cow::Owned(format!("unknown_failure {v}")))))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Failure<'a>, E> {
                Ok(Failure((v != 0).then(|| Cow::Owned(format!("unknown_failure {v}")))))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Failure<'a>, E> {
                Ok(Failure(Some(Cow::Owned(format!("unknown_failure {v}")))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Failure<'a>, A::Error> {
                drain_seq(seq)?;
                Ok(Failure(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Failure<'a>, A::Error> {
                drain_map(map)?;
                Ok(Failure(None))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Int;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }
            fn visit_i64<E>(self, v: i64) -> Result<Int, E> {
                Ok(Int(Some(v)))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Int, E> {
                Ok(Int(i64::try_from(v).ok()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Int, E> {
                // 2^53: beyond it a float no longer names one integer.
                let exact = v.fract() == 0.0 && v.abs() <= 9_007_199_254_740_992.0;
                #[allow(clippy::cast_possible_truncation, reason = "checked to be a small integer")]
                Ok(Int(exact.then_some(v as i64)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Int, E> {
                Ok(Int(v.trim().parse().ok()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Int, E> {
                Ok(Int(None))
            }
            fn visit_unit<E>(self) -> Result<Int, E> {
                Ok(Int(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Int, A::Error> {
                drain_seq(seq)?;
                Ok(Int(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Int, A::Error> {
                drain_map(map)?;
                Ok(Int(None))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Real;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            #[allow(clippy::cast_precision_loss, reason = "times and byte counts, far below 2^53")]
            fn visit_i64<E>(self, v: i64) -> Result<Real, E> {
                Ok(Real(Some(v as f64)))
            }
            #[allow(clippy::cast_precision_loss, reason = "times and byte counts, far below 2^53")]
            fn visit_u64<E>(self, v: u64) -> Result<Real, E> {
                Ok(Real(Some(v as f64)))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Real, E> {
                Ok(Real(v.is_finite().then_some(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Real, E> {
                Ok(Real(v.trim().parse().ok().filter(|n: &f64| n.is_finite())))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Real, E> {
                Ok(Real(None))
            }
            fn visit_unit<E>(self) -> Result<Real, E> {
                Ok(Real(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Real, A::Error> {
                drain_seq(seq)?;
                Ok(Real(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Real, A::Error> {
                drain_map(map)?;
                Ok(Real(None))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean")
            }
            fn visit_bool<E>(self, v: bool) -> Result<Flag, E> {
                Ok(Flag(Some(v)))
            }
            fn visit_unit<E>(self) -> Result<Flag, E> {
                Ok(Flag(None))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Flag, E> {
                Ok(Flag(None))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Flag, E> {
                Ok(Flag(None))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Flag, E> {
                Ok(Flag(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Flag, E> {
                Ok(Flag(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Flag, A::Error> {
                drain_seq(seq)?;
                Ok(Flag(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Flag, A::Error> {
                drain_map(map)?;
                Ok(Flag(None))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = List<T>;
            scalar_defaults!(List::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<T>, A::Error> {
                drain_map(map)?;
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Map<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a, T>(PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for V<'a, T> {
            type Value = Map<'a, T>;
            scalar_defaults!(Map::default());
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Map<'a, T>, A::Error> {
                drain_seq(seq)?;
                Ok(Map::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<'a, T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Borrowed<'a>>()? {
                    entries.push((key.0, map.next_value()?));
                }
                Ok(Map(entries))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Headers<'a>;
            scalar_defaults!(Headers::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Headers<'a>, A::Error> {
                let mut entries = Vec::new();
                while let Some(pair) = seq.next_element::<List<MaybeBinary<'a>>>()? {
                    let mut pair = pair.0.into_iter();
                    if let (Some(name), Some(value)) = (pair.next(), pair.next()) {
                        let name = match name {
                            MaybeBinary::Text(text) => text,
                            other => {
                                Cow::Owned(String::from_utf8_lossy(&other.bytes()).into_owned())
                            }
                        };
                        entries.push((name, value));
                    }
                }
                Ok(Headers(entries))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers<'a>, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Borrowed<'a>>()? {
                    entries.push((key.0, map.next_value()?));
                }
                Ok(Headers(entries))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T: Deserialize<'a>>(json: &'a str) -> T {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn a_field_of_another_type_is_absent() {
        for json in ["null", "[1,[2]]", "{\"a\":{\"b\":1}}", "true", "3", "2.5", "\"x\""] {
            let _: Text<'_> = read(json);
            let _: Failure<'_> = read(json);
            let _: Int = read(json);
            let _: Real = read(json);
            let _: Flag = read(json);
            let _: List<Text<'_>> = read(json);
            let _: Map<'_, Text<'_>> = read(json);
            let _: MaybeBinary<'_> = read(json);
            let _: Headers<'_> = read(json);
        }
        assert_eq!(read::<Int>("\"443\""), Int(Some(443)));
        assert_eq!(read::<Int>("443.0"), Int(Some(443)));
        assert_eq!(read::<Int>("1.5"), Int(None));
        assert_eq!(read::<Flag>("0"), Flag(None));
    }

    #[test]
    fn a_boolean_failure_is_read_as_python_meant_it() {
        assert!(read::<Failure<'_>>("false").is_none());
        assert_eq!(read::<Failure<'_>>("true").as_str(), Some("unknown_failure"));
        assert_eq!(read::<Failure<'_>>("\"eof_error\"").as_str(), Some("eof_error"));
        assert!(read::<Failure<'_>>("\"\"").is_none());
    }

    #[test]
    fn text_borrows_unless_it_has_escapes() {
        assert!(matches!(read::<Text<'_>>("\"plain\"").0, Some(Cow::Borrowed("plain"))));
        assert!(matches!(read::<Text<'_>>("\"a\\u0041\"").0, Some(Cow::Owned(_))));
    }

    #[test]
    fn binary_is_decoded_and_damage_is_told() {
        let body: MaybeBinary<'_> = read(r#"{"format":"base64","data":"/wD+"}"#);
        assert_eq!(&*body.bytes(), &[0xff, 0x00, 0xfe]);
        assert!(!body.is_damaged());
        let body: MaybeBinary<'_> = read(r#"{"format":"base64","data":"not base64"}"#);
        assert_eq!(&*body.bytes(), b"not base64");
        assert!(body.is_damaged());
    }

    #[test]
    fn headers_come_as_maps_or_as_pairs() {
        let map: Headers<'_> = read(r#"{"Server":"x","b":{"format":"base64","data":"/w=="}}"#);
        assert_eq!(&*map.find("server").unwrap().bytes(), b"x");
        assert_eq!(&*map.find("B").unwrap().bytes(), &[0xff]);
        let pairs: Headers<'_> =
            read(r#"[["Server","x"],["Server","y"],["Lone"],["L",["v","w"]]]"#);
        assert_eq!(pairs.0.len(), 3);
        assert_eq!(&*pairs.find("SERVER").unwrap().bytes(), b"x");
        assert_eq!(&*pairs.find("l").unwrap().bytes(), b"v");
    }

    #[test]
    fn lazy_fields_are_equal_where_they_read_alike() {
        let pretty: Lazy<'_, Headers<'_>> = read("{\n \"a\" : \"b\" }");
        let compact: Lazy<'_, Headers<'_>> = read("{\"a\":\"b\"}");
        assert_eq!(pretty, compact);
        assert_eq!(format!("{pretty:?}"), format!("{compact:?}"));
        assert_ne!(compact, Lazy::default());
        assert!(compact.is_present() && !Lazy::<Headers<'_>>::default().is_present());
    }

    #[test]
    fn nesting_beyond_the_limit_is_an_error_everywhere() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert!(serde_json::from_str::<Skip>(&deep).is_err());
        assert!(serde_json::from_str::<Raw<'_>>(&deep).is_err());
        assert!(serde_json::from_str::<Text<'_>>(&deep).is_err());
        let brackets_in_a_string = format!("[\"{}\\\"{}\"]", "[".repeat(200), "{".repeat(200));
        assert_eq!(nesting(&brackets_in_a_string), 1);
        assert!(nesting(&"[]".repeat(200)) <= 1);
    }
}
