//! Lookups: the system's resolver, UDP to a resolver of our choice, and DNS over HTTPS.

pub mod doh;
pub mod system;
pub mod udp;

use std::net::IpAddr;

use wirewitness_wire::app::dns::{Message, Value};

use crate::failure;
use crate::record::{Answer, Network};

/// Tells whose network an address belongs to.
pub type Networks = dyn Fn(IpAddr) -> Option<Network> + Send + Sync;

/// The answers of a message as they are recorded.
fn answers(message: &Message, networks: &Networks) -> Option<Vec<Answer>> {
    let record = |answer: &wirewitness_wire::app::dns::Answer| {
        let recorded = match &answer.value {
            Value::Address(address) => address_answer(*address, networks),
            Value::Alias(name) => alias_answer(name),
            _ => return None,
        };
        Some(Answer { ttl: Some(answer.ttl_secs), ..recorded })
    };
    let answers: Vec<_> = message.answers.iter().filter_map(record).collect();
    (!answers.is_empty()).then_some(answers)
}

fn address_answer(address: IpAddr, networks: &Networks) -> Answer {
    let network = networks(address);
    let mut answer = Answer {
        asn: Some(network.as_ref().map_or(0, |it| it.asn)),
        as_org_name: Some(network.map_or_else(String::new, |it| it.org)),
        ..Answer::default()
    };
    match address {
        IpAddr::V4(address) => {
            (answer.answer_type, answer.ipv4) = ("A", Some(address.to_string()));
        }
        IpAddr::V6(address) => {
            (answer.answer_type, answer.ipv6) = ("AAAA", Some(address.to_string()));
        }
    }
    answer
}

fn alias_answer(name: &str) -> Answer {
    Answer { answer_type: "CNAME", hostname: Some(format!("{name}.")), ..Answer::default() }
}

/// OONI's word for an answer that has no address; none where it has one.
pub(crate) fn failure_of(message: &Message) -> Option<String> {
    if let Some(word) = failure::of_rcode(message.rcode) {
        return Some(word.to_owned());
    }
    message.addresses().next().is_none().then(|| failure::NO_ANSWER.to_owned())
}
