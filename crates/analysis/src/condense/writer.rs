//! The pass over a measurement's text: copies, and puts something else in a few places.
//!
//! The text is not read into a tree. What is copied goes in spans as long as possible; what is replaced is known by its key
//! and, for responses, taken from the measurement as it was read, so that no body is unescaped again. Of equal keys the
//! last is the one that is read: the others are taken to be like it, which shortens what nobody reads.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Deserialize;
use wirewitness_model::lenient::{Headers, MaybeBinary, Text};
use wirewitness_model::ooni::Measurement;
use wirewitness_model::ooni::body::Body;
use wirewitness_model::ooni::http::{Response, Transaction};

use super::copier::{Copier, Done};
use super::person::SCRUBBED;
use super::{CondenseError, MAX_WHOLE_BODY_BYTES, parts};
use crate::judge::Context;

/// I write the condensed form.
pub(super) struct Writer<'t, 'm> {
    copy: Copier<'t>,
    requests: &'m [Transaction<'m>],
    context: &'m Context<'m>,
    keeps_bodies: bool,
    /// Room for what a body says.
    said: String,
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

impl<'t, 'm> Writer<'t, 'm> {
    pub(super) fn new(
        text: &'t str,
        measurement: &'m Measurement<'m>,
        context: &'m Context<'m>,
    ) -> Self {
        Self {
            copy: Copier::new(text),
            requests: measurement.test_keys.as_ref().map_or(&[], |keys| &keys.requests),
            context,
            keeps_bodies: keeps_bodies(measurement),
            said: String::new(),
        }
    }

    /// Over a text that was not read: responses are read where they stand, and so is all that is not copied.
    pub(super) fn unread(text: &'t str, context: &'m Context<'m>) -> Self {
        let copy = Copier::new(text).reading();
        Self { copy, requests: &[], context, keeps_bodies: false, said: String::new() }
    }

    pub(super) fn write(mut self) -> Result<String, CondenseError> {
        self.copy.space();
        self.value(Place::Envelope)?;
        self.copy.space();
        self.copy.finish()
    }

    fn value(&mut self, place: Place<'m>) -> Done {
        match self.copy.scan.byte() {
            Some(b'{') => self.members(|it, key| it.member(place, key)).map(|_| ()),
            Some(b'[') => self.items(|it, _| it.value(Place::Other)),
            Some(b'"') => self.text(),
            _ => self.copy.scan.literal(),
        }
    }

    /// A text, cut where it is too long.
    fn text(&mut self) -> Done {
        let start = self.copy.scan.at;
        let inside = self.copy.scan.string()?;
        if inside.len() < super::MAX_TEXT_BYTES {
            return Ok(());
        }
        let end = self.copy.scan.at;
        self.said.clear();
        self.copy.scan.at = start;
        let is_read = self.copy.scan.string_said(&mut self.said);
        self.copy.scan.at = end;
        if let (true, Some(cut)) = (is_read, parts::long_text(&self.said)) {
            self.copy.put_since(start, &cut);
        }
        Ok(())
    }

