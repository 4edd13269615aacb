//! From a table of `[[site]]` to a web server, and to what resolvers say of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use toml::Spanned;

use super::{plain, texts};
use crate::host::socket::HostNet;
use crate::scenario::StartError;
use crate::scenario::spec::File;
use crate::scenario::spec::bound;
use crate::scenario::spec::site::{Page, Site};
use crate::server::authority::Authority;
use crate::server::dns::{Entry, Zone};
use crate::server::h3;
use crate::server::web::{self, Asked, Certificates, Handler, Reply, Scheme};

/// All addresses of the host, whoever is told which.
pub(super) fn all_addresses(site: &Site) -> Vec<IpAddr> {
    let told = site.addresses_for.values().flatten();
    let mut all: Vec<IpAddr> = Vec::new();
    for address in site.addresses.iter().chain(told).map(Spanned::get_ref) {
        if !all.contains(address) {
            all.push(*address);
        }
    }
    all
}

/// Puts into a resolver's zone what it says of the site.
pub(super) fn describe(site: &Site, resolver: &str, zone: &mut Zone) {
    let special = site.addresses_for.iter().find(|(name, _)| name.get_ref() == resolver);
    let addresses = Entry::Addresses(plain(special.map_or(&site.addresses, |(_, it)| it)));
    let alias = site.alias.as_ref().map(|alias| alias.get_ref().to_ascii_lowercase());
    for name in &site.names {
        zone.set(name.get_ref(), alias.clone().map_or_else(|| addresses.clone(), Entry::Alias));
    }
    if let Some(alias) = alias {
        zone.set(&alias, addresses);
    }
}

/// Starts the site's servers.
pub(super) fn serve(
    file: &File,
    site: &Site,
    net: &HostNet,
    authority: &Authority,
) -> Result<(), StartError> {
    let handler = handler(file, site);
    for port in &site.http_ports {
        web::serve_http(net, *port.get_ref(), handler.clone())?;
    }
    for port in &site.https_ports {
        let certificates = certificates(site, authority)?;
        web::serve_https(net, *port.get_ref(), certificates, handler.clone())?;
        if site.h3 {
            let certificates = self::certificates(site, authority)?;
            h3::serve_h3(net, *port.get_ref(), certificates, handler.clone())?;
        }
    }
    Ok(())
}

/// One certificate for all names, and others for those that have their own.
fn certificates(site: &Site, authority: &Authority) -> Result<Certificates, StartError> {
    let mut certificates = Certificates::default();
    let names = texts(&site.names);
    certificates.add(&names, &authority.certify(&names, site.certificate)?);
    for (name, kind) in &site.certificates {
        let name = [name.get_ref().clone()];
        certificates.add(&name, &authority.certify(&name, *kind)?);
    }
    Ok(certificates)
}

fn handler(file: &File, site: &Site) -> Handler {
    let mut rules = Vec::new();
    for (clients, page) in
        [(&site.captcha_for, (503, CAPTCHA)), (&site.geoblock_for, (403, GEOBLOCK))]
    {
        if !clients.is_empty() {
            let answer = Answer { status: Some(page.0), ..Answer::page(page.1) };
            rules.push(Rule { clients: Some(addresses_of(file, clients)), ..Rule::always(answer) });
        }
    }
    rules.extend(site.page.iter().map(|page| rule(file, page)));
    let whole = Answer {
        status: site.status,
        body: body(site.html.as_deref(), site.bytes.as_ref()),
        redirect: site.redirect.clone(),
        headers: headers(&site.headers),
    };
    rules.push(Rule::always(whole));
    let delay = Duration::from_millis(site.delay_ms.get());
    let port = site.https_ports.first().filter(|_| site.h3).map(|port| *port.get_ref());
    let alt_svc = port.map(|port| ("alt-svc".to_owned(), format!("h3=\":{port}\"")));
    Arc::new(move |asked| {
        let rule = rules.iter().find(|rule| rule.fits(asked));
        let mut reply = rule.map_or_else(|| Reply::page(""), |rule| rule.reply(asked));
        reply.delay += delay;
        reply.headers.extend(alt_svc.clone());
        reply
    })
}

