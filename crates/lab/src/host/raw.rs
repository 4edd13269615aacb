//! A program on a simulated host that looks at headers: fields come out of it, and nothing goes in.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::IpAddr;
use std::task::{Context, Poll, Waker};

use wirewitness_net::Failure;
use wirewitness_net::raw::{Filter, Raw, Segment, Segments};

use super::socket::HostNet;
use crate::frame::Frame;

/// What one program sees of the segments that come to a host.
pub(crate) struct Looking {
    filter: Filter,
    seen: VecDeque<Segment>,
    waker: Option<Waker>,
}

impl Looking {
    /// Looks at what the filter takes.
    fn at(filter: Filter) -> Self {
        Self { filter, seen: VecDeque::new(), waker: None }
    }

    /// One more. A full queue drops, as a kernel's does.
    pub(crate) fn see(&mut self, frame: &Frame) {
        let Some(segment) = Segment::read(frame.bytes()) else { return };
        if self.filter.takes(&segment) && self.seen.len() < QUEUE {
            self.seen.push_back(segment);
            self.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Segment> {
        match self.seen.pop_front() {
            Some(segment) => Poll::Ready(segment),
            None => {
                self.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Segments that come to a simulated host. One program of a host looks at a time.
pub struct HostSegments(HostNet);

impl Raw for HostNet {
    type Segments = HostSegments;

    fn segments(&self, ports: &[u16]) -> Result<HostSegments, Failure> {
        self.look(Filter::to(ports))
    }

    fn segments_from(&self, sender: IpAddr, ports: &[u16]) -> Result<HostSegments, Failure> {
        self.look(Filter::from(sender, ports))
    }
}

impl HostNet {
    fn look(&self, filter: Filter) -> Result<HostSegments, Failure> {
        self.act(|host, _| host.looking = Some(Looking::at(filter)))?;
        Ok(HostSegments(self.clone()))
    }
}

impl Segments for HostSegments {
    async fn next(&self) -> Result<Segment, Failure> {
        poll_fn(|context| {
            self.0.poll_act(|host| match host.looking.as_mut() {
                Some(looking) => looking.poll(context).map(Ok),
                None => Poll::Ready(Err(Failure::Aborted)),
            })
        })
        .await
    }
}

impl Drop for HostSegments {
    fn drop(&mut self) {
        let _ = self.0.act(|host, _| host.looking = None);
    }
}

const QUEUE: usize = 1_024;