    /// Goes through an object, `on` being called before each value, and gives the number of its members.
    fn members(
        &mut self,
        mut on: impl FnMut(&mut Self, &str) -> Done,
    ) -> Result<usize, CondenseError> {
        self.copy.enter()?;
        let mut members = 0;
        if self.copy.scan.byte() != Some(b'}') {
            loop {
                let key = self.copy.key()?;
                on(self, &key)?;
                members += 1;
                if !self.copy.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.copy.leave();
        Ok(members)
    }

    /// Goes through a list, `on` being called before each value with its place.
    fn items(&mut self, mut on: impl FnMut(&mut Self, usize) -> Done) -> Done {
        self.copy.enter()?;
        if self.copy.scan.byte() != Some(b']') {
            for at in 0.. {
                on(self, at)?;
                if !self.copy.goes_on(b']')? {
                    break;
                }
            }
        }
        self.copy.leave();
        Ok(())
    }

    /// The value of one key.
    fn member(&mut self, place: Place<'m>, key: &str) -> Done {
        let opens = self.copy.scan.byte();
        match (place, key, opens) {
            (Place::Envelope, "test_keys", Some(b'{')) => self.value(Place::TestKeys),
            (Place::Envelope, "probe_ip", _) => self.probe_ip(),
            (Place::Envelope, "probe_city", _) => self.copy.replace("null"),
            (Place::Envelope, "resolver_ip", _) => self.resolver(),
            (Place::TestKeys, "client_resolver", _) => self.resolver(),
            (Place::TestKeys, "requests", Some(b'[')) => self.items(|it, at| {
                let response = it.requests.get(at).map(|trip| &trip.response);
                it.value(Place::Transaction(response))
            }),
            (Place::Transaction(read), "response", Some(b'{')) => self.response(read),
            (_, "response", Some(b'{')) => self.response(None),
            (_, "request", Some(b'{')) => self.value(Place::Request),
            (Place::Request, "body", _) => self.copy.leave_out("null"),
            (_, "body", _) => self.body(),
            (_, "headers" | "headers_list", Some(b'{' | b'[')) => self.headers(),
            (_, "peer_certificates", Some(b'[')) => self.items(|it, at| match at {
                0 => it.value(Place::Other),
                _ => it.body(),
            }),
            (_, "raw_packet", _) => self.copy.replace("null"),
            _ => self.value(Place::Other),
        }
    }

    fn probe_ip(&mut self) -> Done {
        let value: Text<'_> = read(self.copy.take()?, self.copy.scan.at)?;
        if value.or_empty() == SCRUBBED {
            self.copy.put("\"127.0.0.1\"");
        }
        Ok(())
    }

    /// The address of a resolver: its network in its place.
    fn resolver(&mut self) -> Done {
        let value: Text<'_> = read(self.copy.take()?, self.copy.scan.at)?;
        let value = value.or_empty();
        let is_number = value.strip_prefix("AS").is_some_and(|it| it.parse::<u32>().is_ok());
        match value.parse::<IpAddr>() {
            Ok(address) if !address.is_loopback() => {
                let asn = self.context.asns.asn(address).unwrap_or(0);
                self.copy.put(&format!("\"AS{asn}\""));
            }
            Err(_) if value == SCRUBBED => self.copy.put("\"AS0\""),
            Err(_) if !is_number => self.copy.put("null"),
            _ => {}
        }
        Ok(())
    }

    /// A response, as it was read with the measurement, or else is read here.
    fn response(&mut self, known: Option<&Response<'_>>) -> Done {
        if known.is_none() && self.copy.reads() {
            let before = self.copy.mark();
            if let Ok(true) = self.plain_response() {
                return Ok(());
            }
            self.copy.back_to(before);
        }
        let own;
        let response = match known {
            Some(response) => Some(response),
            None => {
                own = self.copy.read_ahead::<Response<'t>>();
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

    /// A response that nobody has read, in one pass: as nearly all are, with one body that is a text and with headers once. False
    /// somewhere in it where it is another.
    fn plain_response(&mut self) -> Result<bool, CondenseError> {
        let mut said = std::mem::take(&mut self.said);
        said.clear();
        let mut response = Response::default();
        let (mut place, mut listed) = (None, None);
        let mut is_plain = true;
        self.members(|it, key| {
            match key {
                _ if !is_plain => {}
                "body" if place.is_none() => {
                    place = it.copy.string_said(&mut said);
                    is_plain = place.is_some();
                    return Ok(());
                }
                "headers" if response.headers.0.is_empty() => {
                    let read = it.copy.read_ahead::<Headers<'t>>();
                    is_plain = read.is_some();
                    response.headers = read.unwrap_or_default();
                }
                "headers_list" if listed.is_none() => listed = Some(it.copy.scan.rest()),
                "body" | "headers" | "headers_list" => is_plain = false,
                _ => {}
            }
            if is_plain {
                it.member(Place::Other, key)
            } else {
                Err(it.copy.scan.error("one of a kind"))
            }
        })?;
        let Some(place) = place else { return Ok(false) };
        if response.headers.0.is_empty()
            && let Some(listed) = listed
        {
            let mut read = serde_json::Deserializer::from_str(listed).into_iter();
            response.headers = read.next().and_then(Result::ok).unwrap_or_default();
        }
        response.body = Body::Whole(MaybeBinary::Text(Cow::Borrowed(&said)));
        let digest = parts::response_body(&response, self.context.fingerprints);
        self.copy.put_at(place, digest.as_deref().unwrap_or("\"\""));
        self.said = said;
        Ok(true)
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
            it.copy.replace_read(digest)
        })?;
        if let (Some(digest), false) = (digest, is_written) {
            self.copy.append("body", digest, members);
        }
        Ok(())
    }

    /// What stands for a body that says nothing.
    fn nothing(&self) -> &'static str {
        if self.copy.scan.byte() == Some(b'"') { "\"\"" } else { "null" }
    }

    /// A body that is not in a response, or a certificate.
    fn body(&mut self) -> Done {
        let body = self.copy.read_ahead::<Body<'t>>();
        let digest = body.as_ref().and_then(parts::plain_body);
        match (body, digest) {
            (Some(_), Some(digest)) => self.copy.replace_read(&digest),
            (Some(_), None) => self.copy.replace_read(self.nothing()),
            (None, _) => self.copy.leave_out("null"),
        }
    }

    fn headers(&mut self) -> Done {
        if self.copy.scan.byte() == Some(b'{') {
            return self.members(|it, name| it.header(parts::is_personal(name))).map(|_| ());
        }
        self.items(|it, _| match it.copy.scan.byte() {
            Some(b'[') => it.pair(),
            _ => it.value(Place::Other),
        })
    }

    /// The value of a header.
    fn header(&mut self, is_personal: bool) -> Done {
        if is_personal {
            return self.copy.leave_out("\"\"");
        }
        let start = self.copy.scan.at;
        let is_text = self.copy.scan.byte() == Some(b'"');
        self.copy.scan.skip()?;
        let long = parts::long_value(self.copy.scan.slice(start, self.copy.scan.at));
        if let Some(cut) = long {
            self.copy.put_since(start, &cut);
            return Ok(());
        }
        if is_text {
            return Ok(());
        }
        // Again, for the white space in it.
        self.copy.scan.at = start;
        self.value(Place::Other)
    }

    /// A name and a value.
    fn pair(&mut self) -> Done {
        let mut is_personal = false;
        self.items(|it, at| {
            if at > 0 {
                return it.header(is_personal);
            }
            let name = it.copy.read_ahead::<MaybeBinary<'t>>().unwrap_or_default();
            is_personal = parts::is_personal(&String::from_utf8_lossy(&name.bytes()));
            it.value(Place::Other)
        })
    }
}

/// Whether it is of a test that judges by bodies.
pub(super) fn keeps_bodies(measurement: &Measurement<'_>) -> bool {
    let test = measurement.test_name.or_empty();
    matches!(test, "http_header_field_manipulation" | "meek_fronted_requests_test")
}

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
