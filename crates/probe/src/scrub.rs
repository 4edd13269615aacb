//! Takes the person's addresses and names out of a measurement before it is written.
//!
//! A page may say "your address is ..", a redirect may carry it in its query, and a resolver test has it in raw bytes.
//! Every text of a measurement is searched, also inside base64 and under percent, JSON and HTML escapes, and what is
//! found becomes [`MARK`]. A second pass, written apart from the first, then looks for what may be left; if it finds
//! anything, the measurement is not to be written.
//!
//! Not recognised: addresses as one number (decimal or hexadecimal), in pictures, in compressed or encrypted data.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

mod check;
mod scan;

/// What stands where a secret stood.
pub const MARK: &str = "[scrubbed]";

/// What must not be written.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Public addresses of the person's line. Of an IPv6 one the whole /64 is secret: it is the line's.
    pub line: Vec<IpAddr>,
    /// Addresses of the line's resolvers, as configured and as the world sees them.
    pub resolvers: Vec<IpAddr>,
    /// Names of the client (host name, name that its address has), at least four bytes each.
    pub names: Vec<String>,
}

/// Takes secrets out of measurements.
#[derive(Debug, Clone)]
pub struct Scrubber {
    exact: Vec<IpAddr>,
    /// The upper 64 bits of addresses of the line.
    prefixes: Vec<u64>,
    /// In lower case.
    names: Vec<String>,
}

/// A measurement that may be written: what was to be taken out of it is out.
#[derive(Debug, Clone, PartialEq)]
pub struct Scrubbed(Value);

impl Scrubbed {
    /// The measurement.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

/// Why a measurement may not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrubError {
    /// A name that would be found everywhere.
    #[error("the name {0:?} is too short to be taken out; give at least {SHORTEST_NAME} bytes")]
    ShortName(String),
    /// A secret is still in it.
    #[error(
        "an address or name of this line is left at {path}; the measurement must not be written"
    )]
    Left {
        /// Where, as a JSON pointer.
        path: String,
    },
    /// It is nested too deeply.
    #[error("nested deeper than {DEEPEST} levels; the measurement must not be written")]
    Deep,
    /// It has too much text.
    #[error("more than {MOST_BYTES} bytes of text; the measurement must not be written")]
    Large,
}

impl Scrubber {
    /// Takes out these secrets. Loopback and unspecified addresses are nobody's and stay.
    ///
    /// # Errors
    /// A name that is too short to be told from other text.
    pub fn new(secrets: &Secrets) -> Result<Self, ScrubError> {
        if let Some(name) = secrets.names.iter().find(|it| it.len() < SHORTEST_NAME) {
            return Err(ScrubError::ShortName(name.clone()));
        }
        let somebodys = |it: &IpAddr| !it.is_loopback() && !it.is_unspecified();
        let both = secrets.line.iter().chain(&secrets.resolvers);
        let exact = both.map(IpAddr::to_canonical).filter(somebodys).collect();
        let line = secrets.line.iter().map(IpAddr::to_canonical).filter(somebodys);
        let prefixes = line.filter_map(|it| match it {
            IpAddr::V6(v6) => Some(upper_half(v6)),
            IpAddr::V4(_) => None,
        });
        let names = secrets.names.iter().map(|it| it.to_ascii_lowercase()).collect();
        Ok(Self { exact, prefixes: prefixes.collect(), names })
    }

    /// Takes out nothing: for the lab, whose addresses are nobody's.
    pub fn nothing() -> Self {
        Self { exact: Vec::new(), prefixes: Vec::new(), names: Vec::new() }
    }

    /// Takes the secrets out of `measurement`.
    ///
    /// # Errors
    /// The measurement must not be written: something is left in it, or it is too large to be sure.
    pub fn scrub(&self, mut measurement: Value) -> Result<Scrubbed, ScrubError> {
        let mut bytes_left = MOST_BYTES;
        bound(&measurement, DEEPEST, &mut bytes_left)?;
        self.value(&mut measurement);
        check::Check::new(self).value(&measurement, &mut Vec::new())?;
        Ok(Scrubbed(measurement))
    }

