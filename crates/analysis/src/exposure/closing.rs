//! What is counted of every connection when it is over.

use wirewitness_wire::app::tunnel::Tunnel;

use super::ESP;
use super::channel::Reading;
use super::device::{hardware_in, is_private};
use super::flow::{Flow, Key};
use super::ledger::{Brief, BriefKind, TunnelUse, Value};
use super::scribe::Scribe;
use super::stream::Came;

/// What is counted of every connection.
pub(super) fn close(
    scribe: &mut Scribe<'_>,
    key: &Key,
    (flow, came, is_resolved): (&Flow, &Came, bool),
) {
    let bytes = flow.bytes.iter().sum::<u64>();
    let sums = &mut scribe.ledger.sums;
    sums.connections += 1;
    sums.bytes += bytes;
    sums.named += u64::from(came.named);
    sums.named_by_dns += u64::from(!came.named && is_resolved);
    sums.clear_bytes += if came.clear { bytes } else { 0 };
    if let Some(hour) = scribe.ledger.hour(flow.first_ns) {
        hour.connections += 1;
        hour.bytes += bytes;
    }
    let tunnel = came.tunnel.map(Tunnel::name).or((key.protocol == ESP).then_some("IPsec ESP"));
    if let Some(protocol) = tunnel {
        let weak = came.tunnel == Some(Tunnel::Pptp);
        scribe
            .read(if weak { Reading::TunnelWeak } else { Reading::Tunnel }, Value::Word(protocol));
        let endpoint = scribe.pen.mask.own(&key.server.ip().to_string());
        let (first_ns, last_ns) = (flow.first_ns, flow.last_ns);
        let tunnel = TunnelUse {
            protocol,
            endpoint,
            first_ns,
            last_ns,
            packets: flow.packets,
            bytes: flow.bytes,
        };
        scribe.ledger.tunnel(tunnel);
    } else if !came.named && !came.known {
        scribe.read(Reading::AddressOnly, Value::Correspondent(&key.server.ip().to_string()));
    }
    if tunnel.is_none() && !is_private(key.server.ip()) {
        let kind = if key.server.is_ipv6() { BriefKind::Ipv6 } else { BriefKind::Other };
        scribe.ledger.brief(Brief { first_ns: flow.first_ns, kind });
    }
    if hardware_in(flow.side).is_some() {
        scribe.read(Reading::HardwareAddress, Value::Own(&flow.side.to_string()));
    }
}
