//! The extended half: three bit masks over everything the probe saw.

use super::analyze::Analysis;

/// The three masks. Bits are listed at [`super::OoniKeys`].
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) dns: u8,
    pub(super) blocking: u8,
    pub(super) null_null: u8,
}

const DNS_BOGON: u8 = 1;
const DNS_UNEXPECTED_FAILURE: u8 = 2;
const DNS_UNEXPECTED_ADDRESSES: u8 = 4;
const BLOCKING_DNS: u8 = 1;
const BLOCKING_TCP_IP: u8 = 2;
const BLOCKING_TLS: u8 = 4;
const BLOCKING_HTTP: u8 = 8;
const BLOCKING_HTTP_DIFF: u8 = 16;
const SUCCESS: u8 = 32;

/// Sets the masks.
pub(super) fn flags(analysis: &Analysis<'_>) -> Flags {
    let mut flags = Flags::default();
    dns(&mut flags, analysis);
    set(&mut flags.blocking, BLOCKING_TCP_IP, analysis.tcp.unexpected);
    set(&mut flags.blocking, BLOCKING_TLS, analysis.tls.unexpected);
    set(&mut flags.blocking, BLOCKING_HTTP, analysis.http_unexpected_failure);
    redirects(&mut flags, analysis);
    final_response(&mut flags, analysis);
    set(&mut flags.null_null, 1, analysis.dns_expected_failure);
    set(&mut flags.null_null, 2, analysis.tcp.expected);
    set(&mut flags.null_null, 4, analysis.tls.expected);
    set(&mut flags.null_null, 16, analysis.control_resolved == Some(false) && analysis.dns_success);
    flags
}

fn set(mask: &mut u8, bit: u8, when: bool) {
    if when {
        *mask |= bit;
    }
}

fn dns(flags: &mut Flags, analysis: &Analysis<'_>) {
    set(&mut flags.dns, DNS_BOGON, analysis.dns_bogon);
    set(&mut flags.dns, DNS_UNEXPECTED_FAILURE, analysis.dns_unexpected_failure);
    set(&mut flags.dns, DNS_UNEXPECTED_ADDRESSES, !analysis.dns_invalid.is_empty());
    // A bogon is noted but blocks nothing by itself: the name may lead there for everybody.
    set(
        &mut flags.blocking,
        BLOCKING_DNS,
        flags.dns & (DNS_UNEXPECTED_FAILURE | DNS_UNEXPECTED_ADDRESSES) != 0,
    );
}

/// Failures after a redirect have no control of their own. They count where no final page came and the control got one.
fn redirects(flags: &mut Flags, analysis: &Analysis<'_>) {
    if analysis.final_response.is_some() || !analysis.control_got_page {
        return;
    }
    set(&mut flags.blocking, BLOCKING_DNS, analysis.dns_unexplained_failure);
    set(&mut flags.blocking, BLOCKING_TCP_IP, analysis.tcp.unexplained);
    set(&mut flags.blocking, BLOCKING_TLS, analysis.tls.unexplained);
    set(&mut flags.blocking, BLOCKING_HTTP, analysis.http_unexplained_failure);
}

fn final_response(flags: &mut Flags, analysis: &Analysis<'_>) {
    let Some(response) = analysis.final_response else { return };
    match (response.is_tls, response.has_control) {
        (true, _) => {
            flags.blocking |= SUCCESS;
            set(&mut flags.null_null, 8, !response.has_control);
        }
        (false, false) => {}
        (false, true) if analysis.page.differs() => flags.blocking |= BLOCKING_HTTP_DIFF,
        (false, true) => flags.blocking |= SUCCESS,
    }
}
