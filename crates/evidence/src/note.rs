//! Signed notes (c2sp.org/signed-note): a text, and lines of signatures under it; and the keys for them.
//!
//! A verifier key is `NAME+ID+BASE64`, a private one `PRIVATE+KEY+NAME+ID+BASE64`, as Go's `golang.org/x/mod/sumdb/note` writes them, so that
//! its tools read ours. Signatures are Ed25519 (type 0x01); those of witnesses (type 0x04) carry a time and stand on the checkpoint with
//! a prefix (c2sp.org/tlog-cosignature).

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wirewitness_model::hex::hex;

use crate::merkle::sha256;

/// Bytes that a note may have, with its signatures.
pub const MAX_NOTE_BYTES: usize = 1 << 20;
/// Signatures that a note may have.
pub const MAX_SIGNATURES: usize = 64;

/// What is wrong with a note or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is too long.
    #[error("{have} bytes, at most {MAX_NOTE_BYTES} may be")]
    TooLong {
        /// Its bytes.
        have: usize,
    },
    /// It is no note.
    #[error("byte {at}: {why}")]
    Malformed {
        /// Where, in bytes.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A key is no key.
    #[error("no key: {0}")]
    Key(&'static str),
    /// The key has not signed it.
    #[error("no signature by {0}")]
    Unsigned(String),
    /// The signature is wrong: the text was changed, or the signature.
    #[error("the signature by {0} does not fit the text: one of them was changed")]
    Wrong(String),
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Notes (0x01).
    Ed25519,
    /// Checkpoints, as a witness (0x04).
    Cosigner,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosigner => 0x04,
        }
    }
}

/// A public key with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
}

impl VerifierKey {
    /// A key under a name.
    ///
    /// # Errors
    /// Where the name is empty, or has blanks, control characters or a plus.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, NoteError> {
        let is_odd = |it: char| it.is_whitespace() || it.is_control() || it == '+';
        if name.is_empty() || name.len() > 255 || name.contains(is_odd) {
            return Err(NoteError::Key("its name is empty, too long, or has a blank or a plus"));
        }
        Ok(Self { name: name.to_owned(), kind, public })
    }

    /// Reads `NAME+ID+BASE64`.
    ///
    /// # Errors
    /// Where it is none, or its id does not fit.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it is written NAME+ID+BASE64"));
        };
        let data = STANDARD.decode(data).map_err(|_| NoteError::Key("bad base64"))?;
        let kind = match data.first() {
            Some(0x01) => KeyKind::Ed25519,
            Some(0x04) => KeyKind::Cosigner,
            _ => return Err(NoteError::Key("its type is neither Ed25519 nor that of a cosigner")),
        };
        let public = data.get(1..).and_then(|it| <[u8; 32]>::try_from(it).ok());
        let key = Self::new(name, kind, public.ok_or(NoteError::Key("it has not 32 bytes"))?)?;
        if hex(&key.id()) != id {
            return Err(NoteError::Key("its id does not fit: a letter was changed"));
        }
        Ok(key)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// SHA-256 of the public key, hexadecimal: what two people compare.
    pub fn fingerprint(&self) -> String {
        hex(&sha256(&[&self.public]))
    }

    /// The first four bytes of the SHA-256 of name and key.
    pub fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[self.kind.byte()], &self.public]);
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Whether this is a signature of these bytes.
    pub(crate) fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(bytes, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = vec![self.kind.byte()];
        data.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(data))
    }
}

/// A private key. Its `Debug` shows the public half only.
pub struct SignerKey {
    pair: Ed25519KeyPair,
    seed: [u8; 32],
    verifier: VerifierKey,
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignerKey").field(&self.verifier).finish()
    }
}

impl SignerKey {
    /// A key from 32 random bytes. Without a name it gets one from its public half.
    ///
    /// # Errors
    /// A name that no key can have.
    pub fn new(name: Option<&str>, seed: [u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| NoteError::Key("the library refuses it"))?;
        let public = <[u8; 32]>::try_from(pair.public_key().as_ref())
            .map_err(|_| NoteError::Key("it has not 32 bytes"))?;
        let own = format!("wirewitness.invalid/{}", hex(&public[..8]));
        let verifier = VerifierKey::new(name.unwrap_or(&own), KeyKind::Ed25519, public)?;
        Ok(Self { pair, seed, verifier })
    }

