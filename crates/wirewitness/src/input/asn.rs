//! The table of networks that a person names.

use std::net::IpAddr;
use std::path::Path;

use wirewitness_analysis::judge::address::AsnTable;

use crate::command_error::CommandError;

/// A table in MaxMind's format.
pub(crate) struct MmdbTable {
    reader: maxminddb::Reader<Vec<u8>>,
}

impl MmdbTable {
    /// Opens a table.
    pub(crate) fn open(path: &Path) -> Result<Self, CommandError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
        let reader =
            maxminddb::Reader::from_source(bytes).map_err(|error| CommandError::BadFile {
                path: name,
                message: format!("is no mmdb file: {error}"),
                hint: "expected an ASN table in MaxMind's format (autonomous_system_number)"
                    .to_owned(),
            })?;
        Ok(Self { reader })
    }
}

#[derive(serde::Deserialize)]
struct Row {
    autonomous_system_number: Option<u32>,
}

impl AsnTable for MmdbTable {
    fn asn(&self, address: IpAddr) -> Option<u32> {
        let found = self.reader.lookup(address).ok()?;
        let row: Row = found.decode().ok()??;
        row.autonomous_system_number.filter(|&asn| asn != 0)
    }
}
