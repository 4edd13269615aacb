//! Strings, failures, numbers and booleans, or nothing.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::binary::read_binary;
use super::skip::{drain_map, drain_seq};

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
