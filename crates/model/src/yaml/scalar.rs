//! What a YAML scalar says.
//!
//! Reports were written by PyYAML, which quotes every string that would read as something else. So plain scalars are
//! resolved by PyYAML's rules (YAML 1.1): `yes` is true, and `1e5`, without a point, is a string. A number keeps its
//! text; number text that JSON does not have (`0x1f`, `+1`, `.5`, `.inf`) becomes a string of that text. PyYAML writes
//! no such numbers but the infinities and NaN.

use saphyr_parser::{ScalarStyle, Tag};

use crate::document::{NumberToken, Value};

/// The value of a scalar.
pub(super) fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let name = tag.map(full_name);
    match name.as_deref().map(|name| name.strip_prefix("tag:yaml.org,2002:").unwrap_or(name)) {
        Some("binary" | "python/bytes") => binary(text),
        Some("!" | "str" | "python/str" | "python/unicode") => text.into(),
        Some("null" | "python/none") => Value::Null,
        Some("bool" | "python/bool") => boolean(text).map_or(text.into(), Value::Bool),
        Some("int" | "float" | "python/int" | "python/long" | "python/float") => {
            NumberToken::of(text).map_or(text.into(), Value::Number)
        }
        _ if style == ScalarStyle::Plain => plain(text),
        _ => text.into(),
    }
}

fn full_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

/// Resolves a plain scalar without a tag.
fn plain(text: &str) -> Value {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    if let Some(value) = boolean(text) {
        return Value::Bool(value);
    }
    plain_number(text).map_or(text.into(), Value::Number)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// A number of YAML 1.1 that JSON has too. An exponent needs a point before and a sign behind its `e`.
fn plain_number(text: &str) -> Option<NumberToken> {
    let is_real = text.split_once(['e', 'E']).is_none_or(|(mantissa, exponent)| {
        mantissa.contains('.') && exponent.starts_with(['+', '-'])
    });
    NumberToken::of(text).filter(|_| is_real)
}

/// OONI's form of binary data (df-001). The base64 text loses its white space and is not decoded: damage stays.
fn binary(text: &str) -> Value {
    let data: String = text.split_ascii_whitespace().collect();
    Value::Object(vec![("format".into(), "base64".into()), ("data".into(), data.into())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        value(text, ScalarStyle::Plain, None).to_json()
    }

    fn tagged(suffix: &str, text: &str) -> String {
        let tag = Tag { handle: "tag:yaml.org,2002:".to_owned(), suffix: suffix.to_owned() };
        value(text, ScalarStyle::Plain, Some(&tag)).to_json()
    }

    #[test]
    fn plain_scalars_read_as_pyyaml_wrote_them() {
        for text in ["0", "-7", "1446726576.0", "1.0e+20", "-0.0", "123456789012345678901234567890"]
        {
            assert_eq!(json(text), text);
        }
        for text in [
            "1e5",
            "1.0e5",
            "0x1f",
            "+1",
            ".5",
            "1.",
            "012",
            ".inf",
            "-.inf",
            ".nan",
            "1_000",
            "12:30",
            "2015-01-01",
        ] {
            assert_eq!(json(text), format!("\"{text}\""));
        }
        for (text, expected) in
            [("~", "null"), ("", "null"), ("null", "null"), ("True", "true"), ("no", "false")]
        {
            assert_eq!(json(text), expected);
        }
        assert_eq!(value("1", ScalarStyle::SingleQuoted, None).to_json(), "\"1\"");
        assert_eq!(value("", ScalarStyle::DoubleQuoted, None).to_json(), "\"\"");
    }

    #[test]
    fn tags_decide() {
        assert_eq!(tagged("str", "1"), "\"1\"");
        assert_eq!(tagged("python/unicode", "null"), "\"null\"");
        assert_eq!(tagged("python/long", "7"), "7");
        assert_eq!(tagged("float", "1"), "1");
        assert_eq!(tagged("int", "x"), "\"x\"");
        assert_eq!(tagged("bool", "yes"), "true");
        assert_eq!(tagged("null", ""), "null");
        assert_eq!(tagged("python/name:a.b", "7"), "7");
        assert_eq!(tagged("binary", " A\n B= \n"), r#"{"format":"base64","data":"AB="}"#);
        let local = Tag { handle: String::new(), suffix: "!".to_owned() };
        assert_eq!(value("7", ScalarStyle::Plain, Some(&local)).to_json(), "\"7\"");
    }
}
