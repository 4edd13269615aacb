//! Bodies and headers, which may hold bytes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::scalar_defaults;
use super::skip::{Borrowed, entries};
use super::{List, Skip, Text};

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

pub(super) fn read_binary<'de: 'a, 'a, A: MapAccess<'de>>(
    mut map: A,
) -> Result<MaybeBinary<'a>, A::Error> {
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
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Headers<'a>, A::Error> {
                Ok(Headers(entries(map)?))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}
