//! Rows that must not be in an archive: addresses of those who measured, and header pairs that betray one.

use std::net::IpAddr;

use arrow::array::{AsArray as _, RecordBatch};

/// Tables whose rows are looked at.
pub(super) const READ: [&str; 2] = ["measurement", "observation"];

/// What is wrong with a row, in words, or nothing.
pub(super) fn broken(table: &str, batch: &RecordBatch) -> Option<String> {
    let (column, rule): (&str, fn(&str) -> Option<&'static str>) = match table {
        "measurement" => ("document", document),
        "observation" => ("detail", detail),
        _ => return None,
    };
    let texts = batch.column_by_name(column)?.as_string_opt::<i32>()?;
    let ids = batch.column_by_name("measurement_id")?.as_string_opt::<i32>()?;
    let mut found = texts.iter().zip(ids).filter_map(|(text, id)| Some((rule(text?)?, id?)));
    let (first, id) = found.next()?;
    Some(format!("{} rows break a rule of privacy; measurement {id}: {first}", 1 + found.count()))
}

/// A measurement names the address that it was made from.
fn document(text: &str) -> Option<&'static str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("\"probe_ip\"") {
        rest = after;
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        let value = value.and_then(|value| value.strip_prefix('"')?.split('"').next());
        let address = value.and_then(|value| value.parse::<IpAddr>().ok());
        if address.is_some_and(|address| !address.is_loopback() && !address.is_unspecified()) {
            return Some("the address of the probe");
        }
    }
    None
}

/// A finding of a capture has what `inspect --raw-headers` shows on this machine alone.
fn detail(text: &str) -> Option<&'static str> {
    if text.contains("\"raw\":{") {
        return Some("raw headers, with a client's address");
    }
    let has = |key: &str| text.contains(&format!("\"{key}\":"));
    (has("identification") && has("window")).then_some("an IP-ID with a window")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_people_are_told() {
        for (text, is_told) in [
            (r#"{"probe_ip":"127.0.0.1"}"#, false),
            (r#"{"probe_ip": "198.51.100.7"}"#, true),
            (r#"{"probe_ip":null,"test_keys":{"probe_ip":"2001:db8::1"}}"#, true),
            (r#"{"probe_ip":"[scrubbed]"}"#, false),
            (r#"{"input":"https://a.example/"}"#, false),
        ] {
            assert_eq!(document(text).is_some(), is_told, "{text}");
        }
        assert!(detail(r#"{"forged":[{"identification":7,"window":512}]}"#).is_some());
        assert!(detail(r#"{"forged":[{"ttl":7,"window":"same"}]}"#).is_none());
    }
}
