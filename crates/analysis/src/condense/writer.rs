//! The pass over a measurement's text: copies, and puts something else in a few places.
//!
//! The text is not read into a tree. What is copied goes in spans as long as possible; what is replaced is known by its key
//! and, for responses, taken from the measurement as it was read, so that no body is unescaped again. Of equal keys the
//! last is the one that is read: the others are taken to be like it, which shortens what nobody reads.

use std::borrow::Cow;

use serde::Deserialize;
use wirewitness_model::document::MAX_DEPTH;
use wirewitness_model::lenient::{MaybeBinary, Text};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::ooni::body::Body;
use wirewitness_model::ooni::http::{Response, Transaction};

use super::person::SCRUBBED;
use super::scan::Scan;
use super::{CondenseError, MAX_WHOLE_BODY_BYTES, parts};
use crate::judge::Context;

/// I write the condensed form.
pub(super) struct Writer<'t, 'm> {
    scan: Scan<'t>,
    out: String,
    /// All of the text before this place has been copied or left out.
    copied: usize,
    depth: usize,
    requests: &'m [Transaction<'m>],
    context: &'m Context<'m>,
    keeps_bodies: bool,
}

/// Where in a measurement a value stands.
#[derive(Clone, Copy)]
enum Place<'m> {
    Envelope,
    TestKeys,
    /// One entry of `requests`, with its response as it was read.
    Transaction(Option<&'m Response<'m>>),
    Request,
    Other,
}

type Done = Result<(), CondenseError>;

impl<'t, 'm> Writer<'t, 'm> {
    pub(super) fn new(
        text: &'t str,
        measurement: &'m Measurement<'m>,
        context: &'m Context<'m>,
    ) -> Self {
        let test = measurement.test_name.or_empty();
        Self {
            scan: Scan::new(text),
            out: String::with_capacity(text.len().min(64 * 1024)),
            copied: 0,
            depth: 0,
            requests: measurement.test_keys.as_ref().map_or(&[], |keys| &keys.requests),
            context,
            keeps_bodies: matches!(
                test,
                "http_header_field_manipulation" | "meek_fronted_requests_test"
            ),
        }
    }

    pub(super) fn write(mut self) -> Result<String, CondenseError> {
        self.space();
        self.value(Place::Envelope)?;
        self.space();
        if self.scan.byte().is_some() {
            return Err(self.scan.error("the end of the text"));
        }
        self.flush();
        Ok(self.out)
    }

    /// Copies all that is pending.
    fn flush(&mut self) {
        self.out.push_str(self.scan.slice(self.copied, self.scan.at));
        self.copied = self.scan.at;
    }

    /// Leaves out the white space here.
    fn space(&mut self) {
        if let Some(b' ' | b'\t' | b'\n' | b'\r') = self.scan.byte() {
            self.flush();
            self.scan.space();
            self.copied = self.scan.at;
        }
    }

