//! DNS and QUIC over UDP: answers that differ, that come too soon or are odd; Initials that have no answer.

use wirewitness_wire::transport::Udp;

use super::drop::Drops;
use super::finding::Finding;
use crate::flows::Seen;

/// Watches datagrams.
#[derive(Debug, Default)]
pub struct UdpWatch {}

impl UdpWatch {
    /// Takes in a datagram.
    pub fn datagram(
        &mut self,
        seen: &Seen,
        udp: &Udp<'_>,
        drops: &mut Drops,
        out: &mut dyn FnMut(Finding),
    ) {
        let _ = (seen, udp, drops, out);
    }

    /// What is over, since nothing came of it for long, is told and forgotten. Called now and then with the capture's time.
    pub fn pass_time(&mut self, now_ns: i64, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        let _ = (now_ns, drops, out);
    }

    /// The capture has ended.
    pub fn finish(&mut self, last_ns: i64, drops: &mut Drops, out: &mut dyn FnMut(Finding)) {
        let _ = (last_ns, drops, out);
    }
}
