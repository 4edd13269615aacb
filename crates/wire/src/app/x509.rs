//! Certificates (RFC 5280 §4.1): whose they are, who signed them, and for how long.
//!
//! A walk over the DER, not a parser of it. Nothing is verified here.

/// What a certificate says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// The subject's common name, as it came; the last, where there are several.
    pub subject: Option<&'a [u8]>,
    /// The issuer's common name.
    pub issuer: Option<&'a [u8]>,
    /// Since when it is valid, seconds since 1970.
    pub not_before: i64,
    /// Until when.
    pub not_after: i64,
    /// True if issuer and subject are the same name.
    pub is_self_issued: bool,
    /// The alternative names (RFC 5280 §4.2.1.6).
    names: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate. None for what is none, or is cut.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let (_, certificate, _) = element(der)?;
        let (_, signed, _) = element(certificate)?;
        let rest = match element(signed)? {
            (EXPLICIT_VERSION, _, rest) => rest,
            _ => signed,
        };
        let (_, _, rest) = element(rest)?; // serial number
        let (_, _, rest) = element(rest)?; // algorithm of the signature
        let (_, issuer, rest) = element(rest)?;
        let (_, validity, rest) = element(rest)?;
        let (_, subject, rest) = element(rest)?;
        let (_, _, rest) = element(rest)?; // public key
        let (kind, from, end) = element(validity)?;
        let not_before = seconds(kind, from)?;
        let (kind, to, _) = element(end)?;
        Some(Self {
            subject: common_name(subject),
            issuer: common_name(issuer),
            not_before,
            not_after: seconds(kind, to)?,
            is_self_issued: issuer == subject,
            names: alternative_names(rest).unwrap_or_default(),
        })
    }

    /// The host names that it is for, in order, as they came.
    pub fn dns_names(&self) -> impl Iterator<Item = &'a [u8]> + 'a {
        elements(self.names).filter(|(kind, _)| *kind == DNS_NAME).map(|(_, name)| name)
    }
}

/// The last common name of a name.
fn common_name(name: &[u8]) -> Option<&[u8]> {
    let attributes = elements(name).flat_map(|(_, set)| elements(set));
    let values = attributes.filter_map(|(_, attribute)| {
        let (_, kind, rest) = element(attribute)?;
        let (_, value, _) = element(rest)?;
        (kind == COMMON_NAME).then_some(value)
    });
    values.last()
}

/// What is in the extension of alternative names; `rest` is what follows the public key.
fn alternative_names(rest: &[u8]) -> Option<&[u8]> {
    let (_, extensions) = elements(rest).find(|(kind, _)| *kind == EXPLICIT_EXTENSIONS)?;
    let (_, extensions, _) = element(extensions)?;
    elements(extensions).find_map(|(_, extension)| {
        let (_, kind, rest) = element(extension)?;
        let (tag, value, rest) = element(rest)?;
        // It may be said first whether it is critical.
        let value = if tag == BOOLEAN { element(rest)?.1 } else { value };
        let (_, names, _) = element(value).filter(|_| kind == ALTERNATIVE_NAMES)?;
        Some(names)
    })
}

/// Tags and values of the elements one behind the other, as far as they can be read.
fn elements(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, value, rest) = element(bytes)?;
        bytes = rest;
        Some((tag, value))
    })
}

/// Tag, value and what follows of the first DER element.
pub fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0_usize, |n, &octet| n << 8 | usize::from(octet)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((tag, value, rest))
}

