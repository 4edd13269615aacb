//! Lists and maps that end: the first entries are kept, the others are read over and counted.
//!
//! A line may hold millions of `{}` in two bytes each; kept, each would cost hundreds. Real rows stay far below all
//! limits here.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::lenient::{Headers, MaybeBinary, Skip, Text, scalar_defaults};

/// I am a list of at most `N` entries. Anything that is not a list is an empty one.
#[derive(Debug, Clone, PartialEq)]
pub struct Capped<T, const N: usize> {
    items: Vec<T>,
    /// Entries that the file has beyond the first `N`.
    pub left_out: u64,
}

impl<T, const N: usize> Default for Capped<T, N> {
    fn default() -> Self {
        Self { items: Vec::new(), left_out: 0 }
    }
}

impl<T, const N: usize> Capped<T, N> {
    /// Takes one more entry, or counts it.
    pub(super) fn push(&mut self, item: T) {
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.items.push(item);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= N
    }
}

impl<T, const N: usize> std::ops::Deref for Capped<T, N> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Capped<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T, const N: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for V<T, N> {
            type Value = Capped<T, N>;
            scalar_defaults!(Capped::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Capped::default();
                while !list.is_full() {
                    match seq.next_element()? {
                        Some(item) => list.push(item),
                        None => return Ok(list),
                    }
                }
                while seq.next_element::<Skip>()?.is_some() {
                    list.left_out += 1;
                }
                Ok(list)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<Skip, Skip>()?.is_some() {}
                Ok(Capped::default())
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

/// The most header fields kept of one response.
pub const MAX_FIELDS: usize = 256;
/// The longest name of a header field kept, in bytes: each of its values holds a copy.
const MAX_NAME_BYTES: usize = 1024;

/// I am the header fields of a response: a map of name to value or to a list of values, each value a field of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields<'a> {
    /// The first [`MAX_FIELDS`] fields.
    pub headers: Headers<'a>,
    /// How many more the file has.
    pub left_out: u64,
}

impl<'a> Fields<'a> {
    fn push(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        if self.headers.0.len() < MAX_FIELDS {
            self.headers.0.push((name, MaybeBinary::Text(value)));
        } else {
            self.left_out += 1;
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Fields<'a>;
            scalar_defaults!(Fields::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Fields<'a>, A::Error> {
                while seq.next_element::<Skip>()?.is_some() {}
                Ok(Fields::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'a>, A::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key::<Text<'a>>()? {
                    let name = name.0.unwrap_or_default();
                    let values: Values<'a> = map.next_value()?;
                    fields.left_out += values.0.left_out;
                    if name.len() > MAX_NAME_BYTES {
                        fields.left_out += values.0.len() as u64;
                        continue;
                    }
                    for value in values.0.items {
                        fields.push(name.clone(), value.0.unwrap_or_default());
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

/// One text, or a list of them.
struct Values<'a>(Capped<Text<'a>, MAX_FIELDS>);

impl<'de: 'a, 'a> Deserialize<'de> for Values<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        fn one(text: Cow<'_, str>) -> Values<'_> {
            Values(Capped { items: vec![Text(Some(text))], left_out: 0 })
        }
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Values<'a>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("text or a list of texts")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Values<'a>, E> {
                Ok(one(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Values<'a>, E> {
                Ok(one(Cow::Owned(v.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Values<'a>, E> {
                Ok(Values(Capped::default()))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Values<'a>, E> {
                Ok(one(Cow::Borrowed(if v { "true" } else { "false" })))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Values<'a>, E> {
                Ok(one(Cow::Owned(v.to_string())))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Values<'a>, E> {
                Ok(one(Cow::Owned(v.to_string())))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Values<'a>, E> {
                Ok(one(Cow::Owned(v.to_string())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Values<'a>, A::Error> {
                let list = serde::de::value::SeqAccessDeserializer::new(seq);
                Ok(Values(Capped::deserialize(list)?))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values<'a>, A::Error> {
                while map.next_entry::<Skip, Skip>()?.is_some() {}
                Ok(Values(Capped::default()))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lenient::Int;

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        for (json, kept, left_out) in [
            ("[]", 0, 0),
            ("[1,2,3]", 3, 0),
            ("[1,2,3,[4],{}]", 3, 2),
            ("null", 0, 0),
            ("{\"a\":[1]}", 0, 0),
            ("7", 0, 0),
        ] {
            let list: Capped<Int, 3> = serde_json::from_str(json).unwrap();
            assert_eq!((list.len(), list.left_out), (kept, left_out), "{json}");
        }
    }

    #[test]
    fn every_value_is_a_field_and_their_number_ends() {
        let json = r#"{"A":["x","y"],"b":"z","c":null,"d":3,"e":{"f":[]}}"#;
        let fields: Fields<'_> = serde_json::from_str(json).unwrap();
        let text: Vec<(&str, Cow<'_, [u8]>)> =
            fields.headers.0.iter().map(|(n, v)| (n.as_ref(), v.bytes())).collect();
        let expected: [(&str, &[u8]); 4] = [("A", b"x"), ("A", b"y"), ("b", b"z"), ("d", b"3")];
        assert_eq!(text, expected.map(|(n, v)| (n, Cow::Borrowed(v))));
        let many = format!("{{\"a\":[{}\"\"],\"b\":\"\"}}", "\"\",".repeat(999));
        let fields: Fields<'_> = serde_json::from_str(&many).unwrap();
        assert_eq!((fields.headers.0.len(), fields.left_out), (MAX_FIELDS, 1001 - 256));
        let long = format!("{{\"{}\":[\"\",\"\"],\"b\":\"\"}}", "n".repeat(MAX_NAME_BYTES + 1));
        let fields: Fields<'_> = serde_json::from_str(&long).unwrap();
        assert_eq!((fields.headers.0.len(), fields.left_out), (1, 2));
    }
}
