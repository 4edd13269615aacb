//! One posted body: unpacked, cut into records, each checked.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use hyper::StatusCode;
use wirewitness_model::civil;
use wirewitness_model::ooni::Measurement;

use super::Limits;
use crate::server::problem::Problem;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What came of a body.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Records for the archive, one a line.
    pub kept: Vec<u8>,
    /// Records in doubt, one a line.
    pub quarantined: Vec<u8>,
    /// How many are kept.
    pub accepted: u64,
    /// How many are in doubt.
    pub doubtful: u64,
    /// How many are neither.
    pub refused: u64,
    /// Why, with the number of the record from 1; the first few.
    pub problems: Vec<String>,
}

/// Why nothing of a body is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be unpacked.
    Packing,
    /// It unpacks to more than may be.
    Bomb,
    /// It is no text.
    Text,
    /// It has too many records.
    Records,
    /// No record of it could be used.
    Nothing,
    /// There is no room, or it cannot be written.
    Full,
}

impl Refusal {
    pub(super) fn problem(self, limits: &Limits) -> Problem {
        let new = |status, words: &str| Problem::new(status, words);
        match self {
            Self::Packing => new(StatusCode::BAD_REQUEST, "the body is not packed as it says"),
            Self::Bomb => {
                let words = format!("a body has at most {} bytes unpacked", limits.unpacked_bytes);
                new(StatusCode::PAYLOAD_TOO_LARGE, &words)
            }
            Self::Text => new(StatusCode::BAD_REQUEST, "the body is no UTF-8"),
            Self::Records => {
                let words = format!("a body has at most {} records", limits.records);
                new(StatusCode::PAYLOAD_TOO_LARGE, &words)
            }
            Self::Nothing => {
                let words = "no record could be used: expected measurements in OONI's format, one JSON object or one a line, with test_name, probe_cc and measurement_start_time";
                new(StatusCode::UNPROCESSABLE_ENTITY, words)
            }
            Self::Full => {
                let words = "nothing can be taken now; keep the file and post it later";
                Problem::busy(StatusCode::SERVICE_UNAVAILABLE, words, 3_600)
            }
        }
    }
}

/// What becomes of one record.
enum Verdict {
    Keep,
    Doubt(&'static str),
    Refuse(&'static str),
}

/// Unpacks and checks a body. `now` is seconds since 1970.
///
/// # Errors
/// Nothing of it can be taken.
pub fn check(body: &[u8], coding: Coding, limits: &Limits, now: i64) -> Result<Checked, Refusal> {
    let text = unpack(body, coding, limits.unpacked_bytes)?;
    let text = String::from_utf8(text).map_err(|_| Refusal::Text)?;
    let mut checked = Checked::default();
    let whole = text.trim();
    // A measurement written over several lines is one record.
    let is_one = Measurement::from_json(whole).is_ok();
    let records: Box<dyn Iterator<Item = &str>> =
        if is_one { Box::new(std::iter::once(whole)) } else { Box::new(whole.lines()) };
    for (at, record) in records.map(str::trim).filter(|it| !it.is_empty()).enumerate() {
        if at >= limits.records {
            return Err(Refusal::Records);
        }
        let verdict = one(record, limits, now);
        checked.add(at + 1, record, &verdict);
    }
    if checked.accepted + checked.doubtful == 0 {
        return Err(Refusal::Nothing);
    }
    Ok(checked)
}

impl Checked {
    fn add(&mut self, number: usize, record: &str, verdict: &Verdict) {
        let why = match verdict {
            Verdict::Keep => {
                self.accepted += 1;
                line(&mut self.kept, record);
                return;
            }
            Verdict::Doubt(why) => {
                self.doubtful += 1;
                line(&mut self.quarantined, record);
                why
            }
            Verdict::Refuse(why) => {
                self.refused += 1;
                why
            }
        };
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(format!("record {number}: {why}"));
        }
    }
}

/// One record as one line: JSON has line ends between its tokens only.
fn line(out: &mut Vec<u8>, record: &str) {
    out.extend(record.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    out.push(b'\n');
}

fn one(record: &str, limits: &Limits, now: i64) -> Verdict {
    if record.len() > limits.record_bytes {
        return Verdict::Refuse("longer than a record may be");
    }
    let Ok(measurement) = Measurement::from_json(record) else {
        return Verdict::Refuse(
            "no measurement in JSON, or one that nests too deeply or holds too much",
        );
    };
    let Some(test) = measurement.test_name.as_str() else {
        return Verdict::Refuse("no test_name");
    };
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=64).contains(&test.len()) || !test.bytes().all(is_word) {
        return Verdict::Refuse("test_name is no word of letters, digits and _");
    }
    let country = measurement.probe_cc.as_str().unwrap_or_default();
    if country.len() != 2 || !country.bytes().all(|it| it.is_ascii_uppercase()) {
        return Verdict::Refuse("probe_cc is not two capital letters");
    }
    let times = [&measurement.measurement_start_time, &measurement.test_start_time];
    let Some(at) = times.iter().find_map(|text| civil::micros(text.as_str()?)) else {
        return Verdict::Refuse("no time that can be read");
    };
    // A probe's address is never kept: OONI's own are scrubbed to this one.
    let address = measurement.probe_ip.as_str().unwrap_or(SCRUBBED);
    if address != SCRUBBED && !address.is_empty() {
        return Verdict::Refuse("probe_ip tells the sender's address; scrub it to 127.0.0.1");
    }
    let at_s = at.div_euclid(1_000_000);
    if at_s > now + DAY_S {
        return Verdict::Doubt("its time is to come");
    }
    if at_s < now - OLDEST_S {
        return Verdict::Doubt("older than two years");
    }
    if measurement.test_keys.is_none() {
        return Verdict::Doubt("no test_keys");
    }
    if country == "ZZ" || measurement.probe_asn_number().is_none() {
        return Verdict::Doubt("country or network not known");
    }
    Verdict::Keep
}

/// Unpacks to at most so many bytes, whatever the packing promises.
fn unpack(body: &[u8], coding: Coding, most: usize) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    let reader: Box<dyn Read + '_> = match coding {
        Coding::Plain => Box::new(body),
        Coding::Gzip => Box::new(MultiGzDecoder::new(body)),
        Coding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::new(body).map_err(|_| Refusal::Packing)?;
            // A window of 8 MiB is the largest that a decoder has to know (RFC 8878 §3.1.1.1.2).
            decoder.window_log_max(23).map_err(|_| Refusal::Packing)?;
            Box::new(decoder)
        }
    };
    let read = reader.take(most as u64 + 1).read_to_end(&mut out).map_err(|_| Refusal::Packing)?;
    if read > most { Err(Refusal::Bomb) } else { Ok(out) }
}

