//! Sites: resolvers and names that are theirs, ports named once, and pages within a bound.

use std::collections::BTreeSet;

use toml::Spanned;

use super::{Flaw, list};
use crate::scenario::spec::{File, Site};

/// Checks one site.
pub(super) fn site(file: &File, site: &Site) -> Result<(), Flaw> {
    let resolvers: BTreeSet<&str> =
        file.resolver.iter().map(|it| it.name.get_ref().as_str()).collect();
    let told = site.addresses_for.keys().find(|name| !resolvers.contains(name.get_ref().as_str()));
    if let Some(name) = told {
        return Err(Flaw::at(name, format!("the name of a resolver ({})", list(&resolvers))));
    }
    let own = |name: &Spanned<String>| site.names.iter().any(|it| it.get_ref() == name.get_ref());
    if let Some(name) = site.certificates.keys().find(|name| !own(name)) {
        return Err(Flaw::at(name, "a name of this site"));
    }
    let mut ports = BTreeSet::new();
    for port in site.http_ports.iter().chain(&site.https_ports) {
        if *port.get_ref() == 0 || !ports.insert(port.get_ref()) {
            return Err(Flaw::at(port, "a port from 1 to 65535 that is named once"));
        }
    }
    Ok(())
}

/// All pages of a file together stay within a bound: each is held in memory.
pub(super) fn sizes(file: &File) -> Result<(), Flaw> {
    let pages = file.site.iter().flat_map(|it| it.page.iter().filter_map(|it| it.bytes.as_ref()));
    let mut sum = 0;
    for bytes in file.site.iter().filter_map(|it| it.bytes.as_ref()).chain(pages) {
        sum += bytes.get_ref().get();
        if sum > MAX_PAGES {
            return Err(Flaw::at(bytes, format!("pages of at most {MAX_PAGES} bytes in all")));
        }
    }
    Ok(())
}

/// Bytes of all pages together: 64 MiB.
const MAX_PAGES: u64 = 67_108_864;
