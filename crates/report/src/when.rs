//! Times and sizes in words.

use time::OffsetDateTime;

/// `2026-06-01 08:00` in UTC; `-` for a time that no calendar has.
pub fn minute(at_ns: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(at_ns.into()) else {
        return "-".to_owned();
    };
    let (date, hour, minute) = (at.date(), at.hour(), at.minute());
    format!(
        "{:04}-{:02}-{:02} {hour:02}:{minute:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

/// From when to when; one time where both are the same minute.
pub fn span(first_ns: i64, last_ns: i64) -> String {
    let (first, last) = (minute(first_ns), minute(last_ns));
    if first == last { first } else { format!("{first} to {last}") }
}

/// Bytes, with one unit.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(minute(0), "1970-01-01 00:00");
        assert_eq!(minute(1_780_300_800_000_000_000), "2026-06-01 08:00");
        assert_eq!(span(0, 59_999_999_999), "1970-01-01 00:00");
        assert_eq!(span(0, 60_000_000_000), "1970-01-01 00:00 to 1970-01-01 00:01");
        assert_eq!((minute(i64::MIN).len(), minute(i64::MAX).len()), (16, 16));
        assert_eq!(
            (size(9), size(12_345), size(12_345_678)),
            ("9 bytes".into(), "12 kB".into(), "12 MB".into())
        );
    }
}