const SCRUBBED: &str = "127.0.0.1";
const DAY_S: i64 = 86_400;
const OLDEST_S: i64 = 2 * 366 * DAY_S;
const MOST_PROBLEMS: usize = 20;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// 2025-11-24.
    const NOW: i64 = 1_763_942_400;

    fn record(changes: &str) -> String {
        format!(
            r#"{{"test_name":"web_connectivity","probe_cc":"PK","probe_asn":"AS17557","measurement_start_time":"2025-11-23 10:00:00","test_keys":{{}}{changes}}}"#
        )
    }

    fn of(body: &str) -> Result<Checked, Refusal> {
        check(body.as_bytes(), Coding::Plain, &Limits::default(), NOW)
    }

    #[test]
    fn what_is_good_is_kept_and_what_is_not_is_named() {
        for (changes, kept, words) in [
            ("", 1, ""),
            (r#","probe_ip":"127.0.0.1""#, 1, ""),
            (r#","probe_ip":"203.0.113.7""#, 0, "address"),
            (r#","probe_cc":"pk""#, 0, "probe_cc"),
            (r#","test_name":"../../etc""#, 0, "test_name"),
            (r#","measurement_start_time":"never""#, 0, "time"),
            (r#","measurement_start_time":"2026-11-23 10:00:00""#, 0, "to come"),
            (r#","measurement_start_time":"2019-11-23 10:00:00""#, 0, "two years"),
            (r#","probe_asn":"AS0""#, 0, "not known"),
            (r#","test_keys":null"#, 0, "test_keys"),
        ] {
            let both = format!("{}\n{}\n", record(""), record(changes));
            let checked = of(&both).unwrap();
            assert_eq!(checked.accepted, 1 + kept, "{changes}");
            assert_eq!(checked.accepted + checked.doubtful + checked.refused, 2);
            if kept == 0 {
                assert!(checked.problems[0].starts_with("record 2: "), "{:?}", checked.problems);
                assert!(checked.problems[0].contains(words), "{words} in {:?}", checked.problems);
            }
        }
    }

    #[test]
    fn one_record_over_several_lines_is_one() {
        let pretty = record("").replace(',', ",\r\n");
        let checked = of(&pretty).unwrap();
        assert_eq!(checked.accepted, 1);
        assert_eq!(checked.kept.iter().filter(|byte| **byte == b'\n').count(), 1);
    }

    #[test]
    fn what_is_no_measurement_is_refused_whole() {
        for body in ["", "\n\n", "[]", "{", "\"x\"", "null"] {
            assert_eq!(of(body), Err(Refusal::Nothing), "{body:?}");
        }
        assert_eq!(check(b"\xff", Coding::Plain, &Limits::default(), NOW), Err(Refusal::Text));
        assert_eq!(check(b"{}", Coding::Gzip, &Limits::default(), NOW), Err(Refusal::Packing));
        assert_eq!(check(b"{}", Coding::Zstd, &Limits::default(), NOW), Err(Refusal::Packing));
        let many = (record("") + "\n").repeat(1_001);
        assert_eq!(of(&many), Err(Refusal::Records));
    }

    #[test]
    fn bombs_stop_where_the_limit_is() {
        let limits = Limits::default();
        let zeros = vec![b' '; limits.unpacked_bytes + 1];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
        gzip.write_all(&zeros).unwrap();
        let gzip = gzip.finish().unwrap();
        assert!(gzip.len() < 100 << 10);
        assert_eq!(check(&gzip, Coding::Gzip, &limits, NOW), Err(Refusal::Bomb));
        let packed = zstd::encode_all(zeros.as_slice(), 3).unwrap();
        assert_eq!(check(&packed, Coding::Zstd, &limits, NOW), Err(Refusal::Bomb));
        let good = zstd::encode_all(record("").as_bytes(), 3).unwrap();
        assert_eq!(check(&good, Coding::Zstd, &limits, NOW).unwrap().accepted, 1);
    }

    /// What holds of every body that is taken, whatever is in it.
    fn holds(body: &[u8], coding: Coding, limits: &Limits) -> bool {
        let Ok(checked) = check(body, coding, limits, NOW) else { return false };
        let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(lines(&checked.kept), checked.accepted);
        assert_eq!(lines(&checked.quarantined), checked.doubtful);
        assert!(checked.accepted + checked.doubtful >= 1);
        assert!(checked.accepted + checked.doubtful + checked.refused <= limits.records as u64);
        assert!(checked.problems.len() <= MOST_PROBLEMS);
        assert!(
            checked.kept.len() + checked.quarantined.len()
                <= limits.unpacked_bytes + limits.records
        );
        // What was kept is kept again, byte for byte: the archive's parsers take each line by itself.
        if checked.accepted > 0 {
            let again = check(&checked.kept, Coding::Plain, limits, NOW).unwrap();
            assert_eq!((again.kept, again.accepted), (checked.kept, checked.accepted));
        }
        true
    }

    #[test]
    fn a_hundred_thousand_bodies_changed_by_chance() {
        let limits = Limits {
            unpacked_bytes: 4 << 10,
            records: 8,
            record_bytes: 1 << 10,
            ..Limits::default()
        };
        let body = format!(
            "{}\n{}\n{}\n",
            record(r#","input":"https://a.example/\u00e9","annotations":{"a":"b"}"#),
            record(r#","probe_ip":"127.0.0.1""#).replace(',', ",\r\n"),
            record(r#","probe_network_name":"x""#),
        );
        let pieces: [&[u8]; 16] = [
            b"{",
            b"}",
            b"[",
            b"\"",
            b"\\ud800",
            b"\\u0000",
            b"\n",
            b"\r",
            b"null",
            b"AS0",
            b"\"probe_cc\":\"ZZ\"",
            b"\"probe_ip\":\"::1\"",
            b"1e999",
            b"\xff",
            b"\xef\xbb\xbf",
            b"-9999-12-31 00:00:00",
        ];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        gzip.write_all(body.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(body.as_bytes(), 3).unwrap();
        let mut chance = crate::mutation::Mutation::new(0x5eed);
        let mut taken = 0;
        for _ in 0..70_000 {
            let changed = chance.of(body.as_bytes(), &pieces);
            taken += u64::from(holds(&changed, Coding::Plain, &limits));
        }
        for _ in 0..20_000 {
            holds(&chance.of(&gzip, &pieces), Coding::Gzip, &limits);
            holds(&chance.of(&zstd, &pieces), Coding::Zstd, &limits);
        }
        // Both ways through are walked, many times.
        assert!((10_000..69_000).contains(&taken), "{taken} of 70000");
    }
}
