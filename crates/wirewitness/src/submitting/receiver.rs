//! To whom measurements are sent: an address, a token, and whether it may be read on the way.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use crate::command_error::CommandError;
use crate::environment;
use crate::input::token;

/// What a person says of the receiver.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    /// The dashboard's address.
    pub(crate) url: &'a Url,
    /// A file with the token; without it the environment is asked.
    pub(crate) token_file: Option<&'a Path>,
    /// Whether measurements, and the token, may be sent without TLS to another machine.
    pub(crate) clear: Clear,
    /// Authorities to trust instead of Mozilla's.
    pub(crate) authorities: Option<&'a PathBuf>,
}

/// Whether others on the way may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clear {
    /// The person said so.
    Allowed,
    /// Only within this machine.
    Loopback,
}

/// Who takes measurements.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    url: Url,
    token: Option<String>,
    authorities: Option<PathBuf>,
}

impl Receiver {
    /// Checks an address and finds the token.
    ///
    /// # Errors
    /// The address is none of a dashboard, would be read on the way, or has a secret in it; or the token cannot be read.
    pub(crate) fn new(said: Said<'_>) -> Result<Self, CommandError> {
        let url = endpoint(said.url, said.clear)?;
        let token = match said.token_file {
            Some(path) => Some(token::read(path)?),
            None => environment::submit_token().as_deref().map(checked).transpose()?,
        };
        Ok(Self { url, token, authorities: said.authorities.cloned() })
    }

    /// Where posts go.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The host is this machine, whatever a resolver says of its name.
    pub(crate) fn is_localhost(&self) -> bool {
        matches!(self.url.host(), Some(Host::Domain("localhost")))
    }

    /// The token, where there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether there is a token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Authorities to trust instead of Mozilla's.
    pub(crate) fn authorities(&self) -> Option<&Path> {
        self.authorities.as_deref()
    }
}

/// The address of posts: that of a dashboard with the path of its API behind it.
fn endpoint(said: &Url, clear: Clear) -> Result<Url, CommandError> {
    let usage = |message: &str, hint: &str| {
        Err(CommandError::Usage { message: message.to_owned(), hint: hint.to_owned() })
    };
    if !said.username().is_empty() || said.password().is_some() {
        return usage(
            "a secret in an address can be read by everybody on this machine",
            "put the token into a file",
        );
    }
    if said.query().is_some() || said.fragment().is_some() || said.host().is_none() {
        return usage("that is no address of a dashboard", "expected https://name/");
    }
    let is_here = match said.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match said.scheme() {
        "https" => {}
        "http" if is_here || clear == Clear::Allowed => {}
        "http" => {
            return usage(
                "without TLS everybody on the way can read what was measured, and change it",
                "use https; or say that it may be sent in the clear",
            );
        }
        _ => return usage("only https can be submitted to", "expected https://name/"),
    }
    let mut url = said.clone();
    if !url.path().ends_with(PATH) {
        let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

/// A token of the environment: one word, as in a file.
fn checked(text: &str) -> Result<String, CommandError> {
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
    is_token.then(|| token.to_owned()).ok_or_else(|| CommandError::Usage {
        message: format!("{} holds no token", environment::SUBMIT_TOKEN),
        hint: "expected one word of visible ASCII".to_owned(),
    })
}

const PATH: &str = "/api/v1/submit";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, clear: Clear) -> Result<String, String> {
        let url = Url::parse(url).unwrap();
        endpoint(&url, clear).map(|it| it.to_string()).map_err(|it| it.to_string())
    }

    #[test]
    fn the_path_is_put_behind_once() {
        for (said, expected) in [
            ("https://a.example", "https://a.example/api/v1/submit"),
            ("https://a.example/", "https://a.example/api/v1/submit"),
            ("https://a.example/sub/", "https://a.example/sub/api/v1/submit"),
            ("https://a.example/api/v1/submit", "https://a.example/api/v1/submit"),
            ("http://127.9.9.9:8085", "http://127.9.9.9:8085/api/v1/submit"),
            ("http://[::1]/", "http://[::1]/api/v1/submit"),
            ("http://localhost/", "http://localhost/api/v1/submit"),
        ] {
            assert_eq!(of(said, Clear::Loopback).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_would_be_read_on_the_way_or_by_others_is_not_sent() {
        for said in [
            "http://a.example/",
            "http://192.0.2.1/",
            "http://localhost.a.example/",
            "http://127.0.0.1.a.example/",
            "http://[::ffff:192.0.2.1]/",
        ] {
            assert!(of(said, Clear::Loopback).unwrap_err().contains("without TLS"), "{said}");
            assert!(of(said, Clear::Allowed).is_ok(), "{said}");
        }
        for said in ["https://me:secret@a.example/", "https://me@a.example/"] {
            assert!(of(said, Clear::Allowed).unwrap_err().contains("secret"), "{said}");
        }
        for said in
            ["ftp://a.example/", "https://a.example/?a=b", "file:///x", "https://a.example/#x"]
        {
            assert!(of(said, Clear::Allowed).is_err(), "{said}");
        }
    }
}