    /// Steps over a value and gives it, to be copied unless [`put`](Self::put) follows.
    fn take(&mut self) -> Result<&'t str, CondenseError> {
        self.flush();
        self.scan.skip()
    }

    /// Writes this in place of all that is pending.
    fn put(&mut self, json: &str) {
        self.out.push_str(json);
        self.copied = self.scan.at;
    }

    fn value(&mut self, place: Place<'m>) -> Done {
        match self.scan.byte() {
            Some(b'{') => self.members(|it, key| it.member(place, key)).map(|_| ()),
            Some(b'[') => self.items(|it, _| it.value(Place::Other)),
            Some(b'"') => self.text(),
            _ => self.scan.literal(),
        }
    }

    /// A text, cut where it is too long.
    fn text(&mut self) -> Done {
        let start = self.scan.at;
        let inside = self.scan.string()?;
        if inside.len() < super::MAX_TEXT_BYTES {
            return Ok(());
        }
        if let Some(cut) = parts::long_text(self.scan.slice(start, self.scan.at)) {
            self.out.push_str(self.scan.slice(self.copied, start));
            self.put(&cut);
        }
        Ok(())
    }

    /// Goes through an object, `on` being called before each value, and gives the number of its members.
    fn members(
        &mut self,
        mut on: impl FnMut(&mut Self, &str) -> Done,
    ) -> Result<usize, CondenseError> {
        self.enter()?;
        let mut members = 0;
        if self.scan.byte() != Some(b'}') {
            loop {
                let key = self.scan.string()?;
                let key = unescaped(key);
                self.space();
                self.expect(b':')?;
                on(self, &key)?;
                members += 1;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(members)
    }

    /// Goes through a list, `on` being called before each value with its place.
    fn items(&mut self, mut on: impl FnMut(&mut Self, usize) -> Done) -> Done {
        self.enter()?;
        if self.scan.byte() != Some(b']') {
            for at in 0.. {
                on(self, at)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Steps into an object or list.
    fn enter(&mut self) -> Done {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.scan.error("less nesting"));
        }
        self.scan.at += 1;
        self.space();
        Ok(())
    }

    /// Steps out of it, over its end.
    fn leave(&mut self) {
        self.depth -= 1;
        self.scan.at += 1;
    }

    /// Steps over a comma; false where the end comes instead.
    fn goes_on(&mut self, end: u8) -> Result<bool, CondenseError> {
        self.space();
        if self.scan.byte() == Some(end) {
            return Ok(false);
        }
        self.expect(b',')?;
        Ok(true)
    }

    fn expect(&mut self, byte: u8) -> Done {
        if self.scan.byte() != Some(byte) {
            return Err(self.scan.error("a comma, a colon or an end"));
        }
        self.scan.at += 1;
        self.space();
        Ok(())
    }

    /// The value of one key.
    fn member(&mut self, place: Place<'m>, key: &str) -> Done {
        let opens = self.scan.byte();
        match (place, key, opens) {
            (Place::Envelope, "test_keys", Some(b'{')) => self.value(Place::TestKeys),
            (Place::Envelope, "probe_ip", _) => self.probe_ip(),
            (Place::Envelope, "probe_city", _) => self.replace("null"),
            (Place::Envelope, "resolver_ip", _) => self.resolver(),
            (Place::TestKeys, "client_resolver", _) => self.resolver(),
            (Place::TestKeys, "requests", Some(b'[')) => self.items(|it, at| {
                let response = it.requests.get(at).map(|trip| &trip.response);
                it.value(Place::Transaction(response))
            }),
            (Place::Transaction(read), "response", Some(b'{')) => self.response(read),
            (_, "response", Some(b'{')) => self.response(None),
            (_, "request", Some(b'{')) => self.value(Place::Request),
            (Place::Request, "body", _) => self.leave_out("null"),
            (_, "body", _) => self.body(),
            (_, "headers" | "headers_list", Some(b'{' | b'[')) => self.headers(),
            (_, "peer_certificates", Some(b'[')) => self.items(|it, at| match at {
                0 => it.value(Place::Other),
                _ => it.body(),
            }),
            (_, "raw_packet", _) => self.replace("null"),
            _ => self.value(Place::Other),
        }
    }

    fn probe_ip(&mut self) -> Done {
        let value: Text<'_> = read(self.take()?, self.copied)?;
        if value.or_empty() == SCRUBBED {
            self.put("\"127.0.0.1\"");
        }
        Ok(())
    }

    /// The address of a resolver: its network in its place.
    fn resolver(&mut self) -> Done {
        let value: Text<'_> = read(self.take()?, self.copied)?;
        match value.or_empty().parse::<std::net::IpAddr>() {
            Ok(address) if !address.is_loopback() => {
                let asn = self.context.asns.asn(address).unwrap_or(0);
                self.put(&format!("\"AS{asn}\""));
            }
            _ if value.or_empty() == SCRUBBED => self.put("\"AS0\""),
            _ => {}
        }
        Ok(())
    }

    /// A response, as it was read with the measurement, or else is read here.
    fn response(&mut self, known: Option<&Response<'_>>) -> Done {
        let own;
        let response = match known {
            Some(response) => Some(response),
            None => {
                own = self.read_ahead::<Response<'t>>();
                own.as_ref()
            }
        };
        match response {
            Some(response) if self.keeps_bodies && is_short(&response.body) => {
                self.members(|it, key| it.whole(key)).map(|_| ())
            }
            Some(response) => {
                let digest = parts::response_body(response, self.context.fingerprints);
                self.response_with(digest.as_deref())
            }
            None => self.value(Place::Other),
        }
    }

    /// A member of a response whose body stays.
    fn whole(&mut self, key: &str) -> Done {
        let place = Place::Other;
        if key == "body" { self.value(place) } else { self.member(place, key) }
    }

    /// A response with this for a body.
    fn response_with(&mut self, digest: Option<&str>) -> Done {
        let mut is_written = false;
        let members = self.members(|it, key| {
            if key != "body" {
                return it.member(Place::Other, key);
            }
            is_written = true;
            let digest = digest.unwrap_or_else(|| it.nothing());
            it.replace(digest)
        })?;
        if let (Some(digest), false) = (digest, is_written) {
            self.append("body", digest, members);
        }
        Ok(())
    }

    /// Adds a member to the object that was just left.
    fn append(&mut self, key: &str, json: &str, members: usize) {
        let end = self.scan.at - 1;
        self.out.push_str(self.scan.slice(self.copied, end));
        self.copied = end;
        let comma = if members > 0 { "," } else { "" };
        self.out.push_str(&format!("{comma}\"{key}\":{json}"));
    }

    /// What stands for a body that says nothing.
    fn nothing(&self) -> &'static str {
        if self.scan.byte() == Some(b'"') { "\"\"" } else { "null" }
    }

    /// A body that is not in a response, or a certificate.
    fn body(&mut self) -> Done {
        let body = self.read_ahead::<Body<'t>>();
        let digest = body.as_ref().and_then(parts::plain_body);
        match (body, digest) {
            (Some(_), Some(digest)) => self.replace(&digest),
            (Some(_), None) => self.replace(self.nothing()),
            (None, _) => self.leave_out("null"),
        }
    }

    fn headers(&mut self) -> Done {
        if self.scan.byte() == Some(b'{') {
            return self.members(|it, name| it.header(parts::is_personal(name))).map(|_| ());
        }
        self.items(|it, _| match it.scan.byte() {
            Some(b'[') => it.pair(),
            _ => it.value(Place::Other),
        })
    }

    /// The value of a header.
    fn header(&mut self, is_personal: bool) -> Done {
        if is_personal {
            return self.leave_out("\"\"");
        }
        let start = self.scan.at;
        self.scan.skip()?;
        let long = parts::long_value(self.scan.slice(start, self.scan.at));
        if let Some(cut) = long {
            self.out.push_str(self.scan.slice(self.copied, start));
            self.put(&cut);
            return Ok(());
        }
        // Again, for the white space in it.
        self.scan.at = start;
        self.value(Place::Other)
    }

    /// A name and a value.
    fn pair(&mut self) -> Done {
        let mut is_personal = false;
        self.items(|it, at| {
            if at > 0 {
                return it.header(is_personal);
            }
            let name = it.read_ahead::<MaybeBinary<'t>>().unwrap_or_default();
            is_personal = parts::is_personal(&String::from_utf8_lossy(&name.bytes()));
            it.value(Place::Other)
        })
    }

    /// Reads the value here, without a step; none where it cannot be read.
    fn read_ahead<T: Deserialize<'t>>(&self) -> Option<T> {
        serde_json::Deserializer::from_str(self.scan.rest()).into_iter::<T>().next()?.ok()
    }

    /// Steps over a value and writes this in its place.
    fn replace(&mut self, json: &str) -> Done {
        self.take()?;
        self.put(json);
        Ok(())
    }

    /// As [`replace`](Self::replace), but a short value that cannot be read (a number out of range) stays, so that a reader
    /// of what holds it stumbles as before.
    fn leave_out(&mut self, json: &str) -> Done {
        let is_readable = self.read_ahead::<MaybeBinary<'t>>().is_some();
        if self.take()?.len() > MAX_UNREADABLE_BYTES || is_readable {
            self.put(json);
        }
        Ok(())
    }
}

/// The longest value that stays although it cannot be read, in bytes.
const MAX_UNREADABLE_BYTES: usize = 64;

fn is_short(body: &Body<'_>) -> bool {
    match body {
        Body::Whole(MaybeBinary::Text(written) | MaybeBinary::Base64(written)) => {
            written.len() <= MAX_WHOLE_BODY_BYTES
        }
        Body::Whole(MaybeBinary::Absent) => true,
        Body::Digest(_) => false,
    }
}

fn read<'t, T: Deserialize<'t>>(json: &'t str, offset: usize) -> Result<T, CondenseError> {
    serde_json::from_str(json).map_err(|error| CondenseError::Part { offset, error })
}

/// A key as it reads. One with an escape that is none reads as it is written.
fn unescaped(key: &str) -> Cow<'_, str> {
    if !key.contains('\\') {
        return Cow::Borrowed(key);
    }
    serde_json::from_str(&format!("\"{key}\"")).map_or(Cow::Borrowed(key), Cow::Owned)
}
