//! From the tables of `[[middlebox]]` to middleboxes on their hops.

use std::net::IpAddr;
use std::time::Duration;

use wirewitness_wire::app::quic::Version;

use crate::fabric::topology::{RouterId, Topology};
use crate::frame::{IcmpKind, flags};
use crate::middlebox::defragment::Defragment;
use crate::middlebox::device as known;
use crate::middlebox::divert::{Divert, Origins};
use crate::middlebox::dns_injection::{AnswerShape, DnsInjection, Lie};
use crate::middlebox::drop::{EndpointAction, EndpointBlock};
use crate::middlebox::endpoint::Endpoints;
use crate::middlebox::forge::ResetShape;
use crate::middlebox::http_host::{HostAction, HttpHost};
use crate::middlebox::names::Names;
use crate::middlebox::payload::Payload;
use crate::middlebox::quic_sni::{QuicShape, QuicSni};
use crate::middlebox::residual::{Refresh, Residual, ResidualAction, ResidualRule, Tuple};
use crate::middlebox::throttle::{Brake, Throttle, Throttled};
use crate::middlebox::tls_sni::{SniAction, TlsSni};
use crate::middlebox::watch::{Layer, Reassembly, Watch};
use crate::middlebox::{Middlebox, Placement};
use crate::scenario::spec::device::{
    BrakeWord, Device, DnsAnswer, DnsInjectionSpec, EndpointSpec, EndpointWord, HostWord,
    HttpHostSpec, KnownSpec, MitmSpec, PayloadSpec, QuicSniSpec, QuicVersion, ResetSpec,
    ResidualSpec, ResidualWord, SniWord, ThrottleSpec, TlsSniSpec,
};

/// Puts a device on its router. `origins` is where one that leads connections elsewhere says where they were for.
pub(super) fn place(device: &Device, topology: &mut Topology, router: RouterId, origins: &Origins) {
    let mut hop = Place { device, topology, router };
    hop.put(device.dns_injection.as_ref().map(dns_injection));
    hop.put(device.endpoint.as_ref().map(endpoint));
    hop.put(device.tls_sni.as_ref().map(tls_sni));
    hop.put(device.quic_sni.as_ref().map(quic_sni));
    hop.put(device.http_host.as_ref().map(http_host));
    hop.put(device.throttle.as_ref().map(throttle));
    hop.put(device.residual.as_ref().map(residual));
    hop.put(device.payload.as_ref().map(payload));
    hop.put(device.device.as_ref().and_then(known));
    hop.put(device.mitm.as_ref().map(|spec| divert(spec, origins)));
}

/// Where a device is put.
struct Place<'a> {
    device: &'a Device,
    topology: &'a mut Topology,
    router: RouterId,
}

impl Place<'_> {
    fn put<M: Middlebox + 'static>(&mut self, technique: Option<M>) {
        let Some(technique) = technique else { return };
        let placement = *self.device.placement.get_ref();
        if self.device.defragments {
            self.topology.middlebox(self.router, placement, Defragment::new(technique));
        } else {
            self.topology.middlebox(self.router, placement, technique);
        }
    }
}

/// Checked: there is such a profile, and it can be set up so.
fn known(spec: &KnownSpec) -> Option<known::Device> {
    let profile = known::shipped::profile(spec.profile.get_ref())?.ok()?;
    known::Device::new(&profile, &spec.settings()).ok()
}

fn divert(spec: &MitmSpec, origins: &Origins) -> Divert {
    let to = spec.interceptor.iter().map(|address| *address.get_ref()).collect();
    Divert::new(endpoints(&spec.addresses, &spec.ports), to, origins.clone())
}

fn dns_injection(spec: &DnsInjectionSpec) -> DnsInjection {
    let lie = match spec.answer {
        DnsAnswer::Addresses => Lie::Addresses(spec.addresses.clone()),
        DnsAnswer::Bogon => Lie::Bogon,
        DnsAnswer::Nxdomain => Lie::NxDomain,
        DnsAnswer::Refused => Lie::Refused,
        DnsAnswer::Silence => Lie::Silence,
    };
    let shape = AnswerShape {
        after: Duration::from_micros(spec.after_us.get()),
        count: spec.count,
        ttl: spec.ttl,
        identification: spec.ip_id,
        ..AnswerShape::default()
    };
    DnsInjection::new(Names::new(&spec.names), lie, shape)
}

fn endpoints(addresses: &[IpAddr], ports: &[u16]) -> Endpoints {
    let whole = |address: &IpAddr| (*address, if address.is_ipv4() { 32 } else { 128 });
    Endpoints {
        prefixes: addresses.iter().map(whole).collect(),
        ports: ports.to_vec(),
        transport: None,
    }
}

fn endpoint(spec: &EndpointSpec) -> EndpointBlock {
    let action = match spec.action {
        EndpointWord::Drop => EndpointAction::Drop,
        EndpointWord::Reset => EndpointAction::Reset(ResetShape::default()),
        EndpointWord::Prohibited => EndpointAction::Icmp(IcmpKind::Prohibited),
        EndpointWord::HostUnreachable => EndpointAction::Icmp(IcmpKind::HostUnreachable),
        EndpointWord::NetworkUnreachable => EndpointAction::Icmp(IcmpKind::NetworkUnreachable),
    };
    let endpoints =
        Endpoints { transport: spec.transport, ..endpoints(&spec.addresses, &spec.ports) };
    EndpointBlock::new(endpoints, action)
}

