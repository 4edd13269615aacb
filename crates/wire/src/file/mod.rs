//! Capture files, block by block: pcap and pcapng, as they are streamed. No I/O: whoever reads the file hands in what has come.

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
    pub source: crate::read::Malformed,
}

/// Walks over a capture file.
#[derive(Debug, Default)]
pub struct Walk {}

impl Walk {
    /// The next step from the beginning of `buffer`, and how many bytes of it were used. The rest is to be given
    /// again, with more behind it after [`Step::More`].
    pub fn step<'a>(&mut self, buffer: &'a [u8]) -> (usize, Step<'a>) {
        (0, Step::More(buffer.len() + 1))
    }
}