fn rule(file: &File, page: &Page) -> Rule {
    let answer = Answer {
        status: page.status,
        body: body(page.html.as_deref(), page.bytes.as_ref()),
        redirect: page.redirect.clone(),
        headers: headers(&page.headers),
    };
    let everybody = page.only_for.is_empty();
    Rule {
        path: page.path.clone(),
        host: page.host.as_ref().map(|host| host.to_ascii_lowercase()),
        scheme: page.scheme,
        clients: (!everybody).then(|| addresses_of(file, &page.only_for)),
        delay: Duration::from_millis(page.delay_ms.get()),
        answer,
    }
}

fn addresses_of(file: &File, clients: &[Spanned<String>]) -> Vec<IpAddr> {
    let meant = |name: &Spanned<String>| clients.iter().any(|it| it.get_ref() == name.get_ref());
    let clients = file.client.iter().filter(|client| meant(&client.name));
    clients.flat_map(|client| plain(&client.addresses)).collect()
}

/// The page, filled up to its size; none for a page with the host's name.
fn body(html: Option<&str>, size: Option<&Spanned<bound::Bytes>>) -> Option<Bytes> {
    let size = size.map(|size| usize::try_from(size.get_ref().get()).unwrap_or(0));
    if html.is_none() && size.is_none() {
        return None;
    }
    let mut body = html.unwrap_or_default().as_bytes().to_vec();
    // Filler of a page is white space: it changes its length and nothing else.
    let filler = if html.is_some() { b'\n' } else { b'x' };
    body.resize(size.unwrap_or(0).max(body.len()), filler);
    Some(body.into())
}

fn headers(headers: &BTreeMap<Spanned<String>, String>) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.get_ref().clone(), value.clone())).collect()
}

/// An answer, and when it is given.
struct Rule {
    path: Option<String>,
    host: Option<String>,
    scheme: Option<Scheme>,
    /// Addresses of clients; none for everybody.
    clients: Option<Vec<IpAddr>>,
    delay: Duration,
    answer: Answer,
}

struct Answer {
    status: Option<u16>,
    body: Option<Bytes>,
    redirect: Option<String>,
    headers: Vec<(String, String)>,
}

impl Answer {
    fn page(html: &'static str) -> Self {
        Self { status: None, body: Some(html.into()), redirect: None, headers: Vec::new() }
    }
}

impl Rule {
    fn always(answer: Answer) -> Self {
        Self { path: None, host: None, scheme: None, clients: None, delay: Duration::ZERO, answer }
    }

    fn fits(&self, asked: &Asked) -> bool {
        let path = |path: &String| match path.strip_suffix('*') {
            Some(start) => asked.path.starts_with(start),
            None => *path == asked.path,
        };
        self.path.as_ref().is_none_or(path)
            && self.host.as_ref().is_none_or(|host| *host == asked.host)
            && self.scheme.is_none_or(|scheme| scheme == asked.scheme)
            && self.clients.as_ref().is_none_or(|clients| clients.contains(&asked.client))
    }

    fn reply(&self, asked: &Asked) -> Reply {
        let mut reply = match (&self.answer.redirect, &self.answer.body) {
            (Some(location), _) => Reply::redirect(location),
            (None, Some(page)) => Reply::page(page.clone()),
            (None, None) => Reply::page(format!("<title>{}</title>", asked.host)),
        };
        reply.status = self.answer.status.unwrap_or(reply.status);
        reply.delay = self.delay;
        for (name, value) in &self.answer.headers {
            reply.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            reply.headers.push((name.clone(), value.clone()));
        }
        reply
    }
}

const CAPTCHA: &str = "<title>Just a moment...</title><p>Prove that you are human.";
const GEOBLOCK: &str = "<title>Not available in your country</title><p>This content is not available \
                        in your region.";
