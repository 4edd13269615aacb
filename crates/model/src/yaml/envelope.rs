//! A header and an entry, as one measurement envelope (df-000).

use super::Entries;
use crate::civil;
use crate::document::Value;
use crate::document::value::find;

/// Joins them. The contract is in the module doc of [`super`].
pub(super) fn measurement(header: &Entries, entry: Entries) -> Value {
    let start = start_time(header, &entry);
    let lifted: Vec<&str> =
        LIFTED.into_iter().filter(|name| find(header, name).is_none()).collect();
    let (top, test_keys): (Entries, Entries) =
        entry.into_iter().partition(|(key, _)| lifted.iter().any(|name| key.is(name)));
    let mut envelope = header.clone();
    envelope.extend(top);
    if let (Some(start), None) = (start, find(&envelope, "measurement_start_time")) {
        envelope.push(("measurement_start_time".into(), start.into()));
    }
    envelope.push(("test_keys".into(), Value::Object(test_keys)));
    Value::Object(envelope)
}

/// The start of the measurement in the envelope's form, from the seconds that ooniprobe 1.x wrote.
///
/// The header's own `test_start_time` is not used: it was written in the probe's local time.
fn start_time(header: &Entries, entry: &Entries) -> Option<String> {
    let seconds = |entries, name| find(entries, name).and_then(Value::as_f64);
    let start = seconds(entry, "test_start_time").or_else(|| seconds(header, "start_time"))?;
    civil::date_time(start)
}

/// Keys of an entry that belong to the envelope.
const LIFTED: [&str; 4] = ["input", "measurement_start_time", "test_start_time", "test_runtime"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn joined(header: &str, entry: &str) -> String {
        let read = |text| match Document::parse(text).unwrap().into_root() {
            Value::Object(entries) => entries,
            _ => Entries::new(),
        };
        measurement(&read(header), read(entry)).to_json()
    }

    #[test]
    fn the_entry_says_when_it_was_measured() {
        assert_eq!(
            joined(r#"{"start_time":0.0}"#, r#"{"test_start_time":60.9,"test_runtime":1.5}"#),
            r#"{"start_time":0.0,"test_start_time":60.9,"test_runtime":1.5,"measurement_start_time":"1970-01-01 00:01:00","test_keys":{}}"#
        );
        assert_eq!(
            joined(r#"{"start_time":0.0}"#, r#"{"measurement_start_time":"x"}"#),
            r#"{"start_time":0.0,"measurement_start_time":"x","test_keys":{}}"#
        );
        assert_eq!(
            joined(r#"{"start_time":"today"}"#, "{}"),
            r#"{"start_time":"today","test_keys":{}}"#
        );
    }

    #[test]
    fn what_the_header_says_is_not_overwritten() {
        assert_eq!(
            joined(
                r#"{"test_start_time":"a"}"#,
                r#"{"test_start_time":1,"input":null,"b":2,"b":3}"#
            ),
            r#"{"test_start_time":"a","input":null,"measurement_start_time":"1970-01-01 00:00:01","test_keys":{"test_start_time":1,"b":2,"b":3}}"#
        );
    }
}