    /// Whether this is an address that must not be written, in whatever form.
    fn knows(&self, address: IpAddr) -> bool {
        self.exact.contains(&address)
            || match address {
                IpAddr::V4(_) => false,
                IpAddr::V6(v6) => {
                    self.prefixes.contains(&upper_half(v6))
                        || scan::embedded(v6)
                            .into_iter()
                            .flatten()
                            .any(|v4| self.exact.contains(&v4))
                }
            }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|it| self.value(it)),
            Value::Object(object) => self.object(object),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn object(&self, object: &mut Map<String, Value>) {
        for (mut key, mut value) in std::mem::take(object) {
            self.text(&mut key);
            self.value(&mut value);
            object.insert(key, value);
        }
    }

    /// A text, and what it holds if it is base64 as a whole (`{"format": "base64", "data": ..}` and the like).
    fn text(&self, text: &mut String) {
        if let Some(clean) = scan::clean(self, text.as_bytes()) {
            // What is replaced begins and ends at ASCII, so this is text still.
            *text = String::from_utf8_lossy(&clean).into_owned();
        }
        if let Some(bytes) = base64_of(text)
            && let Some(clean) = scan::clean_binary(self, bytes)
        {
            *text = BASE64.encode(clean);
        }
    }
}

/// Holds a measurement to what can be searched; before anything in it is touched.
fn bound(value: &Value, depth: usize, bytes_left: &mut usize) -> Result<(), ScrubError> {
    let below = depth.checked_sub(1).ok_or(ScrubError::Deep)?;
    match value {
        Value::String(text) => take(text, bytes_left),
        Value::Array(items) => items.iter().try_for_each(|it| bound(it, below, bytes_left)),
        Value::Object(object) => object.iter().try_for_each(|(key, value)| {
            take(key, bytes_left)?;
            bound(value, below, bytes_left)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn take(text: &str, bytes_left: &mut usize) -> Result<(), ScrubError> {
    *bytes_left = bytes_left.checked_sub(text.len()).ok_or(ScrubError::Large)?;
    Ok(())
}

/// The bytes of a text that is base64 from end to end. A word of six letters may be one too: that does no harm.
fn base64_of(text: &str) -> Option<Vec<u8>> {
    let long_enough = text.len() >= SHORTEST_BASE64;
    long_enough.then(|| BASE64.decode(text).or_else(|_| BASE64_URL.decode(text)).ok()).flatten()
}

fn upper_half(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Four bytes of an address are six characters.
const SHORTEST_BASE64: usize = 6;
const SHORTEST_NAME: usize = 4;

/// What `serde_json` reads, and ten times what OONI's deepest test nests.
const DEEPEST: usize = 128;

/// Far above what a measurement with bounded bodies can be.
const MOST_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn scrubber() -> Scrubber {
        let line = ["198.51.100.23", "2001:db8:a:b:c::1"].map(|it| it.parse().unwrap()).to_vec();
        let resolvers =
            ["203.0.113.53", "2001:db8:ffff::53"].map(|it| it.parse().unwrap()).to_vec();
        let names = vec!["Amina-Laptop".to_owned()];
        Scrubber::new(&Secrets { line, resolvers, names }).unwrap()
    }

    fn scrubbed(text: &str) -> String {
        let clean = scrubber().scrub(json!({ "key": text })).unwrap();
        clean.value()["key"].as_str().unwrap().to_owned()
    }

    #[test]
    fn addresses_go_in_every_form() {
        for form in [
            "198.51.100.23",
            "198.051.100.023",
            "23.100.51.198.in-addr.arpa",
            "198-51-100-23.dsl.example",
            "198%2e51%2E100.23",
            "198\\u002e51\\u002E100\\u002e23",
            "198&#46;51&#x2e;100&period;23",
            "%31%39%38.51.100.23",
            "198%252e51.100.23",
            "1\u{0}9\u{0}8\u{0}.\u{0}5\u{0}1\u{0}.\u{0}1\u{0}0\u{0}0\u{0}.\u{0}2\u{0}3\u{0}",
            "::ffff:198.51.100.23",
            "::FFFF:C633:6417",
            "64:ff9b::c633:6417",
            "2002:c633:6417::1",
            "2001:db8:a:b:c::1",
            "2001:DB8:A:B:C:0:0:1",
            "2001:0db8:000a:000b:000c:0000:0000:0001",
            "[2001:db8:a:b:c::1]:443",
            "2001%3Adb8%3Aa%3Ab%3ac::1",
            "2001\\u003adb8:a:b:c::1",
            "2001:db8:a:b:ffff:ffff:ffff:ffff",
            "2001:db8:a:b::/64",
            "2001:db8:a:b:c:0:192.0.2.1",
            "2001-db8-a-b-c--1.ipv6.example",
            "1.0.0.0.0.0.0.0.0.0.0.0.c.0.0.0.b.0.0.0.a.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            "203.0.113.53:53",
            "2001:db8:ffff::53",
            "2001:DB8:FFFF:0::0:53",
            "AMINA-laptop",
        ] {
            for (before, after) in [("", ""), ("ip=", "&x"), ("from ", ", port 5"), ("\"", "\"")] {
                let clean = scrubbed(&format!("{before}{form}{after}"));
                assert!(clean.contains(MARK), "{form}: {clean}");
                assert!(clean.starts_with(before) && clean.ends_with(after), "{form}: {clean}");
                for left in ["51.100", "100.51", "51-100", "6417", "db8", "DB8", "b.d.0", "0.113"] {
                    assert!(!clean.contains(left), "{form}: {clean}");
                }
            }
        }
    }

    #[test]
    fn other_addresses_stay() {
        for text in [
            "198.51.100.230",
            "198.51.100.2",
            "1198.51.100.23",
            "198.51-100.23",
            "198.51.100",
            "2001:db8:a:c::1",
            "2001:db8:ffff::5",
            "2001:db8:ffff::531",
            "100% of 12:30:45 \\u00e9 &amp; [::1]:80 ::ffff:127.0.0.1",
            "",
        ] {
            assert_eq!(scrubbed(text), text);
        }
    }

    #[test]
    fn base64_is_looked_into_and_packets_keep_their_length() {
        let body = BASE64.encode(b"\xff\xfe your address: 198.51.100.23 \x00");
        let packet = BASE64.encode([7, 7, 198, 51, 100, 23, 9]);
        let value = json!({
            "body": { "format": "base64", "data": body },
            "queries": [{ "raw_response": { "format": "base64", "data": packet } }],
            "198.51.100.23:443": { "[2001:db8:a:b::9]:443": null },
        });
        let clean = scrubber().scrub(value).unwrap();
        let value = clean.value();
        let body = BASE64.decode(value["body"]["data"].as_str().unwrap()).unwrap();
        assert_eq!(body, b"\xff\xfe your address: [scrubbed] \x00");
        let packet = value["queries"][0]["raw_response"]["data"].as_str().unwrap();
        assert_eq!(BASE64.decode(packet).unwrap(), [7, 7, 0, 0, 0, 0, 9]);
        assert_eq!(value["[scrubbed]:443"], json!({ "[[scrubbed]]:443": null }));
    }

    #[test]
    fn the_second_pass_finds_by_itself() {
        let check = check::Check::new(&scrubber());
        for text in [
            "198.51.100.23",
            "23.100.51.198",
            "2001:DB8:A:B:C::1",
            "2001%3adb8:a:b:c:0:0:1",
            "198&#46;51.100.23",
            "my amina-laptop here",
            &BASE64.encode("x198.51.100.23"),
            &BASE64.encode([198, 51, 100, 23]),
        ] {
            let value = json!({ "a": [{ "b": text }] });
            let left = check.value(&value, &mut Vec::new());
            assert_eq!(left, Err(ScrubError::Left { path: "/a/*/b".to_owned() }), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_surely_scrubbed_is_not_written() {
        let mut deep = json!("198.51.100.23");
        for _ in 0..DEEPEST {
            deep = json!([deep]);
        }
        assert_eq!(scrubber().scrub(deep), Err(ScrubError::Deep));
        let large = json!(vec!["z".repeat(1 << 20); 65]);
        assert_eq!(scrubber().scrub(large), Err(ScrubError::Large));
        let names = vec!["pc".to_owned()];
        let short = Scrubber::new(&Secrets { names, ..Secrets::default() });
        assert_eq!(short.unwrap_err(), ScrubError::ShortName("pc".to_owned()));
    }

    /// An address as somebody may write it: what stands before it, its text and what stands after.
    fn written() -> impl Strategy<Value = ([String; 3], IpAddr)> {
        let v4 = any::<u32>().prop_filter("not nobody's", |it| {
            let address = std::net::Ipv4Addr::from(*it);
            !address.is_loopback() && !address.is_unspecified()
        });
        let v4 = (v4, 0..4_usize).prop_map(|(bits, form)| {
            let address = std::net::Ipv4Addr::from(bits);
            let [a, b, c, d] = address.octets();
            let parts = match form {
                0 => ["", &address.to_string(), ""].map(str::to_owned),
                1 => ["", &format!("{d}.{c}.{b}.{a}"), ".in-addr.arpa"].map(str::to_owned),
                2 => ["", &address.to_ipv6_mapped().to_string(), ""].map(str::to_owned),
                _ => ["ppp-", &format!("{a}-{b}-{c}-{d}"), ".example"].map(str::to_owned),
            };
            (parts, IpAddr::V4(address))
        });
        let v6 = (any::<[u16; 8]>(), any::<u8>(), 0..3_usize).prop_map(|(groups, zeros, form)| {
            let mut groups = groups;
            for (at, group) in groups.iter_mut().enumerate().skip(1) {
                *group *= u16::from(zeros >> at & 1);
            }
            groups[0] |= 0x2000;
            let address = Ipv6Addr::from(groups);
            let parts = match form {
                0 => ["", &address.to_string(), ""].map(str::to_owned),
                1 => ["", &groups.map(|it| format!("{it:04X}")).join(":"), ""].map(str::to_owned),
                _ => {
                    ["[", &groups.map(|it| format!("{it:x}")).join(":"), "]:443"].map(str::to_owned)
                }
            };
            (parts, IpAddr::V6(address))
        });
        prop_oneof![v4, v6]
    }

    /// The text with some of its characters escaped.
    fn escaped(text: &str, which: u64, form: usize) -> String {
        let escape = |(at, character): (usize, char)| match (which >> (at % 64) & 1, form) {
            (1, 0) => format!("%{:02X}", u32::from(character)),
            (1, 1) => format!("\\u{:04x}", u32::from(character)),
            (1, 2) => format!("&#{};", u32::from(character)),
            (1, 3) => format!("%25{:02x}", u32::from(character)),
            _ => character.to_string(),
        };
        text.chars().enumerate().map(escape).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

        #[test]
        fn no_form_of_an_address_is_left(
            ([before, text, after], address) in written(),
            which in any::<u64>(),
            form in 0..5_usize,
            around in "[g-z ,;=]{0,8}",
            base64 in any::<bool>(),
        ) {
            let scrubber =
                Scrubber::new(&Secrets { line: vec![address], ..Secrets::default() }).unwrap();
            let [before, after] = [format!("{around}{before}"), format!("{after}{around}")];
            let text = format!("{before}{}{after}", escaped(&text, which, form));
            let inside = if base64 { BASE64.encode(&text) } else { text.clone() };
            let value = json!([{ "format": "base64", "data": inside }]);
            let scrubbed = scrubber.scrub(value).unwrap();
            let clean = scrubbed.value()[0]["data"].as_str().unwrap();
            let clean = match base64 {
                true => String::from_utf8(BASE64.decode(clean).unwrap()).unwrap(),
                false => clean.to_owned(),
            };
            prop_assert_eq!(clean, format!("{before}{MARK}{after}"), "from {}", text);
        }

        #[test]
        fn text_without_secrets_is_left_alone(text in "[ -~]{0,80}") {
            let value = json!({ "text": text });
            let clean = scrubber().scrub(value.clone()).unwrap();
            prop_assert_eq!(clean.value(), &value);
        }

        #[test]
        fn any_text_is_scrubbed_or_refused(text in "[0-9a-f:.%\\\\u&#;x-]{0,200}") {
            let _ = scrubber().scrub(json!({ "text": text }));
        }
    }
}
