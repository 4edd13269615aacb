//! From the parser's events to a [`Value`].
//!
//! Aliases are copied out, within a budget: a page of text can stand for more than any memory holds ("billion
//! laughs"). What counts against it are copies only, so an honest document of any size is read.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScanError, StrInput};

use super::{YamlReason, scalar};
use crate::document::{MAX_DEPTH, StringToken, Value};

/// Reads one document; an empty one is null.
pub(super) fn load(text: &str) -> Result<Value, Damage> {
    let mut loader = Loader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        copied: Size::default(),
        depth: 0,
        marker: Marker::new(0, 1, 0),
    };
    loader.document()
}

/// I say where, in characters and lines of the document, and why it could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) marker: Marker,
    pub(super) reason: YamlReason,
}

impl From<ScanError> for Damage {
    fn from(error: ScanError) -> Self {
        Self { marker: *error.marker(), reason: YamlReason::Syntax(error.info().to_owned()) }
    }
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// Values with an anchor. An anchor whose value is still being read is not among them.
    anchors: BTreeMap<usize, (Value, Size)>,
    /// What was copied so far.
    copied: Size,
    depth: usize,
    /// Where the last event began.
    marker: Marker,
}

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Value, Damage> {
        let mut root = None;
        loop {
            match self.event()? {
                Event::Nothing
                | Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(root.unwrap_or_default()),
                _ if root.is_some() => {
                    return Err(self.syntax("a second document without a marker"));
                }
                event => root = Some(self.node(event)?),
            }
        }
    }

    fn event(&mut self) -> Result<Event<'a>, Damage> {
        match self.parser.next_event() {
            Some(event) => {
                let (event, span) = event?;
                self.marker = span.start;
                Ok(event)
            }
            None => Err(self.syntax("need an event, have the end of the document")),
        }
    }

    fn node(&mut self, event: Event<'a>) -> Result<Value, Damage> {
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, scalar::value(&text, style, tag.as_deref()))
            }
            Event::SequenceStart(anchor, _) => (anchor, self.nested(Self::sequence)?),
            Event::MappingStart(anchor, _) => (anchor, self.nested(Self::mapping)?),
            _ => return Err(self.syntax("need a value")),
        };
        if anchor != NO_ANCHOR {
            let size = Size::of(&value);
            self.charge(size)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    /// Reads a sequence or mapping, one level deeper.
    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Damage>) -> Result<Value, Damage> {
        self.check_depth(1)?;
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn sequence(&mut self) -> Result<Value, Damage> {
        let mut items = Vec::new();
        loop {
            match self.event()? {
                Event::SequenceEnd => return Ok(Value::Array(items)),
                event => items.push(self.node(event)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Damage> {
        let mut entries = Vec::new();
        loop {
            let key = match self.event()? {
                Event::MappingEnd => return Ok(Value::Object(entries)),
                event => self.key(event)?,
            };
            let event = self.event()?;
            entries.push((key, self.node(event)?));
        }
    }

    /// Reads a key: the text of a scalar; of anything else its JSON text, as JSON has no other keys.
    fn key(&mut self, event: Event<'a>) -> Result<StringToken, Damage> {
        let text = match &event {
            Event::Scalar(text, ..) => Some(text.clone()),
            _ => None,
        };
        match (self.node(event)?, text) {
            (Value::String(token), _) => Ok(token),
            (Value::Bool(_) | Value::Number(_), Some(text)) => Ok(text.as_ref().into()),
            (value, _) => {
                let json = value.to_json();
                // Keys in keys double their backslashes at every level, so they are counted as copies are.
                self.charge(Size { values: 1, bytes: json.len(), levels: 0 })?;
                Ok(json.as_str().into())
            }
        }
    }

    fn alias(&mut self, anchor: usize) -> Result<Value, Damage> {
        let Some((_, size)) = self.anchors.get(&anchor) else {
            return Err(Damage { marker: self.marker, reason: YamlReason::Recursive });
        };
        let size = *size;
        self.check_depth(size.levels)?;
        self.charge(size)?;
        Ok(self.anchors.get(&anchor).map(|(value, _)| value.clone()).unwrap_or_default())
    }

    /// Fails where `levels` more would be too deep.
    fn check_depth(&self, levels: usize) -> Result<(), Damage> {
        if self.depth + levels > MAX_LEVELS {
            let reason = YamlReason::TooDeep { limit: MAX_LEVELS };
            return Err(Damage { marker: self.marker, reason });
        }
        Ok(())
    }

    /// Counts a copy, and fails where copies come to too much.
    fn charge(&mut self, size: Size) -> Result<(), Damage> {
        self.copied.values += size.values;
        self.copied.bytes += size.bytes;
        let Size { values, bytes, .. } = self.copied;
        for (have, limit, unit) in
            [(values, MAX_COPIED_VALUES, "values"), (bytes, MAX_COPIED_BYTES, "bytes")]
        {
            if have > limit {
                let reason = YamlReason::TooManyCopies { have, limit, unit };
                return Err(Damage { marker: self.marker, reason });
            }
        }
        Ok(())
    }

    fn syntax(&self, reason: &str) -> Damage {
        Damage { marker: self.marker, reason: YamlReason::Syntax(reason.to_owned()) }
    }
}

/// I am the size of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Values in it, itself included.
    values: usize,
    /// Bytes of its strings, numbers and keys.
    pub(super) bytes: usize,
    /// Levels of nesting; a scalar has none.
    levels: usize,
}

impl Size {
    pub(super) fn of(value: &Value) -> Self {
        let mut size = Self { values: 1, bytes: 0, levels: 0 };
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(token) => size.bytes = token.text().len(),
            Value::String(token) => size.bytes = token.raw().len(),
            Value::Array(items) => {
                size.levels = 1;
                items.iter().for_each(|item| size.hold(Self::of(item)));
            }
            Value::Object(entries) => {
                size.levels = 1;
                for (key, value) in entries {
                    size.bytes += key.raw().len();
                    size.hold(Self::of(value));
                }
            }
        }
        size
    }

    fn hold(&mut self, inner: Self) {
        self.values += inner.values;
        self.bytes += inner.bytes;
        self.levels = self.levels.max(inner.levels + 1);
    }
}

/// How the parser says that a node has no anchor.
const NO_ANCHOR: usize = 0;
/// An entry goes one level down in its measurement, which may nest as deep as any JSON we read.
const MAX_LEVELS: usize = MAX_DEPTH - 1;
/// PyYAML's aliases in real reports stand for a handful of lists.
const MAX_COPIED_VALUES: usize = 1_000_000;
const MAX_COPIED_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        load(text).expect(text).to_json()
    }

    fn reason(text: &str) -> YamlReason {
        load(text).unwrap_err().reason
    }

    #[test]
    fn containers_and_their_tags() {
        assert_eq!(json("a: !!set {}\nb: !!set {x, ? y}"), r#"{"a":{},"b":{"x":null,"y":null}}"#);
        assert_eq!(json("!!python/tuple\n- a\n- !!python/tuple [1, 2]"), r#"["a",[1,2]]"#);
        assert_eq!(
            json("- [Server, nginx]\n- - Date\n  - !!python/unicode 'x'"),
            r#"[["Server","nginx"],["Date","x"]]"#
        );
        assert_eq!(json("!!python/object:a.B {x: \"\\xE9\\0\"}"), "{\"x\":\"é\\u0000\"}");
        assert_eq!(json(""), "null");
    }

    #[test]
    fn keys_are_strings_and_equal_keys_stay() {
        assert_eq!(json("{a: 1, a: 2}"), r#"{"a":1,"a":2}"#);
        assert_eq!(
            json("{1: a, 1.50: b, yes: c, ~: d}"),
            r#"{"1":"a","1.50":"b","yes":"c","null":"d"}"#
        );
        assert_eq!(
            json("? [a, 1]\n: b\n? !!binary AA==\n: c"),
            r#"{"[\"a\",1]":"b","{\"format\":\"base64\",\"data\":\"AA==\"}":"c"}"#
        );
    }

    #[test]
    fn an_alias_is_a_copy() {
        assert_eq!(
            json("a: &id001 [x, {y: 1}]\nb: *id001\nc: &i s\n*i : d"),
            r#"{"a":["x",{"y":1}],"b":["x",{"y":1}],"c":"s","s":"d"}"#
        );
        assert_eq!(json("[&a 1, *a, &a 2, *a]"), "[1,1,2,2]");
        assert_eq!(reason("&id001 {a: *id001}"), YamlReason::Recursive);
        assert!(matches!(reason("[*nobody]"), YamlReason::Syntax(_)));
    }

    #[test]
    fn an_alias_bomb_is_an_error() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..30 {
            let inner = format!("*a{}, ", n - 1).repeat(10);
            bomb.push_str(&format!("a{n}: &a{n} [{inner}]\n"));
        }
        let expected = |unit| move |r: &YamlReason| matches!(r, YamlReason::TooManyCopies { unit: u, .. } if *u == unit);
        assert!(expected("values")(&reason(&bomb)));
        let long = format!("[&a {}{}]", "x".repeat(1 << 20), ", *a".repeat(100));
        assert!(expected("bytes")(&reason(&long)));
        let keys = format!("{}x{}", "{? ".repeat(100), " : y}".repeat(100));
        assert!(expected("bytes")(&reason(&keys)));
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(load(&nested(MAX_LEVELS)).is_ok());
        assert_eq!(reason(&nested(MAX_LEVELS + 1)), YamlReason::TooDeep { limit: MAX_LEVELS });
        assert_eq!(reason(&"- ".repeat(10_000)), YamlReason::TooDeep { limit: MAX_LEVELS });
        let half = format!("a: &a {}\nb: {}*a{}", nested(100), "[".repeat(50), "]".repeat(50));
        assert_eq!(reason(&half), YamlReason::TooDeep { limit: MAX_LEVELS });
    }

    #[test]
    fn damage_has_a_place() {
        let damage = load("a: 1\nb: [\n").unwrap_err();
        assert!(matches!(damage.reason, YamlReason::Syntax(_)));
        assert!(damage.marker.line() >= 2);
        assert!(matches!(reason("a: b\n]"), YamlReason::Syntax(_)));
    }
}
