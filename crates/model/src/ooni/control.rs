//! The control: what the test helper was asked and what it saw from where the censor is not (th-004).
//!
//! The helper still answers in the failure words of its first, Twisted version for DNS, TCP and HTTP
//! (`dns_name_error`, `connection_refused_error`); [`super::failure::What`] reads both.

use super::record::record;
use crate::lenient::{Failure, Flag, Headers, Int, List, Map, Text};

record! {
    /// I am the request to the test helper.
    pub struct ControlRequest {
        /// The URL measured.
        http_request: Text<'a> = "http_request",
        /// The endpoints that the probe resolved, `address:port`.
        tcp_connect: List<Text<'a>> = "tcp_connect",
    }
}

record! {
    /// I am the answer of the test helper.
    pub struct Control {
        /// Connects, by `address:port`.
        tcp_connect: Map<'a, ControlTcp<'a>> = "tcp_connect",
        /// Handshakes, by `address:port`. Helpers before 2022 have none.
        tls_handshake: Map<'a, ControlTls<'a>> = "tls_handshake",
        /// The final page, after redirects.
        http_request: ControlHttp<'a> = "http_request",
        /// The lookup.
        dns: ControlDns<'a> = "dns",
        /// Networks of the addresses, by address.
        ip_info: Map<'a, ControlIp<'a>> = "ip_info",
    }
}

impl Control<'_> {
    /// False for what probes write when no helper answered: an empty object, or one with every field at zero.
    pub fn is_present(&self) -> bool {
        let http = &self.http_request;
        !self.dns.addrs.is_empty()
            || !self.dns.failure.is_none()
            || !self.tcp_connect.entries().is_empty()
            || !http.failure.is_none()
            || http.status_code.0.is_some_and(|code| code > 0)
    }
}

record! {
    /// I am one connect of the helper.
    pub struct ControlTcp {
        /// Whether it connected.
        status: Flag = "status",
        /// Why it failed.
        failure: Failure<'a> = "failure",
    }
}

record! {
    /// I am one handshake of the helper.
    pub struct ControlTls {
        /// The name it sent.
        server_name: Text<'a> = "server_name",
        /// Whether it succeeded.
        status: Flag = "status",
        /// Why it failed.
        failure: Failure<'a> = "failure",
    }
}

record! {
    /// I am the page that the helper saw.
    pub struct ControlHttp {
        /// Length in bytes; -1 on failure.
        body_length: Int = "body_length",
        /// Endpoint for HTTP/3, where the page names one.
        discovered_h3_endpoint: Text<'a> = "discovered_h3_endpoint",
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// Title of the page.
        title: Text<'a> = "title",
        /// Headers by name.
        headers: Headers<'a> = "headers",
        /// Status code; -1 on failure.
        status_code: Int = "status_code",
    }
}

record! {
    /// I am the helper's lookup.
    pub struct ControlDns {
        /// Why it failed.
        failure: Failure<'a> = "failure",
        /// The addresses; empty and no failure means that the name has none.
        addrs: List<Text<'a>> = "addrs",
    }
}

record! {
    /// I am what the helper knows of an address.
    pub struct ControlIp {
        /// Its network; 0 where unknown.
        asn: Int = "asn",
        /// 1 resolved by the probe, 2 resolved by the helper, 4 bogon, 8 valid for the domain (TLS).
        flags: Int = "flags",
    }
}
