//! DNS lookups (df-002-dnst).

use super::record::record;
use crate::lenient::{Failure, Int, List, Real, Text};

record! {
    /// I am one DNS lookup: one name, one type, one resolver.
    pub struct Query {
        /// The answers; empty on failure.
        answers: List<Answer<'a>> = "answers",
        /// `getaddrinfo`, `golang_net_resolver`, `system`, `udp`, `tcp`, `dot`, `doh` or `unknown`.
        engine: Text<'a> = "engine",
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// The name looked up.
        hostname: Text<'a> = "hostname",
        /// `A`, `AAAA`, .. or `ANY` for getaddrinfo.
        query_type: Text<'a> = "query_type",
        /// `address:port` or URL of the resolver, where the engine has one.
        resolver_address: Text<'a> = "resolver_address",
        /// Older files: address of the resolver.
        resolver_hostname: Text<'a> = "resolver_hostname",
        /// Response code, where the probe saw the message.
        rcode: Int = "rcode",
        /// Start, seconds since the measurement began.
        t0: Real = "t0",
        /// End, seconds since the measurement began.
        t: Real = "t",
        /// `classic`, `depth=N`, ..
        tags: List<Text<'a>> = "tags",
        /// Which operations belong together. A and AAAA of one lookup share one.
        transaction_id: Int = "transaction_id",
    }
}

record! {
    /// I am one record of a DNS answer.
    pub struct Answer {
        /// `A`, `AAAA`, `CNAME`, ..
        answer_type: Text<'a> = "answer_type",
        /// Network of the address, where the probe's own table has it.
        asn: Int = "asn",
        /// Name of that network.
        as_org_name: Text<'a> = "as_org_name",
        /// Target of a CNAME, name of a PTR.
        hostname: Text<'a> = "hostname",
        /// Address of an A record.
        ipv4: Text<'a> = "ipv4",
        /// Address of an AAAA record.
        ipv6: Text<'a> = "ipv6",
        /// Time to live, seconds.
        ttl: Int = "ttl",
    }
}

impl Answer<'_> {
    /// The address of an A or AAAA record; none for other types.
    pub fn address(&self) -> Option<&str> {
        match self.answer_type.as_str()? {
            "A" => self.ipv4.as_str(),
            "AAAA" => self.ipv6.as_str(),
            _ => None,
        }
    }
}