fn tls_sni(spec: &TlsSniSpec) -> TlsSni {
    let action = match spec.action {
        SniWord::Reset => SniAction::Reset(reset(&spec.reset)),
        SniWord::Drop => SniAction::Drop,
        SniWord::Close => SniAction::Close,
    };
    TlsSni::new(Names::new(&spec.names), spec.reassembly, action)
}

fn quic_sni(spec: &QuicSniSpec) -> QuicSni {
    let version = |version: &QuicVersion| match version {
        QuicVersion::V1 => Version::V1,
        QuicVersion::V2 => Version::V2,
        QuicVersion::Draft29 => Version::Draft29,
    };
    let shape = QuicShape {
        ports: spec.ports.clone(),
        versions: spec.versions.iter().map(version).collect(),
        reassembly: spec.reassembly,
        drops: spec.drops,
        hold: Duration::from_secs(spec.hold_secs.get()),
    };
    QuicSni::new(Names::new(&spec.names), shape)
}

fn http_host(spec: &HttpHostSpec) -> HttpHost {
    let forged = (spec.status, spec.html.as_str(), spec.location.as_str());
    let action = host_action(spec.action, &spec.reset, forged);
    HttpHost::new(Names::new(&spec.names), spec.reassembly, action)
}

fn payload(spec: &PayloadSpec) -> Payload {
    let forged = (spec.status, spec.html.as_str(), spec.location.as_str());
    let action = host_action(spec.action, &spec.reset, forged);
    Payload::new(endpoints(&spec.addresses, &spec.ports), spec.text.as_bytes(), action)
}

fn host_action(
    word: HostWord,
    shape: &ResetSpec,
    (status, html, location): (u16, &str, &str),
) -> HostAction {
    match word {
        HostWord::Reset => HostAction::Reset(reset(shape)),
        HostWord::Drop => HostAction::Drop,
        HostWord::Close => HostAction::Close,
        HostWord::Blockpage => HostAction::Blockpage { status, html: html.to_owned() },
        HostWord::Redirect => HostAction::Redirect { location: location.to_owned() },
    }
}

fn reset(spec: &ResetSpec) -> ResetShape {
    ResetShape {
        towards: spec.towards,
        count: spec.count,
        flags: if spec.ack { flags::RST | flags::ACK } else { flags::RST },
        ttl: spec.ttl,
        identification: spec.ip_id,
        identification_step: spec.ip_id_step,
        window: spec.window,
        sequence_step: spec.sequence_step,
        after: Duration::from_micros(spec.after_us.get()),
    }
}

fn throttle(spec: &ThrottleSpec) -> Throttle {
    let watch = |layer, names: &[String]| {
        Throttled::Named(Watch::new(layer, Names::new(names), Reassembly::Stream))
    };
    let what = match (&spec.sni, &spec.host) {
        (Some(names), _) => watch(Layer::Tls, names),
        (None, Some(names)) => watch(Layer::Http, names),
        (None, None) => Throttled::Endpoints(endpoints(
            spec.addresses.as_deref().unwrap_or_default(),
            &spec.ports,
        )),
    };
    let bits_per_second = spec.kbit_per_second.saturating_mul(1000);
    let (burst_bytes, queue_bytes) = (spec.burst_bytes.get(), spec.queue_bytes.get());
    let how = match spec.how.get_ref() {
        BrakeWord::Policer => Brake::Policer { bits_per_second, burst_bytes },
        BrakeWord::Shaper => Brake::Shaper { bits_per_second, burst_bytes, queue_bytes },
        BrakeWord::Impair => Brake::Impair {
            delay: Duration::from_millis(spec.delay_ms.get()),
            loss_per_million: u32::try_from(spec.loss_per_million.get()).unwrap_or(0),
        },
    };
    Throttle::new(what, how)
}

fn residual(spec: &ResidualSpec) -> Residual {
    let rule = ResidualRule {
        tuple: match spec.tuple.get_ref() {
            2 => Tuple::Two,
            3 => Tuple::Three,
            _ => Tuple::Four,
        },
        hold: Duration::from_secs(spec.hold_secs.get()),
        refresh: if spec.refresh { Refresh::Yes } else { Refresh::No },
        action: match spec.action {
            ResidualWord::Drop => ResidualAction::Drop,
            ResidualWord::Reset => ResidualAction::Reset(reset(&spec.reset)),
        },
    };
    Residual::new(Watch::new(spec.layer, Names::new(&spec.names), Reassembly::Stream), rule)
}

/// Answers every question with the login page's address, leads port 80 there, and refuses all else.
pub(super) fn captive_portal(portal: &[IpAddr], topology: &mut Topology, router: RouterId) {
    let lie = Lie::Addresses(portal.to_vec());
    let questions = DnsInjection::new(Names::new(["*"]), lie, AnswerShape::default());
    let pages = Divert::new(endpoints(&[], &[80]), portal.to_vec(), Origins::default());
    let refusal = EndpointAction::Reset(ResetShape::default());
    let rest = EndpointBlock::new(Endpoints::default(), refusal);
    topology.middlebox(router, Placement::InPath, questions);
    topology.middlebox(router, Placement::InPath, pages);
    topology.middlebox(router, Placement::InPath, rest);
}
