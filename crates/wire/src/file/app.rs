//! Which app a packet was of, as PCAPdroid writes it for Android.
//!
//! In pcap files it puts the packet into a made-up Ethernet frame with a trailer of 32 bytes: a magic number, the app's user id,
//! 20 bytes of its name, a checksum; padding may be before them. In pcapng files a packet's comment is `u-` and the user id,
//! and a custom block says the names of that (`pcap_dump.c` and `pcapdroid.lua` of github.com/emanuele-f/PCAPdroid).

use std::collections::BTreeMap;

use super::{Order, Record};
use crate::ip::IpPacket;

/// An app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct App<'a> {
    /// Android's user id; -1 where PCAPdroid did not find the app.
    pub uid: i32,
    /// Name, at most 20 bytes of it; empty in pcapng, where [`super::Walk::app_name`] knows it.
    pub name: &'a [u8],
}

/// The app that a packet was of, where the file says it.
pub fn app_of<'a>(record: &Record<'a>, packet: &IpPacket<'a>) -> Option<App<'a>> {
    match record.comment {
        Some(comment) => of_comment(comment),
        None => of_trailer(packet.trailer),
    }
}

fn of_trailer(trailer: &[u8]) -> Option<App<'_>> {
    // Padding puts the trailer on a multiple of four bytes.
    let padding = trailer.len().checked_sub(TRAILER).filter(|padding| *padding < 4)?;
    let (magic, rest) = trailer.get(padding..)?.split_first_chunk()?;
    if *magic != MAGIC {
        return None;
    }
    let (uid, rest) = rest.split_first_chunk()?;
    let name: &[u8; 20] = rest.first_chunk()?;
    let len = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Some(App { uid: i32::from_be_bytes(*uid), name: name.get(..len)? })
}

fn of_comment(comment: &[u8]) -> Option<App<'_>> {
    let digits = str::from_utf8(comment.strip_prefix(b"u-")?).ok()?;
    Some(App { uid: digits.parse().ok()?, name: &[] })
}

/// The names of apps, by their user ids: no more than [`MAX_APPS`], the first that came.
#[derive(Debug, Clone, Default)]
pub(super) struct Apps {
    names: BTreeMap<i32, Vec<u8>>,
}

impl Apps {
    /// Takes in a custom block; one of another maker is passed over.
    pub(super) fn take_in(&mut self, order: Order, body: &[u8]) {
        if let Some((uid, name)) = mapping(order, body)
            && self.names.len() < MAX_APPS
        {
            self.names.entry(uid).or_insert_with(|| name.to_vec());
        }
    }

    pub(super) fn name(&self, uid: i32) -> Option<&[u8]> {
        self.names.get(&uid).map(Vec::as_slice)
    }
}

/// A user id, and the app's name, or its package's.
fn mapping(order: Order, body: &[u8]) -> Option<(i32, &[u8])> {
    let (&[m, a, k, r, v, e, kind, _, u, i, d, s, package_len, name_len], rest) =
        body.split_first_chunk()?;
    if order.u32([m, a, k, r]) != MAKER || order.u16([v, e]) != 1 || kind != NAMES_OF_UID {
        return None;
    }
    let (package, rest) = rest.split_at_checked(package_len.into())?;
    let name = rest.get(..name_len.into())?;
    Some((order.u32([u, i, d, s]).cast_signed(), if name.is_empty() { package } else { name }))
}

const MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];
const TRAILER: usize = 32;
/// PCAPdroid's number of IANA.
const MAKER: u32 = 62_652;
const NAMES_OF_UID: u8 = 1;
/// More than a phone has.
const MAX_APPS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer(padding: usize) -> Vec<u8> {
        let mut bytes = vec![0; padding];
        bytes.extend([0x01, 0x07, 0x20, 0x21, 0, 0, 0x27, 0x8a]);
        bytes.extend(b"Signal\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.extend([1, 2, 3, 4]);
        bytes
    }

    #[test]
    fn trailers() {
        let app = App { uid: 10_122, name: b"Signal" };
        for padding in 0..4 {
            assert_eq!(of_trailer(&trailer(padding)), Some(app));
        }
        let whole = trailer(0);
        for len in 0..whole.len() {
            assert_eq!(of_trailer(&whole[..len]), None);
        }
        assert_eq!(of_trailer(&trailer(4)), None);
        let mut full = whole.clone();
        full[4..28].fill(0xff);
        assert_eq!(of_trailer(&full), Some(App { uid: -1, name: &[0xff; 20] }));
        full[0] = 2;
        assert_eq!(of_trailer(&full), None);
    }

    #[test]
    fn comments() {
        for (comment, uid) in [
            (&b"u-10122"[..], Some(10_122)),
            (b"u--1", Some(-1)),
            (b"u-", None),
            (b"u-99999999999", None),
            (b"seen", None),
            (b"u-\xff", None),
        ] {
            assert_eq!(of_comment(comment).map(|app| app.uid), uid, "{comment:?}");
        }
    }
}
