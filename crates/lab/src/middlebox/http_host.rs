//! Blocking HTTP by the Host of a request.

use super::forge::{ResetShape, answer_and_close};
use super::names::Names;
use super::watch::{Layer, Reassembly, Watch};
use super::{Fate, Hop, Middlebox};
use crate::frame::{Frame, Packet};

/// Blocks HTTP requests for names on a list.
#[derive(Debug)]
pub struct HttpHost {
    watch: Watch,
    action: HostAction,
}

/// What an [`HttpHost`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAction {
    /// Forges resets.
    Reset(ResetShape),
    /// Says nothing: the request times out. Works only in the path.
    Drop,
    /// Forges the server's FIN.
    Close,
    /// Forges the server's answer, a page.
    Blockpage {
        /// Status of the answer: 200 and 403 are both seen.
        status: u16,
        /// The page.
        html: String,
    },
    /// Forges the server's answer, a redirect (302).
    Redirect {
        /// Where to.
        location: String,
    },
}

impl HttpHost {
    /// Blocks `names`.
    pub fn new(names: Names, reassembly: Reassembly, action: HostAction) -> Self {
        Self { watch: Watch::new(Layer::Http, names, reassembly), action }
    }
}

impl HostAction {
    /// Answers a segment of the client's.
    pub(super) fn answer(&self, packet: &Packet<'_>, hop: &mut Hop<'_>) {
        match self {
            Self::Reset(shape) => shape.inject(packet, hop),
            Self::Drop => {}
            Self::Close => answer_and_close(packet, &[], hop),
            Self::Blockpage { status, html } => {
                answer_and_close(packet, page(*status, html).as_bytes(), hop);
            }
            Self::Redirect { location } => {
                answer_and_close(packet, redirect(location).as_bytes(), hop);
            }
        }
    }
}

impl Middlebox for HttpHost {
    fn see(&mut self, frame: &Frame, hop: &mut Hop<'_>) -> Fate {
        let action = &self.action;
        self.watch.deny(frame, hop, |packet, hop| action.answer(packet, hop))
    }
}

/// The page ends with the connection, as it does with devices that do not count.
fn page(status: u16, html: &str) -> String {
    format!(
        "HTTP/1.1 {status} Blocked\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n{html}"
    )
}

fn redirect(location: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    )
}
