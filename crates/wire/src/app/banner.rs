//! How remote control and file sharing begin: SSH, RDP, SMB and VNC.

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Banner<'a> {
    /// SSH, with the software that the line names (RFC 4253 §4.2).
    Ssh(&'a [u8]),
    /// RDP, with the user's name of its cookie where there is one (MS-RDPBCGR §2.2.1.1).
    Rdp(Option<&'a [u8]>),
    /// SMB, version 1 or a later one (MS-SMB2 §2.2.1), as after its length of four bytes.
    Smb {
        /// True for SMB 1, which encrypts nothing.
        version_1: bool,
    },
    /// VNC, with its version (RFC 6143 §7.1.1).
    Vnc(&'a [u8]),
}

impl<'a> Banner<'a> {
    /// Reads the beginning of either way of a stream. None: none of them, or not enough of it.
    pub fn of(stream: &'a [u8]) -> Option<Self> {
        ssh(stream).or_else(|| vnc(stream)).or_else(|| rdp(stream)).or_else(|| smb(stream))
    }

    /// Its short name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ssh(_) => "SSH",
            Self::Rdp(_) => "RDP",
            Self::Smb { .. } => "SMB",
            Self::Vnc(_) => "VNC",
        }
    }
}

fn ssh(stream: &[u8]) -> Option<Banner<'_>> {
    let rest = stream.strip_prefix(b"SSH-")?;
    let window = rest.get(..rest.len().min(255))?;
    let end = window.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let line = window.get(..end)?;
    let dash = line.iter().position(|byte| *byte == b'-')?;
    Some(Banner::Ssh(line.get(dash + 1..)?))
}

fn vnc(stream: &[u8]) -> Option<Banner<'_>> {
    let version = stream.strip_prefix(b"RFB ")?.get(..8)?;
    (version.get(3) == Some(&b'.') && version.get(7) == Some(&b'\n'))
        .then(|| Banner::Vnc(version.trim_ascii_end()))
}

/// TPKT of version 3 with a connection request of X.224.
fn rdp(stream: &[u8]) -> Option<Banner<'_>> {
    let [3, 0, high, low, _, 0xe0, rest @ ..] = stream else { return None };
    let len = usize::from(*high) << 8 | usize::from(*low);
    let rest = rest.get(5..rest.len().min(len.checked_sub(6)?))?;
    let user = rest.strip_prefix(b"Cookie: mstshash=").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'\r')?;
        rest.get(..end)
    });
    Some(Banner::Rdp(user))
}

fn smb(stream: &[u8]) -> Option<Banner<'_>> {
    match stream.get(4..8)? {
        [0xff, b'S', b'M', b'B'] => Some(Banner::Smb { version_1: true }),
        [0xfe | 0xfd, b'S', b'M', b'B'] => Some(Banner::Smb { version_1: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_and_their_truncations() {
        let rdp = b"\x03\x00\x00\x2b\x26\xe0\x00\x00\x00\x00\x00Cookie: mstshash=alice\r\n\x01\x00\x08\x00\x03\x00\x00\x00";
        for (stream, banner) in [
            (&b"SSH-2.0-OpenSSH_9.6\r\n"[..], Banner::Ssh(b"OpenSSH_9.6")),
            (b"RFB 003.008\n", Banner::Vnc(b"003.008")),
            (rdp, Banner::Rdp(Some(b"alice"))),
            (b"\x00\x00\x00\x55\xffSMB", Banner::Smb { version_1: true }),
            (b"\x00\x00\x00\x55\xfeSMB", Banner::Smb { version_1: false }),
        ] {
            assert_eq!(Banner::of(stream), Some(banner));
            for len in 0..stream.len() {
                let cut = Banner::of(&stream[..len]);
                assert!(cut.is_none() || cut.map(|it| it.name()) == Some(banner.name()));
            }
        }
        assert_eq!(Banner::of(b"\x03\x00\x00\x00\x00\xe0\x00\x00\x00\x00\x00"), None);
        assert_eq!(Banner::of(b"GET / HTTP/1.1\r\n"), None);
    }
}
