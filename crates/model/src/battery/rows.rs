//! The words of a battery that profiles of devices have too: rows of the published tables, flags, tuples, directions.

/// Flags of forged packets, in words.
pub const FLAGS: &[&str] = &["rst", "rst_ack", "rst_ae_reserved", "fin", "data", "other"];

/// What a residual block holds on to.
pub const TUPLES: &[&str] = &["none", "3-tuple", "4-tuple"];

/// Which way a device looks.
pub const DIRECTIONS: &[&str] = &["both", "inside_out", "outside_in"];

/// Length fields of a `ClientHello` and the lies about them, in the rows of the published table (P26, table 12): what
/// stands together in a row was the same for every device. `quic` has these but the first.
pub const LENGTH_ROWS: [&str; 24] = [
    "record_len:zero|half|double|ffff",
    "message_len:zero",
    "message_len:double",
    "message_len:half",
    "message_len:ffff",
    "message_len:exclude_last_ext",
    "session_id_len:too_long",
    "cipher_suites_len:double",
    "cipher_suites_len:zero|half|ffff",
    "compression_len:zero|half",
    "compression_len:double|ff",
    "extensions_len:zero",
    "extensions_len:half",
    "extensions_len:double|ffff",
    "extensions_len:exclude_last_ext",
    "sni_ext_len:zero|half",
    "sni_ext_len:double",
    "sni_ext_len:ffff",
    "sni_list_len:zero",
    "sni_list_len:half",
    "sni_list_len:double",
    "sni_list_len:ffff",
    "sni_name_len:zero|half",
    "sni_name_len:double|ffff",
];

/// Versions and features of QUIC, in the rows of the same table.
pub const QUIC_ROWS: [&str; 11] = [
    "quic_ver:Q023-Q040,Q042-Q043",
    "quic_ver:Q041,Q044-Q045",
    "quic_ver:Q046-Q049",
    "quic_ver:T050-T051",
    "quic_ver:draft22-28",
    "quic_ver:draft29,v1",
    "quic_ver:v2",
    "quic_feat:fragmentation",
    "quic_feat:below_1200",
    "quic_feat:forced_negotiation",
    "quic_feat:multi_packet_initial",
];

/// The row that a probe belongs to: a row's own name, or one of what stands together in it (`record_len:half`, `quic_ver:Q043`).
pub fn row_of(section: &str, probe: &str) -> Option<&'static str> {
    let rows: Vec<&'static str> = match section {
        "tls" => LENGTH_ROWS.to_vec(),
        "quic" => LENGTH_ROWS.iter().skip(1).chain(&QUIC_ROWS).copied().collect(),
        _ => return None,
    };
    if let Some(row) = rows.iter().find(|row| **row == probe) {
        return Some(row);
    }
    let (field, lie) = probe.split_once(':')?;
    rows.into_iter().find(|row| {
        row.split_once(':').is_some_and(|(name, members)| {
            name == field && members.split(['|', ',']).any(|member| holds(member, lie))
        })
    })
}

/// True if a member of a row (`double`, `Q023-Q040`, `draft22-28`) is or spans this one.
fn holds(member: &str, one: &str) -> bool {
    if member == one {
        return true;
    }
    let Some((low, high)) = member.split_once('-') else { return false };
    let (Some((kind, low)), Some((of, at))) = (numbered(low), numbered(one)) else { return false };
    let high = numbered(high).map_or(high.parse().ok(), |(_, number)| Some(number));
    kind == of && low <= at && high.is_some_and(|high| at <= high)
}

/// `Q023` as `Q` and 23.
fn numbered(text: &str) -> Option<(&str, u32)> {
    let digits = text.find(|it: char| it.is_ascii_digit())?;
    let (kind, number) = text.split_at_checked(digits)?;
    Some((kind, number.parse().ok()?)).filter(|_| !kind.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_belongs_to_the_row_that_holds_it() {
        for (section, probe, row) in [
            ("tls", "record_len:ffff", Some("record_len:zero|half|double|ffff")),
            ("tls", "message_len:half", Some("message_len:half")),
            ("tls", "compression_len:ff", Some("compression_len:double|ff")),
            ("quic", "record_len:ffff", None),
            ("quic", "quic_ver:Q041", Some("quic_ver:Q041,Q044-Q045")),
            ("quic", "quic_ver:Q043", Some("quic_ver:Q023-Q040,Q042-Q043")),
            ("quic", "quic_ver:Q040", Some("quic_ver:Q023-Q040,Q042-Q043")),
            ("quic", "quic_ver:draft28", Some("quic_ver:draft22-28")),
            ("quic", "quic_ver:draft29", Some("quic_ver:draft29,v1")),
            ("quic", "quic_ver:v1", Some("quic_ver:draft29,v1")),
            ("quic", "quic_ver:v2", Some("quic_ver:v2")),
            ("quic", "quic_ver:Q050", None),
            ("tls", "nonsense", None),
            ("dns", "pointer_17", None),
        ] {
            assert_eq!(row_of(section, probe), row, "{section} {probe}");
        }
    }
}
