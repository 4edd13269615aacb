//! Capture files, block by block: pcap and pcapng, as they are streamed. No I/O: whoever reads the file hands in what has come.
//!
//! A damaged file is read as far as it can be: where a record or a block cannot be, the walk says so and searches for the
//! next that can. What it gives does not depend on the pieces in which the file came.

pub mod app;
mod clock;
mod options;
mod pcap;
mod pcapng;

use crate::read::Malformed;

pub mod write;

/// One packet of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number, from 1, as Wireshark counts.
    pub number: u64,
    /// When, in nanoseconds since 1970; 0 where the file does not say (simple packet blocks).
    pub at_ns: i64,
    /// What `bytes` begins with.
    pub link: LinkType,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// How long it was on the wire, bytes; never less than what was captured.
    pub original_len: u32,
    /// On which interface, counted over all sections from 0.
    pub interface: u32,
    /// Which way, where the file says so.
    pub way: Way,
    /// Offset in the (decompressed) file of the record's head.
    pub offset: u64,
    /// The record's comment (`opt_comment`), where there is one.
    pub comment: Option<&'a [u8]>,
}

/// Which way a packet passed the machine that captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Way {
    /// The file does not say.
    #[default]
    Unknown,
    /// It came in.
    In,
    /// It went out.
    Out,
}

/// A link type of the tcpdump group's list (`LINKTYPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

/// What the walk came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// A packet.
    Packet(Record<'a>),
    /// Something else that was understood: a head, names, statistics, a block that is not known and was passed over.
    Passed,
    /// So many bytes from the beginning of the buffer are needed (more than it has).
    More(usize),
    /// What is here is damaged and was passed over up to where reading can go on, or up to the end of the buffer.
    Damage(Damage),
}

/// Damage in a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {source}")]
pub struct Damage {
    /// Offset in the (decompressed) file.
    pub offset: u64,
    /// What is wrong; its own offset counts from there.
    pub source: Malformed,
}

/// The kind of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// pcap (draft-ietf-opsawg-pcap).
    Pcap,
    /// pcapng (draft-ietf-opsawg-pcapng).
    Pcapng,
}

/// Walks over a capture file.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    state: State,
    place: Place,
}

/// Where the walk is.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Offset of the buffer in the file.
    offset: u64,
    /// Packets so far.
    packets: u64,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Start,
    Pcap(pcap::File),
    Pcapng(pcapng::File),
    /// Neither.
    Unknown,
}

impl Walk {
    /// The longest packet that is taken for one, bytes: four times what tcpdump captures at most.
    pub const MAX_PACKET: usize = 1 << 20;
    /// The longest block that is taken for one, bytes.
    pub const MAX_BLOCK: usize = 16 << 20;

    /// The next step from the beginning of `buffer`, and how many bytes of it were used. The rest is to be given
    /// again, with more behind it after [`Step::More`], which never asks for more than [`Self::MAX_BLOCK`].
    #[inline(always)]
    pub fn step<'a>(&mut self, buffer: &'a [u8]) -> (usize, Step<'a>) {
        let (used, step) = match &mut self.state {
            // Inlined: the record is made where it is wanted, not copied there.
            State::Pcap(file) => file.step(buffer, &mut self.place),
            State::Pcapng(file) => file.step(buffer, &mut self.place),
            State::Start => self.start(buffer),
            State::Unknown if buffer.is_empty() => (0, Step::More(1)),
            State::Unknown => (buffer.len(), Step::Passed),
        };
        self.place.offset += used as u64;
        (used, step)
    }

    /// What is wrong with the file's end, where `rest` is what was not used and nothing follows it.
    pub fn finish(&self, rest: &[u8]) -> Option<Damage> {
        let is_whole = match &self.state {
            State::Start => false,
            State::Pcap(file) => rest.is_empty() || file.is_lost(),
            State::Pcapng(file) => rest.is_empty() || file.is_lost(),
            State::Unknown => true,
        };
        if is_whole {
            return None;
        }
        let (_, Step::More(need)) = self.clone().step(rest) else { return None };
        let what = match &self.state {
            State::Pcapng(_) => "block",
            State::Pcap(_) => "record",
            _ => "capture file",
        };
        let source = Malformed::Short { what, offset: 0, need, have: rest.len() };
        Some(Damage { offset: self.place.offset, source })
    }

    /// Searches on behind the record that leads beyond the file's end: `rest` is what was not used, and nothing follows it. How
    /// many bytes to pass over; the walk then goes on with what is left. 0 only where nothing is.
    ///
    /// A length that is wrong and could be right, near the end, would take what follows it along.
    pub fn search_on(&mut self, rest: &[u8]) -> usize {
        let used = match &mut self.state {
            State::Pcap(file) if !rest.is_empty() => file.search_on(rest),
            State::Pcapng(file) if !rest.is_empty() => file.search_on(rest),
            _ => rest.len(),
        };
        self.place.offset += used as u64;
        used
    }

    /// The kind of the file, once its beginning was read; none also for what is no capture.
    pub fn format(&self) -> Option<Format> {
        match &self.state {
            State::Pcap(_) => Some(Format::Pcap),
            State::Pcapng(_) => Some(Format::Pcapng),
            State::Start | State::Unknown => None,
        }
    }

    /// The name of the app with a user id, as PCAPdroid's pcapng files say it before its first packet; its package's name
    /// where it has none.
    pub fn app_name(&self, uid: i32) -> Option<&[u8]> {
        match &self.state {
            State::Pcapng(file) => file.apps().name(uid),
            _ => None,
        }
    }

    fn start<'a>(&mut self, buffer: &'a [u8]) -> (usize, Step<'a>) {
        let Some(magic) = buffer.first_chunk() else { return (0, Step::More(4)) };
        if *magic == pcapng::SECTION_HEADER.to_be_bytes() {
            let mut file = pcapng::File::default();
            let step = file.step(buffer, &mut self.place);
            if !matches!(step.1, Step::More(_)) {
                self.state = State::Pcapng(file);
            }
            return step;
        }
        if pcap::is_magic(*magic) {
            let Some(head) = buffer.first_chunk() else { return (0, Step::More(pcap::FILE_HEAD)) };
            if let Some(file) = pcap::File::new(head) {
                self.state = State::Pcap(file);
                return (pcap::FILE_HEAD, Step::Passed);
            }
        }
        self.state = State::Unknown;
        let value = u32::from_be_bytes(*magic).into();
        (buffer.len(), self.place.damage(Malformed::Value { what: "file magic", offset: 0, value }))
    }
}

impl Place {
    /// Damage at the beginning of the buffer.
    #[cold]
    fn damage<'a>(self, source: Malformed) -> Step<'a> {
        Step::Damage(Damage { offset: self.offset, source })
    }
}

/// The order of a file's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    #[inline]
    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// The four bytes at `at` of an array; a place outside is a mistake that the compiler sees.
#[inline]
fn four<const LEN: usize>(head: &[u8; LEN], at: usize) -> [u8; 4] {
    head.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}
