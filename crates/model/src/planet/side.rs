//! The other files of a satellite scan, without which its rows say less.

use super::hyperquack::{Location, first};
use super::page::Received;
use crate::lenient::{Flag, Int, Real, Text};
use crate::ooni::record::record;

record! {
    /// I am who and where a resolver is (`resolvers.json`, `tagged_resolvers.json`).
    pub struct Resolver {
        /// v2: its address.
        vp: Text<'a> = "vp",
        /// v1: its address.
        resolver: Text<'a> = "resolver",
        /// Name that the address leads back to; v1 calls a control resolver `control`.
        name: Text<'a> = "name",
        /// v1: name of the country, English.
        country: Text<'a> = "country",
        /// v2: the country.
        location: Location<'a> = "location",
    }
}

impl Resolver<'_> {
    /// Its address.
    pub fn address(&self) -> &str {
        first(&[&self.vp, &self.resolver])
    }

    /// True for one that the scan calls a control.
    pub fn is_control(&self) -> bool {
        self.name.or_empty().eq_ignore_ascii_case("control")
    }
}

record! {
    /// I am what is known of an address that was an answer (`tagged_answers.json`, `tagged_responses.json`).
    pub struct TaggedAddress {
        /// The address.
        ip: Text<'a> = "ip",
        /// Digest of the page there, hex.
        http: Text<'a> = "http",
        /// Digest of the certificate there, hex.
        cert: Text<'a> = "cert",
        /// Number of the network (AS).
        asnum: Int = "asnum",
        /// Its name.
        asname: Text<'a> = "asname",
    }
}

record! {
    /// I am what was served for a name at an address that a resolver gave, fetched from the scan's own machine
    /// (`blockpages.json`, `control_pages.json`).
    pub struct Page {
        /// The address.
        ip: Text<'a> = "ip",
        /// The name.
        keyword: Text<'a> = "keyword",
        /// The response on port 80, or why there is none.
        http: Received<'a> = "http",
        /// The response on port 443, or why there is none.
        https: Received<'a> = "https",
        /// True where one of the two came.
        fetched: Flag = "fetched",
        /// Later: true where an authority vouches for the certificate.
        trusted_cert: Flag = "trusted_cert",
        /// Later: true where the certificate is for the name.
        cert_hostname_match: Flag = "cert_hostname_match",
    }
}

record! {
    /// I am how a resolver answers in general (`resolver_info.json`, `resolvers_profile.json`). Shares are from 0 to 1.
    pub struct Profile {
        /// v1, v2: its address.
        resolver: Text<'a> = "resolver",
        /// The same, in the words of other files.
        vp: Text<'a> = "vp",
        /// Share of answers with another code than 0.
        non_zero_rcode: Real = "non_zero_rcode",
        /// Share of answers with a private address.
        private_ip: Real = "private_ip",
        /// Share of answers with 0.0.0.0.
        zero_ip: Real = "zero_ip",
        /// Share of questions on which it could not be reached.
        connect_error: Real = "connect_error",
        /// Share of answers at which the certificate is not for the name.
        invalid_cert: Real = "invalid_cert",
    }
}

impl Profile<'_> {
    /// Its address.
    pub fn address(&self) -> &str {
        first(&[&self.vp, &self.resolver])
    }
}
