//! The tables of networks that a person names.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use wirewitness_analysis::judge::address::AsnTable;

use super::packed;
use super::ranges::Ranges;
use crate::command_error::CommandError;
use crate::output::{clean, complain};

/// Tables, asked in the order in which they were named: the first that knows an address answers.
#[derive(Default)]
pub(crate) struct Tables {
    tables: Vec<Table>,
}

/// One table.
enum Table {
    /// In MaxMind's format.
    Mmdb(maxminddb::Reader<Vec<u8>>),
    /// Lines of ranges.
    Ranges(Ranges),
}

impl Tables {
    /// Opens them: mmdb or ranges, packed or not, as their bytes say. Lines of ranges that cannot be read are told and left out.
    ///
    /// # Errors
    /// One cannot be read, is too large, or holds no network at all.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, CommandError> {
        Ok(Self { tables: paths.iter().map(|path| Table::open(path)).collect::<Result<_, _>>()? })
    }
}

impl AsnTable for Tables {
    fn asn(&self, address: IpAddr) -> Option<u32> {
        self.tables.iter().find_map(|table| table.asn(address))
    }
}

#[derive(serde::Deserialize)]
struct Row {
    autonomous_system_number: Option<u32>,
}

impl Table {
    fn open(path: &Path) -> Result<Self, CommandError> {
        let name = path.display().to_string();
        let bytes =
            read(path).map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
        let bad = |message: String| {
            CommandError::BadFile {
            path: name.clone(),
            message,
            hint: "expected an ASN table: mmdb (autonomous_system_number) or lines of first,last,number,name"
                .to_owned(),
        }
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(bad(format!("is more than {} MiB, unpacked", MAX_BYTES >> 20)));
        }
        let tail = bytes.get(bytes.len().saturating_sub(MMDB_TAIL)..).unwrap_or_default();
        if memchr::memmem::find(tail, MMDB_MARK).is_some() {
            let reader = maxminddb::Reader::from_source(bytes);
            return reader
                .map(Self::Mmdb)
                .map_err(|error| bad(format!("is no mmdb file: {error}")));
        }
        if bytes.iter().take(HEAD).any(|byte| *byte == 0) {
            return Err(bad("is neither an mmdb file nor text".to_owned()));
        }
        let (ranges, problems) = Ranges::read(&bytes);
        if ranges.is_empty() {
            let first = problems.first();
            let first = first.map_or(String::new(), |problem| format!(" ({problem})"));
            return Err(bad(format!("holds no range of a network{first}")));
        }
        for problem in &problems.told {
            complain(&format!("{}: {problem}\n", clean(&name, 300)));
        }
        if problems.more > 0 {
            complain(&format!("{}: {} more lines left out\n", clean(&name, 300), problems.more));
        }
        Ok(Self::Ranges(ranges))
    }

    fn asn(&self, address: IpAddr) -> Option<u32> {
        match self {
            Self::Mmdb(reader) => {
                let row: Row = reader.lookup(address).ok()?.decode().ok()??;
                row.autonomous_system_number.filter(|&asn| asn != 0)
            }
            Self::Ranges(ranges) => ranges.asn(address),
        }
    }
}

/// What is packed in a file, to one byte over [`MAX_BYTES`].
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    packed::unpacked(File::open(path)?)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Before the metadata of an mmdb file, in its last 128 KiB (MaxMind DB file format 2.0, "Database Metadata").
const MMDB_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Where that is.
const MMDB_TAIL: usize = 128 << 10;

/// Text has no zero byte among so many.
const HEAD: usize = 4096;

/// A table is this large at most, unpacked. The largest that are published have some 50 MB.
const MAX_BYTES: u64 = 256 << 20;
