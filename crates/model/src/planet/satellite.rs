//! Satellite: a name asked of an open resolver, and what it answered.
//!
//! | version | `answers` or `response` |
//! |---|---|
//! | 1 (2018 to 2021) | address to a list of what it has in common with the control's answers |
//! | 1, control | list of addresses |
//! | 2.0 (spring 2021) | the same map, with `rcode` and `error` among the addresses |
//! | 2.0, control | list of lookups, each with a list of addresses |
//! | 2.1 and later | list of lookups, each with a map of address to tags, `matched` among them |
//!
//! All are one record here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::capped::Capped;
use super::hyperquack::{Location, first};
use crate::lenient::{Flag, Int, Skip, Text, scalar_defaults};
use crate::ooni::record::record;

/// The most lookups kept of one row. Scans make six at most.
pub const MAX_LOOKUPS: usize = 64;
/// The most addresses kept of one lookup.
pub const MAX_ANSWERS: usize = 128;
/// The most words kept in one list of tags, errors, codes or reasons.
pub const MAX_WORDS: usize = 32;

/// A short list of words.
pub type Words<'a> = Capped<Text<'a>, MAX_WORDS>;

record! {
    /// I am one name asked of one resolver.
    pub struct Satellite {
        /// v2: the resolver's address.
        vp: Text<'a> = "vp",
        /// v1: the resolver's address.
        resolver: Text<'a> = "resolver",
        /// v2: where it is.
        location: Location<'a> = "location",
        /// v2: the name.
        test_url: Text<'a> = "test_url",
        /// v1: the name.
        query: Text<'a> = "query",
        /// v2: what was answered.
        response: Response<'a> = "response",
        /// v1: what was answered.
        answers: Response<'a> = "answers",
        /// v1: why there is no answer.
        err: Text<'a> = "err",
        /// v1: the scan's own conclusion: the answer has something in common with a control's. Read only to know that
        /// the two were compared.
        passed: Flag = "passed",
        /// v2.0: the resolver answered for a name that always resolves.
        passed_control: Flag = "passed_control",
        /// v2.1: the same.
        passed_liveness: Flag = "passed_liveness",
        /// True where the resolver could not be reached.
        connect_error: Flag = "connect_error",
        /// True where a control resolver has answers for the name.
        in_control_group: Flag = "in_control_group",
        /// What the scan compared.
        confidence: Confidence<'a> = "confidence",
        /// v2.1: true where the scan's own rules leave the row out.
        excluded: Flag = "excluded",
        /// v2.1: why.
        exclude_reason: Words<'a> = "exclude_reason",
        /// Start.
        start_time: Text<'a> = "start_time",
        /// End.
        end_time: Text<'a> = "end_time",
    }
}

impl<'a> Satellite<'a> {
    /// Address of the resolver.
    pub fn vantage(&self) -> &str {
        first(&[&self.vp, &self.resolver])
    }

    /// The name that was asked for.
    pub fn target(&self) -> &str {
        first(&[&self.test_url, &self.query])
    }

    /// What was answered, whichever key holds it.
    pub fn response(&self) -> &Response<'a> {
        if self.response.is_empty() { &self.answers } else { &self.response }
    }

    /// True where the resolver answered for a name that always resolves; none where the row does not say.
    pub fn is_alive(&self) -> Option<bool> {
        self.passed_liveness.0.or(self.passed_control.0)
    }

    /// True where the scan compared the answers with a control's, tags on both sides.
    ///
    /// Version 1 writes `passed` where it compared; version 2 says whether a control has the name and which side has
    /// no tags.
    pub fn was_compared(&self) -> bool {
        let both_tagged = self.confidence.untagged_controls.0 == Some(false)
            && self.confidence.untagged_response.0 == Some(false);
        self.passed.0.is_some() || (self.in_control_group.0 == Some(true) && both_tagged)
    }

    /// Start, microseconds since 1970: the row's, or its first lookup's.
    pub fn started_us(&self) -> Option<i64> {
        let own = super::time::micros(self.start_time.or_empty());
        own.or_else(|| self.response().lookups.first().and_then(Lookup::started_us))
    }

    /// Run time in milliseconds, where both ends are known.
    pub fn took_ms(&self) -> Option<f64> {
        let end = super::time::micros(self.end_time.or_empty())?;
        super::time::took_ms(super::time::micros(self.start_time.or_empty())?, end)
    }
}

record! {
    /// I say what the scan compared.
    pub struct Confidence {
        /// True where the control's answers have no tags.
        untagged_controls: Flag = "untagged_controls",
        /// True where the resolver's answers have none.
        untagged_response: Flag = "untagged_response",
    }
}

record! {
    /// I am one lookup of a row: the name itself, or one that always resolves (`a.root-servers.net`).
    pub struct Lookup {
        /// The name.
        url: Text<'a> = "url",
        /// True where there is an A record.
        has_type_a: Flag = "has_type_a",
        /// The addresses.
        response: Answers<'a> = "response",
        /// What went wrong, in the words of Go's library; `null`, as text, for nothing.
        error: Text<'a> = "error",
        /// Response code of DNS; -1 for none.
        rcode: Int = "rcode",
        /// Start.
        start_time: Text<'a> = "start_time",
        /// End.
        end_time: Text<'a> = "end_time",
    }
}

impl Lookup<'_> {
    /// What went wrong.
    pub fn error(&self) -> Option<&str> {
        self.error.as_str().filter(|text| !matches!(*text, "" | "null"))
    }

    /// Start, microseconds since 1970.
    pub fn started_us(&self) -> Option<i64> {
        super::time::micros(self.start_time.or_empty())
    }

    /// Run time in milliseconds, where both ends are known.
    pub fn took_ms(&self) -> Option<f64> {
        super::time::took_ms(self.started_us()?, super::time::micros(self.end_time.or_empty())?)
    }
}