/// A time of RFC 5280 §4.1.2.5, seconds since 1970.
fn seconds(kind: u8, value: &[u8]) -> Option<i64> {
    let digits = value.strip_suffix(b"Z")?;
    let (year, rest) = match kind {
        UTC_TIME => {
            let (year, rest) = two(digits)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (century, rest) = two(digits)?;
            let (year, rest) = two(rest)?;
            (century * 100 + year, rest)
        }
        _ => return None,
    };
    let (month, rest) = two(rest)?;
    let (day, rest) = two(rest)?;
    let (hour, rest) = two(rest)?;
    let (minute, rest) = two(rest)?;
    // Old ones leave the seconds out.
    let (second, rest) = if rest.is_empty() { (0, rest) } else { two(rest)? };
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    if !is_time || second > 60 || !rest.is_empty() {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn two(digits: &[u8]) -> Option<(i64, &[u8])> {
    let (&[tens, ones], rest) = digits.split_first_chunk()?;
    let is_number = tens.is_ascii_digit() && ones.is_ascii_digit();
    is_number.then(|| (i64::from(tens - b'0') * 10 + i64::from(ones - b'0'), rest))
}

/// Days since 1970 of a day of the Gregorian calendar, from the year 0 on. Years begin in March, so that a leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

const EXPLICIT_VERSION: u8 = 0xa0;
const EXPLICIT_EXTENSIONS: u8 = 0xa3;
const BOOLEAN: u8 = 1;
const DNS_NAME: u8 = 0x82;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 2.5.29.17.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 17];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn der(tag: u8, value: &[u8]) -> Vec<u8> {
        let len = value.len();
        let head = match len {
            0..=127 => vec![tag, len as u8],
            128..=255 => vec![tag, 0x81, len as u8],
            _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
        };
        [head, value.to_vec()].concat()
    }

    fn name(common: &str) -> Vec<u8> {
        let country = der(0x30, &[der(6, &[0x55, 4, 6]), der(0x13, b"XX")].concat());
        let common = der(0x30, &[der(6, COMMON_NAME), der(0x0c, common.as_bytes())].concat());
        der(0x30, &[der(0x31, &country), der(0x31, &common)].concat())
    }

    /// A certificate without a key that is one and with no signature.
    pub(crate) fn made(issuer: &str, subject: &str, names: &[&str]) -> Vec<u8> {
        let times = [der(UTC_TIME, b"240229120000Z"), der(GENERALIZED_TIME, b"20510101000000Z")];
        let names: Vec<u8> = names.iter().flat_map(|it| der(DNS_NAME, it.as_bytes())).collect();
        let names = der(0x30, &[der(0x81, b"mail@a.example"), names].concat());
        let critical = der(BOOLEAN, &[0xff]);
        let alternative =
            der(0x30, &[der(6, ALTERNATIVE_NAMES), critical, der(4, &names)].concat());
        let usage = der(0x30, &[der(6, &[0x55, 0x1d, 15]), der(4, &[3, 2, 5, 0xa0])].concat());
        let extensions = der(0x30, &[usage, alternative].concat());
        let signed = [
            der(EXPLICIT_VERSION, &[2, 1, 2]),
            der(2, &[1]),
            der(0x30, &[]),
            name(issuer),
            der(0x30, &times.concat()),
            name(subject),
            der(0x30, &[0; 300]),
            der(EXPLICIT_EXTENSIONS, &extensions),
        ];
        der(0x30, &[der(0x30, &signed.concat()), der(0x30, &[]), der(3, &[0; 9])].concat())
    }

    #[test]
    fn whose_it_is_and_for_which_names() {
        let bytes = made("An Authority", "a.example", &["a.example", "*.b.example"]);
        let read = Certificate::read(&bytes).unwrap();
        assert_eq!(read.subject, Some(&b"a.example"[..]));
        assert_eq!((read.issuer, read.is_self_issued), (Some(&b"An Authority"[..]), false));
        let names: Vec<&[u8]> = read.dns_names().collect();
        assert_eq!(names, [&b"a.example"[..], b"*.b.example"]);
        // By `date -u +%s`.
        assert_eq!((read.not_before, read.not_after), (1_709_208_000, 2_556_144_000));
        assert!(Certificate::read(&made("box", "box", &[])).unwrap().is_self_issued);
    }

    #[test]
    fn cut_or_changed() {
        let whole = made("An Authority", "a.example", &["a.example"]);
        for len in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..len]), None, "{len}");
        }
        for at in 0..whole.len() {
            for value in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut odd = whole.clone();
                odd[at] = value;
                let _ = Certificate::read(&odd).map(|read| read.dns_names().count());
            }
        }
    }

    #[test]
    fn times() {
        for (kind, text, wanted) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (UTC_TIME, "7001010000Z", Some(0)),
            (GENERALIZED_TIME, "20000301000000Z", Some(951_868_800)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "701301000000Z", None),
            (UTC_TIME, "700101000000", None),
            (UTC_TIME, "7001010000000Z", None),
            (0x16, "700101000000Z", None),
        ] {
            assert_eq!(seconds(kind, text.as_bytes()), wanted, "{text}");
        }
    }
}
