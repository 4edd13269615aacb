//! Names said on the local network: mDNS (RFC 6762), LLMNR (RFC 4795), NetBIOS (RFC 1002) and SSDP.

use crate::read::{Malformed, Reader};

/// Names of a message in DNS's layout with any number of questions and records: of questions first, then of whose records.
/// Bounded to 64 names.
///
/// # Errors
/// The head is cut. What is odd later ends the list.
pub fn names(bytes: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut reader = Reader::new(bytes);
    reader.take(4, "identifier and flags")?;
    let questions = reader.u16("question count")?;
    let records: u32 = [
        reader.u16("answer count")?,
        reader.u16("authority count")?,
        reader.u16("additional count")?,
    ]
    .into_iter()
    .map(u32::from)
    .sum();
    let mut at = reader.offset();
    let mut found = Vec::new();
    for index in 0..(u32::from(questions) + records).min(MAX_NAMES) {
        let Some((name, end)) = name(bytes, at) else { break };
        let mut rest = Reader::at(bytes, end);
        if rest.take(4, "type and class").is_err() {
            break;
        }
        if index >= questions.into() && !pass_record(&mut rest) {
            break;
        }
        at = rest.offset();
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

fn pass_record(reader: &mut Reader<'_>) -> bool {
    let passed = reader.u32("TTL").and_then(|_| reader.u16("length"));
    passed.and_then(|len| reader.take(len.into(), "record")).is_ok()
}

/// A name, in UTF-8 as mDNS has it, and where it ends. Pointers lead backwards.
fn name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let (mut name, mut end, mut floor) = (String::new(), None, start);
    let mut reader = Reader::at(bytes, start);
    loop {
        match reader.u8("label length").ok()? {
            0 => return Some((name, end.unwrap_or(reader.offset()))),
            len @ 1..=63 => {
                let label = reader.take(len.into(), "label").ok()?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(&String::from_utf8_lossy(label));
                if name.len() > 1024 {
                    return None;
                }
            }
            high @ 0xc0.. => {
                let target =
                    usize::from(high & 0x3f) << 8 | usize::from(reader.u8("pointer").ok()?);
                if target >= floor {
                    return None;
                }
                end.get_or_insert(reader.offset());
                floor = target;
                reader = Reader::at(bytes, target);
            }
            _ => return None,
        }
    }
}

/// A NetBIOS name out of its first label: 32 letters, two each byte (RFC 1001 §14.1), without padding and the type of name.
pub fn netbios(label: &str) -> Option<String> {
    let letters = label.split('.').next()?.as_bytes();
    if letters.len() != 32
        || !letters.iter().all(|byte| (b'A'..=b'P').contains(&byte.to_ascii_uppercase()))
    {
        return None;
    }
    let nibble = |byte: &u8| byte.to_ascii_uppercase().wrapping_sub(b'A') & 0xf;
    let bytes = letters.chunks_exact(2).map(|pair| match pair {
        [high, low] => nibble(high) << 4 | nibble(low),
        _ => b' ',
    });
    let text: String = bytes.take(15).map(char::from).collect();
    Some(text.trim_end().to_owned()).filter(|name| !name.is_empty() && !name.contains('\0'))
}

/// A field of an SSDP message (HTTP over UDP), whatever its case. None where this is no SSDP.
pub fn ssdp_field<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    if !is_ssdp(bytes) {
        return None;
    }
    bytes.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (field, value) = line.split_at_checked(colon)?;
        field
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

/// True for the messages of SSDP.
pub fn is_ssdp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"M-SEARCH * HTTP/1.") || bytes.starts_with(b"NOTIFY * HTTP/1.")
}

const MAX_NAMES: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Vec<u8> {
        let mut bytes = vec![0, 0, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        bytes.extend(b"\x04_ipp\x05local\x00\x00\x0c\x00\x01");
        bytes.extend(
            b"\x0dAlice's phone\xc0\x11\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01",
        );
        bytes
    }

    #[test]
    fn names_of_questions_and_records() {
        let bytes = announcement();
        assert_eq!(names(&bytes).unwrap(), ["_ipp.local", "Alice's phone.local"]);
        for len in 0..bytes.len() {
            match names(&bytes[..len]) {
                Err(error) => assert!(error.is_short() && len < 12),
                Ok(names) => assert!(names.len() <= 1),
            }
        }
        for at in 0..bytes.len() {
            for value in [0, 0x3f, 0xc0, 0xff] {
                let mut odd = bytes.clone();
                odd[at] = value;
                let _ = names(&odd);
            }
        }
    }

    #[test]
    fn netbios_and_ssdp() {
        // "FRED" of RFC 1001 §14.1.
        assert_eq!(netbios("EGFCEFEECACACACACACACACACACACACA").as_deref(), Some("FRED"));
        assert_eq!((netbios("EGFC"), netbios("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")), (None, None));
        let search =
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nuser-agent: Phone/1\r\n\r\n";
        assert_eq!(ssdp_field(search, "User-Agent"), Some(&b"Phone/1"[..]));
        for len in 0..search.len() {
            let _ = ssdp_field(&search[..len], "USER-AGENT");
        }
        assert_eq!(ssdp_field(b"GET / HTTP/1.1\r\nHOST: a\r\n", "host"), None);
    }
}