/// I am what a row holds of answers: lookups, or answers to one lookup.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response<'a> {
    /// The lookups, where the row tells them apart.
    pub lookups: Capped<Lookup<'a>, MAX_LOOKUPS>,
    /// The answers, where it does not.
    pub flat: Answers<'a>,
}

impl Response<'_> {
    /// True where nothing at all was written down.
    pub fn is_empty(&self) -> bool {
        self.lookups.is_empty() && self.flat == Answers::default()
    }
}

/// I am the answers of a lookup and, in version 2.0, the codes and errors that stand among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers<'a> {
    /// The addresses.
    pub items: Capped<Answer<'a>, MAX_ANSWERS>,
    /// v2.0: response codes of the tries.
    pub rcodes: Words<'a>,
    /// v2.0: errors of the tries.
    pub errors: Words<'a>,
}

/// I am one address of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer<'a> {
    /// The address, as written.
    pub address: Cow<'a, str>,
    /// What is known of it here.
    pub detail: Detail<'a>,
}

record! {
    /// I am what a row says of an address.
    pub struct Detail {
        /// Digest of the page there, hex; empty where none.
        http: Text<'a> = "http",
        /// Digest of the certificate there, hex; empty where none.
        cert: Text<'a> = "cert",
        /// Number of the network (AS).
        asnum: Int = "asnum",
        /// Its name.
        asname: Text<'a> = "asname",
        /// What it has in common with the control's answers: `ip`, `http`, `cert`, `asnum`, `asname`; or `no_tags`.
        matched: Words<'a> = "matched",
    }
}

impl Detail<'_> {
    /// True where it has something in common with a control's answer.
    pub fn is_matched(&self) -> bool {
        let known = |word: &Text<'_>| TAGS.contains(&word.or_empty());
        self.matched.iter().any(known)
    }

    /// True where the scan has no tags for the address.
    pub fn is_untagged(&self) -> bool {
        self.matched.iter().any(|word| word.or_empty() == "no_tags")
    }

    /// True where tags of the address stand in the row itself.
    pub fn has_tags(&self) -> bool {
        let there = |text: &Text<'_>| !text.or_empty().is_empty();
        self.asnum.0.is_some_and(|asn| asn > 0) || there(&self.cert) || there(&self.http)
    }
}

const TAGS: [&str; 5] = ["ip", "http", "cert", "asnum", "asname"];

impl<'de: 'a, 'a> Deserialize<'de> for Response<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Response<'a>;
            scalar_defaults!(Response::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Response<'a>, A::Error> {
                let mut response = Response::default();
                while let Some(item) = seq.next_element::<Item<'a>>()? {
                    match item {
                        Item::Lookup(lookup) => response.lookups.push(*lookup),
                        Item::Address(address) => response.flat.items.push(answer(address)),
                        Item::Neither => {}
                    }
                }
                Ok(response)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Response<'a>, A::Error> {
                let flat = Answers::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Response { flat, ..Response::default() })
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

/// An entry of a row's list.
enum Item<'a> {
    Address(Cow<'a, str>),
    Lookup(Box<Lookup<'a>>),
    Neither,
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Item<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address or a lookup")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Item<'a>, E> {
                Ok(Item::Address(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Item<'a>, E> {
                Ok(Item::Address(Cow::Owned(v.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Item<'a>, E> {
                Ok(Item::Neither)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Item<'a>, E> {
                Ok(Item::Neither)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Item<'a>, E> {
                Ok(Item::Neither)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Item<'a>, E> {
                Ok(Item::Neither)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Item<'a>, E> {
                Ok(Item::Neither)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item<'a>, A::Error> {
                while seq.next_element::<Skip>()?.is_some() {}
                Ok(Item::Neither)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item<'a>, A::Error> {
                Ok(Item::Lookup(Box::new(Lookup::deserialize(MapAccessDeserializer::new(map))?)))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Answers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Answers<'a>;
            scalar_defaults!(Answers::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Answers<'a>, A::Error> {
                let mut answers = Answers::default();
                while let Some(text) = seq.next_element::<Text<'a>>()? {
                    if let Some(address) = text.0 {
                        answers.items.push(answer(address));
                    }
                }
                Ok(answers)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answers<'a>, A::Error> {
                let mut answers = Answers::default();
                while let Some(key) = map.next_key::<Text<'a>>()? {
                    match key.or_empty() {
                        "rcode" => answers.rcodes = map.next_value()?,
                        "error" => answers.errors = map.next_value()?,
                        _ if answers.items.is_full() => {
                            map.next_value::<Skip>()?;
                            answers.items.left_out += 1;
                        }
                        _ => {
                            let Tagged(detail) = map.next_value()?;
                            let address = key.0.unwrap_or_default();
                            answers.items.push(Answer { address, detail });
                        }
                    }
                }
                Ok(answers)
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

fn answer(address: Cow<'_, str>) -> Answer<'_> {
    Answer { address, detail: Detail::default() }
}

/// What stands behind an address: an object of tags, or the list of those that match.
struct Tagged<'a>(Detail<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Tagged<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Tagged<'a>;
            scalar_defaults!(Tagged(Detail::default()));
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Tagged<'a>, A::Error> {
                let matched = Words::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Tagged(Detail { matched, ..Detail::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tagged<'a>, A::Error> {
                Ok(Tagged(Detail::deserialize(MapAccessDeserializer::new(map))?))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}
