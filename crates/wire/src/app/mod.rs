//! The messages of applications, one file each.

pub mod banner;
pub mod coap;
pub mod dhcp;
pub mod dns;
pub mod http;
pub mod local_names;
pub mod mail;
pub mod mqtt;
pub mod ntp;
pub mod quic;
pub mod rtp;
pub mod sip;
pub mod stun;
pub mod tls;
pub mod tls_server;
pub mod tunnel;
pub mod x509;
