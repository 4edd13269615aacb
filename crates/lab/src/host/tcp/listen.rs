//! Listening ports: where opened connections wait to be taken.

use std::collections::VecDeque;
use std::task::{Poll, Waker};

use super::{Connection, ConnectionId, Opened, Stack};

/// A listening port.
#[derive(Default)]
pub(super) struct Listener {
    ready: VecDeque<ConnectionId>,
    waker: Option<Waker>,
}

impl Stack {
    /// Puts an opened connection where `accept` finds it.
    pub(super) fn hand_over(&mut self, id: ConnectionId, port: u16) {
        let Some(listener) = self.listeners.get_mut(&port) else { return self.release(id) };
        listener.ready.push_back(id);
        if let Some(waker) = listener.waker.take() {
            waker.wake();
        }
    }

    /// Listens on a port, at every address of the host. False if somebody does already.
    pub(crate) fn listen(&mut self, port: u16) -> bool {
        let free = !self.listeners.contains_key(&port);
        self.listeners.entry(port).or_default();
        free
    }

    /// Stops listening; connections not yet taken are closed.
    pub(crate) fn unlisten(&mut self, port: u16) {
        let Some(listener) = self.listeners.remove(&port) else { return };
        for id in listener.ready {
            self.release(id);
        }
    }

    /// Takes the next connection to a port.
    pub(crate) fn poll_accept(&mut self, port: u16, waker: &Waker) -> Poll<Opened> {
        let Some(listener) = self.listeners.get_mut(&port) else { return Poll::Pending };
        let next = listener.ready.pop_front();
        match next.and_then(|id| self.connections.get_key_value(&id)) {
            Some((&id, Connection { ends: (local, remote), .. })) => {
                Poll::Ready(Opened { id, local: *local, remote: *remote })
            }
            None => {
                listener.waker = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}
