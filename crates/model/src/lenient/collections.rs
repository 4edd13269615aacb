//! Lists and maps, empty where the file has something else.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::scalar_defaults;
use super::skip::{drain_map, drain_seq, entries};

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
pub struct Map<'a, T> {
    entries: Vec<(Cow<'a, str>, T)>,
    /// Places in `entries` by key, where there are more than [`FEW`]: whoever writes a file with a hundred thousand
    /// entries must not make every look-up walk over them.
    by_key: Vec<usize>,
}

/// So many entries are faster walked over than indexed.
const FEW: usize = 16;

impl<T> Default for Map<'_, T> {
    fn default() -> Self {
        Self { entries: Vec::new(), by_key: Vec::new() }
    }
}

impl<'a, T> Map<'a, T> {
    fn of(entries: Vec<(Cow<'a, str>, T)>) -> Self {
        let mut by_key = Vec::new();
        if entries.len() > FEW {
            by_key.extend(0..entries.len());
            // A stable sort: of equal keys, the last in the file stays the last.
            by_key.sort_by_key(|&at| entries.get(at).map(|(key, _)| key));
        }
        Self { entries, by_key }
    }

    /// Every entry, in the order of the file.
    pub fn entries(&self) -> &[(Cow<'a, str>, T)] {
        &self.entries
    }

    /// Every entry, for keeps.
    pub fn into_entries(self) -> Vec<(Cow<'a, str>, T)> {
        self.entries
    }

    /// The value of the last entry with this key, as a JSON object would have it.
    pub fn find(&self, key: &str) -> Option<&T> {
        let found = if self.by_key.is_empty() {
            self.entries.iter().rev().find(|(k, _)| k == key)
        } else {
            let key_at = |at: usize| self.entries.get(at).map_or("", |(k, _)| k.as_ref());
            let behind = self.by_key.partition_point(|&at| key_at(at) <= key);
            let last = self.by_key.get(behind.checked_sub(1)?)?;
            self.entries.get(*last).filter(|(k, _)| k == key)
        };
        found.map(|(_, value)| value)
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
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map<'a, T>, A::Error> {
                Ok(Map::of(entries(map)?))
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
    fn the_last_of_equal_keys_is_found_in_small_and_large_maps() {
        for others in [0, FEW - 2, FEW - 1, 500] {
            let others: String = (0..others).map(|n| format!(",\"k{n}\":{n}")).collect();
            let json = format!("{{\"b\":1{others},\"b\":2}}");
            let map: Map<'_, Int> = serde_json::from_str(&json).unwrap();
            assert_eq!(map.find("b").and_then(|n| n.0), Some(2), "{json:.40}");
            assert_eq!(map.find("k3").and_then(|n| n.0), (!others.is_empty()).then_some(3));
            for absent in ["", "a", "c", "k", "z"] {
                assert!(map.find(absent).is_none(), "{absent:?}");
            }
        }
    }
}
