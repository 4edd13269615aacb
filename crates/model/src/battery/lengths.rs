//! The lies about a length of a `ClientHello`: one field of one probe, everything else untouched and nothing computed again.

/// A length field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Of the TLS record; QUIC has none.
    Record,
    /// Of the handshake message, 3 bytes.
    Message,
    /// Of the session id, 1 byte.
    SessionId,
    /// Of the cipher suites.
    CipherSuites,
    /// Of the compression methods, 1 byte.
    Compression,
    /// Of all extensions.
    Extensions,
    /// Of the extension that holds the name.
    SniExtension,
    /// Of the list of names.
    SniList,
    /// Of the name.
    SniName,
}

impl Field {
    /// All, in the order of their bytes.
    pub const ALL: [Self; 9] = [
        Self::Record,
        Self::Message,
        Self::SessionId,
        Self::CipherSuites,
        Self::Compression,
        Self::Extensions,
        Self::SniExtension,
        Self::SniList,
        Self::SniName,
    ];

    /// Its name in vectors.
    pub fn word(self) -> &'static str {
        match self {
            Self::Record => "record_len",
            Self::Message => "message_len",
            Self::SessionId => "session_id_len",
            Self::CipherSuites => "cipher_suites_len",
            Self::Compression => "compression_len",
            Self::Extensions => "extensions_len",
            Self::SniExtension => "sni_ext_len",
            Self::SniList => "sni_list_len",
            Self::SniName => "sni_name_len",
        }
    }

    /// The largest value: `0xff` of one byte, else `0xffff`, also of the three bytes of a message's length (as the paper has it).
    pub fn most(self) -> u32 {
        match self {
            Self::SessionId | Self::Compression => 0xff,
            _ => 0xffff,
        }
    }

    /// The probes of this field where it says `value`, each with its name. `last_extension` is the length of the last extension
    /// with its head, which two fields leave out in one more probe. A session id is empty, so it can only be too long.
    pub fn lies(self, value: u32, last_extension: u32) -> Vec<(String, u32)> {
        let name = |lie: &str| format!("{}:{lie}", self.word());
        let most = self.most();
        if self == Self::SessionId {
            return vec![(name("too_long"), most)];
        }
        let top = if most == 0xff { "ff" } else { "ffff" };
        let mut lies = vec![
            (name("zero"), 0),
            (name("half"), value / 2),
            (name("double"), value.saturating_mul(2).min(most)),
            (name(top), most),
        ];
        if matches!(self, Self::Message | Self::Extensions)
            && let Some(without) = value.checked_sub(last_extension)
        {
            lies.push((name("exclude_last_ext"), without));
        }
        lies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::battery::rows::{LENGTH_ROWS, row_of};

    #[test]
    fn a_lie_is_zero_half_double_or_the_most() {
        for (field, value, expected) in [
            (Field::Record, 517, vec![0, 258, 1034, 0xffff]),
            (Field::Record, 0x9000, vec![0, 0x4800, 0xffff, 0xffff]),
            (Field::Message, 513, vec![0, 256, 1026, 0xffff, 493]),
            (Field::SessionId, 0, vec![0xff]),
            (Field::Compression, 1, vec![0, 0, 2, 0xff]),
            (Field::Extensions, 401, vec![0, 200, 802, 0xffff, 381]),
        ] {
            let values: Vec<u32> = field.lies(value, 20).into_iter().map(|it| it.1).collect();
            assert_eq!(values, expected, "{field:?}");
        }
    }

    #[test]
    fn every_lie_has_a_row_and_every_row_a_lie() {
        let mut rows: Vec<&str> = Vec::new();
        for field in Field::ALL {
            for (name, _) in field.lies(300, 20) {
                let row = row_of("tls", &name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!(row_of("quic", &name).is_some(), field != Field::Record, "{name}");
                rows.push(row);
            }
        }
        assert_eq!(rows.len(), 35);
        assert!(LENGTH_ROWS.iter().all(|row| rows.contains(row)));
    }
}
