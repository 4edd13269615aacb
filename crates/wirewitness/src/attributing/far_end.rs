//! A helper that is also the far end of batteries: its ports, and the token that its operator hands out.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use wirewitness_net::raw::Raw as _;
use wirewitness_probe::battery::ConsentToken;
use wirewitness_probe::battery::token::MOST_PORTS;
use wirewitness_probe::helper::battery::fragments::count;
use wirewitness_probe::helper::battery::headers::watch;
use wirewitness_probe::helper::battery::{Bounds, Desk, Ports, take_in};
use wirewitness_probe::kernel::KernelNet;

use super::live::private_file;
use crate::command_error::CommandError;
use crate::output;

/// What a far end is told.
#[derive(Debug, Args)]
pub(crate) struct FarEndArgs {
    /// Consent to batteries too (`wirewitness attribute --live`): this is the address that they may contact
    #[arg(long, value_name = "IP", requires = "battery_token")]
    battery: Option<IpAddr>,
    /// The port of that address at which batteries find this server, where it is not that of --listen (a proxy in front)
    #[arg(long, value_name = "PORT", requires = "battery")]
    battery_control: Option<u16>,
    /// Where to write the consent token, a new file; whoever has it may run batteries against this host
    #[arg(long, value_name = "FILE", requires = "battery")]
    battery_token: Option<PathBuf>,
    /// TCP ports that take probes. The more there are, the less a battery waits for blocks that outlive their trigger
    #[arg(long, value_name = "PORT,..", default_value = "20000-20063")]
    battery_ports: String,
    /// UDP ports that take probes. Most DNS injectors look at 53 only
    #[arg(long, value_name = "PORT,..", default_value = "20000-20063")]
    battery_udp_ports: String,
}

impl FarEndArgs {
    /// The desk of a helper that listens at `listening`, if there is to be one, with the token written down.
    pub(crate) fn desk(&self, listening: u16) -> Result<Option<Arc<Desk>>, CommandError> {
        let (Some(address), Some(path)) = (self.battery, &self.battery_token) else {
            return Ok(None);
        };
        let (tcp, udp) = (ports(&self.battery_ports)?, ports(&self.battery_udp_ports)?);
        let control = self.battery_control.unwrap_or(listening);
        let token = ConsentToken::fresh(SocketAddr::new(address, control), tcp, udp)
            .ok_or_else(|| std::io::Error::other("the system has no randomness"))?;
        writeln!(private_file(path)?, "{}", token.text())?;
        Ok(Some(Arc::new(Desk::new(token, Bounds::default()))))
    }
}

/// Opens the ports of a far end at `local`, and takes in what comes to them until dropped.
pub(crate) async fn open(
    net: &KernelNet,
    local: IpAddr,
    desk: &Arc<Desk>,
) -> Result<impl Future<Output = ()> + use<>, CommandError> {
    let opened = Ports::open(net, local, desk).await;
    let ports = opened.map_err(|(port, failure)| CommandError::Measuring {
        message: format!("cannot listen on port {port} of {local} for batteries: {failure}"),
        hint: "name others with --battery-ports and --battery-udp-ports; ports below 1024 take privilege"
            .to_owned(),
    })?;
    let token = desk.token();
    let segments = net.segments(&token.tcp).ok().filter(|_| token.address.is_ipv4());
    let pieces = net.pieces().ok().filter(|_| token.address.is_ipv4());
    let headers = match (&segments, &pieces) {
        (Some(_), Some(_)) => "headers of forged resets are recorded and fragments counted",
        (Some(_), None) => "headers of forged resets are recorded, fragments are not counted",
        _ => {
            "neither headers of forged resets nor fragments are recorded (it takes CAP_NET_RAW, and IPv4)"
        }
    };
    let (tcp, udp) = (token.tcp.len(), token.udp.len());
    let address = token.address;
    output::complain(&format!(
        "far end of batteries at {address}: {tcp} TCP ports, {udp} UDP ports; {headers}\n"
    ));
    if segments.is_some() {
        desk.records_headers();
    }
    if pieces.is_some() {
        desk.counts_fragments();
    }
    let (clock, desk) = (net.clone(), Arc::clone(desk));
    Ok(async move {
        let taking = take_in(clock.clone(), ports, Arc::clone(&desk));
        let looking = async {
            if let Some(segments) = segments {
                watch(clock.clone(), segments, Arc::clone(&desk)).await;
            }
        };
        let counting = async {
            if let Some(pieces) = pieces {
                count(clock.clone(), pieces, Arc::clone(&desk)).await;
            }
        };
        tokio::join!(taking, looking, counting).0
    })
}

/// `443,20000-20063`, each once.
fn ports(text: &str) -> Result<Vec<u16>, CommandError> {
    let wrong = |part: &str| CommandError::Usage {
        message: format!("{part:?} is no port and no range of ports"),
        hint: format!("as in 443,20000-20063; {MOST_PORTS} at most"),
    };
    let mut ports = std::collections::BTreeSet::new();
    for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high): (u16, u16) = match (low.parse(), high.parse()) {
            (Ok(low), Ok(high)) if 0 < low && low <= high => (low, high),
            _ => return Err(wrong(part)),
        };
        ports.extend(low..=high);
    }
    if ports.len() > MOST_PORTS { Err(wrong(text)) } else { Ok(ports.into_iter().collect()) }
}

#[cfg(test)]
mod tests {
    use super::ports;

    #[test]
    fn ports_are_numbers_and_ranges() {
        assert_eq!(ports("443, 20000-20002,443").unwrap(), [443, 20000, 20001, 20002]);
        assert!(ports("").unwrap().is_empty());
        for wrong in ["0", "x", "5-4", "1-600", "70000", "1-2-3", "-"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
