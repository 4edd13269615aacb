//! How much structure a record may have: what bounds the memory that reading it takes.
//!
//! `[{},{},..]` costs three bytes a piece in a file and some hundred times as much in memory, so that a file of 64 MiB
//! could ask for 8 GiB. So the brackets and commas outside strings are counted first. Real measurements have some
//! hundreds of brackets and some thousands of commas.

use crate::lenient::behind_string;

/// Objects and lists that a record may hold.
pub(super) const BRACKETS_MAX: usize = 200_000;
/// Commas that it may hold.
pub(super) const COMMAS_MAX: usize = 2_000_000;

/// Whether a record holds more than that. Short ones cannot, and are not looked at.
pub(super) fn is_too_much(json: &str) -> bool {
    if json.len() <= BRACKETS_MAX || may_hold(json) {
        return false;
    }
    let (mut brackets, mut commas) = (0, 0);
    let mut rest = json;
    // Outside strings first, then the string behind it, and so on.
    while let Some((outside, behind)) = rest.split_once('"') {
        count(outside, &mut brackets, &mut commas);
        if brackets > BRACKETS_MAX || commas > COMMAS_MAX {
            return true;
        }
        rest = behind_string(behind);
    }
    count(rest, &mut brackets, &mut commas);
    brackets > BRACKETS_MAX || commas > COMMAS_MAX
}

/// Whether a record is within bounds even if all of it were outside strings: true of nearly all.
fn may_hold(json: &str) -> bool {
    let (mut brackets, mut commas) = (0, 0);
    // In pieces whose counts fit a byte, so that many bytes are looked at in one step.
    for piece in json.as_bytes().chunks(255) {
        let (mut some_brackets, mut some_commas) = (0_u8, 0_u8);
        for byte in piece {
            some_brackets += u8::from(matches!(byte, b'{' | b'['));
            some_commas += u8::from(*byte == b',');
        }
        brackets += usize::from(some_brackets);
        commas += usize::from(some_commas);
    }
    brackets <= BRACKETS_MAX && commas <= COMMAS_MAX
}

fn count(outside: &str, brackets: &mut usize, commas: &mut usize) {
    for byte in outside.bytes() {
        *brackets += usize::from(matches!(byte, b'{' | b'['));
        *commas += usize::from(byte == b',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ooni::Measurement;

    fn listing(piece: &str, times: usize) -> String {
        let list = vec![piece; times].join(",");
        format!("{{\"test_name\":\"web_connectivity\",\"test_keys\":{{\"requests\":[{list}]}}}}")
    }

    #[test]
    fn more_objects_than_any_record_has_are_refused() {
        assert!(Measurement::from_json(&listing("{}", BRACKETS_MAX - 3)).is_ok());
        let error = Measurement::from_json(&listing("{}", BRACKETS_MAX)).unwrap_err();
        assert!(error.to_string().contains("more than 200000 objects"), "{error}");
        assert!(Measurement::from_json(&listing("1", COMMAS_MAX + 10)).is_err());
    }

    #[test]
    fn what_is_in_a_string_does_not_count() {
        let body = "{[,\\\"\\\\".repeat(BRACKETS_MAX);
        let json = format!("{{\"a\":\"{body}\",\"test_name\":\"x\"}}");
        let measurement = Measurement::from_json(&json).unwrap();
        assert_eq!(measurement.test_name.as_str(), Some("x"));
    }

    #[test]
    fn text_that_is_no_json_is_scanned_to_its_end() {
        for end in ["\"", "\\", "\"\\", "\"\\\u{e9}", "\"\\\"", ""] {
            assert!(!is_too_much(&format!("{}{end}", " ".repeat(BRACKETS_MAX + 1))), "{end:?}");
        }
    }
}
