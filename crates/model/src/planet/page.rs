//! What came back: an HTTP response as Censored Planet writes it, text, or nothing.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::capped::Fields;
use crate::lenient::{Int, MaybeBinary, Skip, Text};
use crate::ooni::record::record;

record! {
    /// I am an HTTP response.
    pub struct Response {
        /// `403 Forbidden`.
        status_line: Text<'a> = "status_line",
        /// Header fields.
        headers: Fields<'a> = "headers",
        /// The body as text; bytes that were no UTF-8 are U+FFFD in the file. Satellite cuts it at 64 KiB.
        body: Text<'a> = "body",
        /// Hyperquack v1: the TLS session.
        tls: Tls<'a> = "tls",
        /// Later: version of TLS, as a number of its registry (771 is TLS 1.2).
        tls_version: Int = "TlsVersion",
        /// Later: the leaf certificate, DER in base64, alone or first in a list.
        certificate: MaybeBinary<'a> = "Certificate",
    }
}

impl Response<'_> {
    /// The status code: the first number of three digits in the status line.
    pub fn status(&self) -> Option<u16> {
        let words = self.status_line.or_empty().split_ascii_whitespace();
        let code = words.filter(|word| word.len() == 3).find_map(|word| word.parse().ok());
        code.filter(|code| (100..=999).contains(code))
    }

    /// The leaf certificate in base64, whichever version wrote it.
    pub fn certificate(&self) -> Option<&str> {
        match (&self.certificate, &self.tls.cert) {
            (MaybeBinary::Text(text), _) | (_, MaybeBinary::Text(text)) => Some(text.as_ref()),
            _ => None,
        }
    }
}

record! {
    /// I am a TLS session as hyperquack v1 writes it.
    pub struct Tls {
        /// The leaf certificate, DER in base64.
        cert: MaybeBinary<'a> = "cert",
    }
}

/// I am what came back.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Received<'a> {
    /// Nothing, or it was not kept.
    #[default]
    Nothing,
    /// Text: raw bytes of a stream (echo, discard), or the reason why there is no response (satellite's pages).
    Text(Cow<'a, str>),
    /// An HTTP response.
    Response(Box<Response<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Received<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Received<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a response")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Received<'a>, E> {
                Ok(if v.is_empty() { Received::Nothing } else { Received::Text(Cow::Borrowed(v)) })
            }
            fn visit_str<E>(self, v: &str) -> Result<Received<'a>, E> {
                Ok(Received::Text(Cow::Owned(v.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Received<'a>, E> {
                Ok(Received::Nothing)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Received<'a>, E> {
                Ok(Received::Nothing)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Received<'a>, E> {
                Ok(Received::Nothing)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Received<'a>, E> {
                Ok(Received::Nothing)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Received<'a>, E> {
                Ok(Received::Nothing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Received<'a>, A::Error> {
                while seq.next_element::<Skip>()?.is_some() {}
                Ok(Received::Nothing)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Received<'a>, A::Error> {
                let response = Response::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Received::Response(Box::new(response)))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}