    /// Reads `PRIVATE+KEY+NAME+ID+BASE64`.
    ///
    /// # Errors
    /// Where it is none, or its id does not fit.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.trim_end().strip_prefix("PRIVATE+KEY+");
        let rest = rest.ok_or(NoteError::Key("it begins with PRIVATE+KEY+"))?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it is written PRIVATE+KEY+NAME+ID+BASE64"));
        };
        let data = STANDARD.decode(data).map_err(|_| NoteError::Key("bad base64"))?;
        let Some((0x01, seed)) = data.split_first().map(|(kind, seed)| (*kind, seed)) else {
            return Err(NoteError::Key("its type is not Ed25519"));
        };
        let seed = <[u8; 32]>::try_from(seed).map_err(|_| NoteError::Key("it has not 32 bytes"))?;
        let key = Self::new(Some(name), seed)?;
        if hex(&key.verifier.id()) != id {
            return Err(NoteError::Key("its id does not fit: it was changed"));
        }
        Ok(key)
    }

    /// The line that [`SignerKey::parse`] reads: a secret.
    pub fn to_secret_line(&self) -> String {
        let mut data = vec![0x01];
        data.extend_from_slice(&self.seed);
        let id = hex(&self.verifier.id());
        format!("PRIVATE+KEY+{}+{id}+{}\n", self.verifier.name, STANDARD.encode(data))
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a text, which ends with a line feed.
    pub fn sign(&self, text: &str) -> SignedNote {
        let mut bytes = self.verifier.id().to_vec();
        bytes.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        let signature = Signature { name: self.verifier.name.clone(), bytes };
        SignedNote { text: text.to_owned(), signatures: vec![signature] }
    }
}

/// One line under a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whose it says it is.
    pub name: String,
    /// Four bytes of the key's id, and the signature.
    pub bytes: Vec<u8>,
}

/// A text and the signatures under it, none of them checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    /// What was signed, to the last line feed.
    pub text: String,
    /// Who says to have signed it.
    pub signatures: Vec<Signature>,
}

impl SignedNote {
    /// Reads a note.
    ///
    /// # Errors
    /// Where it is none, or is too long.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { have: bytes.len() });
        }
        let malformed = |at, why| NoteError::Malformed { at, why };
        let whole = std::str::from_utf8(bytes)
            .map_err(|error| malformed(error.valid_up_to(), "not UTF-8"))?;
        if let Some(at) = whole.find(|it: char| it.is_control() && it != '\n') {
            return Err(malformed(at, "a control character"));
        }
        let end = whole.rfind("\n\n").ok_or(malformed(0, "no empty line before signatures"))?;
        let (text, lines) = (whole.get(..=end), whole.get(end + 2..));
        let (Some(text), Some(lines)) = (text, lines) else {
            return Err(malformed(end, "no signatures"));
        };
        let mut signatures = Vec::new();
        let mut at = end + 2;
        for line in lines.split_inclusive('\n') {
            signatures.push(Self::line(line).ok_or(malformed(at, "no line of a signature"))?);
            at += line.len();
            if signatures.len() > MAX_SIGNATURES {
                return Err(malformed(at, "too many signatures"));
            }
        }
        if signatures.is_empty() {
            return Err(malformed(at, "no signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    fn line(line: &str) -> Option<Signature> {
        let (name, data) = line.strip_suffix('\n')?.strip_prefix("— ")?.split_once(' ')?;
        let bytes = STANDARD.decode(data).ok().filter(|it| it.len() > 4)?;
        let is_name = !name.is_empty() && !name.contains('+');
        is_name.then(|| Signature { name: name.to_owned(), bytes })
    }

    /// Whether this key has signed it.
    ///
    /// # Errors
    /// Where it has not, or where the signature does not fit.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let id = key.id();
        let mut own = self.signatures.iter().filter(|it| {
            it.name == key.name && it.bytes.get(..4) == Some(&id) && key.kind == KeyKind::Ed25519
        });
        let signature = own.next().ok_or_else(|| NoteError::Unsigned(key.name.clone()))?;
        let signed = signature.bytes.get(4..).unwrap_or_default();
        if key.has_signed(self.text.as_bytes(), signed) {
            return Ok(());
        }
        Err(NoteError::Wrong(key.name.clone()))
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for it in &self.signatures {
            writeln!(f, "— {} {}", it.name, STANDARD.encode(&it.bytes))?;
        }
        Ok(())
    }
}
