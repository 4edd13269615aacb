//! Truths: about a client and a name that are there, in words that go together.

use std::collections::BTreeSet;

use wirewitness_model::verdict::Status;

use super::{Flaw, list, sourced};
use crate::scenario::spec::{File, TruthSpec};
use crate::scenario::truth::{EVERY, host_of};

/// Checks all truths of a file.
pub(super) fn truths(file: &File) -> Result<(), Flaw> {
    let clients: BTreeSet<&str> = file.client.iter().map(|it| it.name.get_ref().as_str()).collect();
    let names: BTreeSet<String> = known_names(file).collect();
    let mut seen = BTreeSet::new();
    for it in &file.truth {
        let client = it.client.get_ref().as_str();
        if client != EVERY && !clients.contains(client) {
            let expected = format!("`*` or the name of a client ({})", list(&clients));
            return Err(Flaw::at(&it.client, expected));
        }
        if !host_of(it.url.get_ref()).is_some_and(|host| names.contains(&host)) {
            let expected = "an http or https URL with the name or address of a site, or a record's";
            return Err(Flaw::at(&it.url, expected));
        }
        if !seen.insert((client, it.url.get_ref())) {
            return Err(Flaw::at(&it.url, "one truth for a client and a URL"));
        }
        explained(it)?;
        status(it)?;
    }
    Ok(())
}

fn explained(truth: &TruthSpec) -> Result<(), Flaw> {
    if truth.why.get_ref().trim().is_empty() {
        return Err(Flaw::at(&truth.why, "why it is so"));
    }
    sourced(&truth.source)
}

/// The words of a verdict go together as they do everywhere else.
fn status(truth: &TruthSpec) -> Result<(), Flaw> {
    let word = truth.mechanism.as_ref().map_or("", |it| it.get_ref().word());
    let server = word.starts_with("server.");
    let vantage = word.starts_with("vantage.");
    let (fits, expected) = match truth.status.get_ref() {
        Status::Ok => (!server, "no server.* mechanism beside ok"),
        Status::Down => (server, "a server.* mechanism beside down"),
        Status::Blocked => {
            (!word.is_empty() && !server && !vantage, "the mechanism of a block beside blocked")
        }
        Status::Insufficient => {
            (word.is_empty() || vantage, "a vantage.* mechanism or none beside insufficient")
        }
    };
    if fits { Ok(()) } else { Err(Flaw::at(&truth.status, expected)) }
}

/// Names and addresses that a URL may lead to.
fn known_names(file: &File) -> impl Iterator<Item = String> {
    let sites = file.site.iter().flat_map(|it| &it.names);
    let records = file.record.iter().map(|it| &it.name);
    let helpers = file.helper.iter().flat_map(|it| &it.names);
    let resolvers = file.resolver.iter().flat_map(|it| &it.names);
    let names = sites.chain(records).chain(helpers).chain(resolvers);
    let addresses = file.site.iter().flat_map(|it| &it.addresses);
    let names = names.map(|name| name.get_ref().to_ascii_lowercase());
    names.chain(addresses.map(|address| address.get_ref().to_string()))
}
