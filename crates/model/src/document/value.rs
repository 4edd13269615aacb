//! The tree of a document, and how it is read and changed.

use std::borrow::Cow;
use std::fmt::{self, Display as _};

use super::{NumberToken, StringToken};

/// I am one JSON value. Equality is that of the text: `1` is not `1.0`, and the order of keys counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its text.
    Number(NumberToken),
    /// A string, as its text.
    String(StringToken),
    /// A list.
    Array(Vec<Value>),
    /// Keys and values, in the order of the file, equal keys included.
    Object(Vec<(StringToken, Value)>),
}

impl Value {
    /// The value with every lone surrogate replaced by U+FFFD.
    pub(super) fn with_valid_strings(self) -> Self {
        match self {
            Self::String(token) => Self::String(token.mended()),
            Self::Array(items) => {
                Self::Array(items.into_iter().map(Self::with_valid_strings).collect())
            }
            Self::Object(entries) => Self::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.mended(), value.with_valid_strings()))
                    .collect(),
            ),
            scalar => scalar,
        }
    }

    /// An empty object.
    pub fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// A number of the shortest text; `Null` for NaN and the infinities, which JSON cannot say.
    pub fn real(real: f64) -> Self {
        NumberToken::of_real(real).map_or(Self::Null, Self::Number)
    }

    /// Compact JSON text.
    pub fn to_json(&self) -> String {
        self.to_string()
    }

    /// The string, escapes resolved; a lone surrogate becomes U+FFFD.
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::String(token) => Some(token.decoded()),
            _ => None,
        }
    }

    /// The boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, where it is written as an integer and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.number_text()?.parse().ok()
    }

    /// The number, rounded to the nearest float. Text beyond the range of one gives none.
    pub fn as_f64(&self) -> Option<f64> {
        self.number_text()?.parse().ok().filter(|real: &f64| real.is_finite())
    }

    /// The text of the number.
    pub fn number_text(&self) -> Option<&str> {
        match self {
            Self::Number(token) => Some(token.text()),
            _ => None,
        }
    }

    /// True for `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The items of an array; anything else has none.
    pub fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The items of an array, to change them; anything else has none.
    pub fn items_mut(&mut self) -> &mut [Value] {
        match self {
            Self::Array(items) => items,
            _ => &mut [],
        }
    }

    /// The keys and values of an object; anything else has none.
    pub fn entries(&self) -> &[(StringToken, Value)] {
        match self {
            Self::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key, escapes in keys resolved. Of equal keys the last counts, as for [`crate::ooni`].
    pub fn field(&self, key: &str) -> Option<&Value> {
        find(self.entries(), key)
    }

    /// The value of a key, to change it. Of equal keys the last counts.
    pub fn field_mut(&mut self, key: &str) -> Option<&mut Value> {
        match self {
            Self::Object(entries) => {
                entries.iter_mut().rev().find(|(k, _)| k.is(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The value at a JSON pointer (RFC 6901): `/test_keys/requests/0/failure`; the empty one is the value itself.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        steps(pointer)?.try_fold(self, |value, step| match value {
            Self::Array(items) => items.get(position(step)?),
            _ => value.field(&unescape(step)),
        })
    }

    /// The value at a JSON pointer, to change it.
    pub fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Value> {
        steps(pointer)?.try_fold(self, |value, step| match value {
            Self::Array(items) => items.get_mut(position(step)?),
            _ => value.field_mut(&unescape(step)),
        })
    }

    /// Gives a key of an object a value: in its place where the key is there (the last, of equal keys), else at the
    /// end. Gives the value it had. Anything but an object stays as it is.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> Option<Value> {
        if let Some(old) = self.field_mut(key) {
            return Some(std::mem::replace(old, value.into()));
        }
        if let Self::Object(entries) = self {
            entries.push((key.into(), value.into()));
        }
        None
    }

    /// Takes a key out of an object, all of equal keys. Gives the value it had, the last of equal keys.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let Self::Object(entries) = self else { return None };
        entries.extract_if(.., |(k, _)| k.is(key)).last().map(|(_, value)| value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.as_str().into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

/// Compact JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => f.write_str(if *value { "true" } else { "false" }),
            Self::Number(token) => token.fmt(f),
            Self::String(token) => token.fmt(f),
            Self::Array(items) => write_items(f, items),
            Self::Object(entries) => write_entries(f, entries),
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, items: &[Value]) -> fmt::Result {
    f.write_str("[")?;
    for (n, item) in items.iter().enumerate() {
        f.write_str(if n == 0 { "" } else { "," })?;
        item.fmt(f)?;
    }
    f.write_str("]")
}

fn write_entries(f: &mut fmt::Formatter<'_>, entries: &[(StringToken, Value)]) -> fmt::Result {
    f.write_str("{")?;
    for (n, (key, value)) in entries.iter().enumerate() {
        f.write_str(if n == 0 { "" } else { "," })?;
        key.fmt(f)?;
        f.write_str(":")?;
        value.fmt(f)?;
    }
    f.write_str("}")
}

/// The steps of a JSON pointer; none where it does not begin with a slash.
fn steps(pointer: &str) -> Option<impl Iterator<Item = &str>> {
    let mut steps = pointer.split('/');
    (steps.next() == Some("")).then_some(steps)
}

/// An array index: no sign, no leading zero (RFC 6901 §4).
fn position(step: &str) -> Option<usize> {
    let canonical = step == "0" || step.starts_with(|c: char| matches!(c, '1'..='9'));
    step.parse().ok().filter(|_| canonical)
}

fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') {
        Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(step)
    }
}

/// The value of a key among the entries of an object. Of equal keys the last counts.
pub(crate) fn find<'a>(entries: &'a [(StringToken, Value)], key: &str) -> Option<&'a Value> {
    entries.iter().rev().find(|(k, _)| k.is(key)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::super::Document;
    use super::*;

    fn read(text: &str) -> Value {
        Document::parse(text).expect(text).into_root()
    }

    #[test]
    fn a_field_is_found_by_what_its_key_says() {
        let value = read(r#"{"a\u0062":1,"x/y~":{"z":[true,{"q":null}]},"ab":2}"#);
        assert_eq!(value.field("ab").and_then(Value::as_i64), Some(2));
        assert_eq!(value.pointer("/x~1y~0/z/0").and_then(Value::as_bool), Some(true));
        assert!(value.pointer("/x~1y~0/z/1/q").unwrap().is_null());
        assert_eq!(value.pointer(""), Some(&value));
        for missing in ["/x~1y~0/z/01", "/x~1y~0/z/-", "/x~1y~0/z/2", "ab", "/ab/0", "/x~1y~0/z/+1"]
        {
            assert_eq!(value.pointer(missing), None, "{missing}");
        }
    }

    #[test]
    fn a_change_leaves_the_rest_as_it_was() {
        let mut value = read(r#"{"z":1.0,"a":1,"n":{"\u0061":[1]},"a":2}"#);
        assert_eq!(value.set("a", "x\"y"), Some(read("2")));
        assert_eq!(value.set("new", true), None);
        *value.pointer_mut("/n/a/0").unwrap() = Value::real(0.5);
        assert_eq!(
            value.to_json(),
            r#"{"z":1.0,"a":1,"n":{"\u0061":[0.5]},"a":"x\"y","new":true}"#
        );
        assert_eq!(value.remove("a"), Some("x\"y".into()));
        assert_eq!(value.remove("a"), None);
        value.field_mut("n").unwrap().field_mut("a").unwrap().items_mut()[0] = 7_i64.into();
        assert_eq!(value.to_json(), r#"{"z":1.0,"n":{"\u0061":[7]},"new":true}"#);
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        let mut value = read("[1]");
        assert_eq!(value.set("a", true), None);
        assert_eq!(value.remove("a"), None);
        assert_eq!(value.field("a"), None);
        assert_eq!(value.to_json(), "[1]");
        assert_eq!(value.items().len(), 1);
        assert!(value.entries().is_empty());
    }

    #[test]
    fn numbers_are_read_as_far_as_they_fit() {
        assert_eq!(read("-12").as_i64(), Some(-12));
        assert_eq!(read("12.0").as_i64(), None);
        assert_eq!(read("12.5e1").as_f64(), Some(125.0));
        assert_eq!(read("1e999").as_f64(), None);
        assert_eq!(read("99999999999999999999").as_i64(), None);
        assert_eq!(Value::real(f64::INFINITY), Value::Null);
        assert_eq!(Value::from(u64::MAX).to_json(), "18446744073709551615");
        assert_eq!(
            Value::from(vec![Value::object(), String::from("é").into()]).to_json(),
            r#"[{},"é"]"#
        );
    }
}
