//! Files for some readers only (c2sp.org/age, version 1): X25519 recipients, and passphrases by scrypt.
//!
//! The format is written here, on the library's X25519, HKDF, HMAC and ChaCha20-Poly1305; `age` and `rage` open what is written, and this opens
//! theirs. Other kinds of recipients (ssh, plugins, post-quantum) and armor are not read: `age -d` does that first.

use std::io::{self, Read, Write};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::leaves::fill;

mod bech32;

/// The first line of every file.
pub const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// Work for a new passphrase, as a power of two; what `age` takes: about a second.
pub const WORK: u8 = 18;
/// Work that a file may ask of us: 2^20 takes 1 GiB.
const MAX_WORK: u8 = 20;
/// Bytes that a header may have.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Bytes of a piece of the payload.
const PIECE: usize = 64 << 10;
const TAG: usize = 16;

/// What is wrong with a file, a recipient or an identity.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A recipient is none.
    #[error("{0:?} is no recipient of age (age1..)")]
    Recipient(String),
    /// An identity is none. What it was is not said: it is a secret.
    #[error("no identity of age (AGE-SECRET-KEY-1..)")]
    Identity,
    /// The header is none.
    #[error("byte {at} of the age header: {why}")]
    Header {
        /// Where.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// It is for somebody else.
    #[error("this is for other recipients, or the passphrase is another one")]
    NoMatch,
    /// It asks for more work than is given.
    #[error("this asks for 2^{0} scrypt rounds; at most 2^{MAX_WORK} are done")]
    Work(u8),
    /// The library refuses.
    #[error("the cryptographic library refuses: {0}")]
    Refused(&'static str),
}

/// Who can read a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient([u8; 32]);

impl Recipient {
    /// Reads `age1..`.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, AgeError> {
        let bytes = bech32::decode("age", text.trim());
        bytes.map(Self).ok_or_else(|| AgeError::Recipient(text.chars().take(80).collect()))
    }
}

/// The secret of a recipient.
pub struct Identity([u8; 32]);

impl Identity {
    /// Reads `AGE-SECRET-KEY-1..`.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, AgeError> {
        bech32::decode("age-secret-key-", text.trim()).map(Self).ok_or(AgeError::Identity)
    }

    /// All that are in a file as `age-keygen` writes it: a line each, others begin with `#`.
    ///
    /// # Errors
    /// Where a line is none, or there is none.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, AgeError> {
        let lines = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
        let all: Vec<_> = lines.map(Self::parse).collect::<Result<_, _>>()?;
        if all.is_empty() { Err(AgeError::Identity) } else { Ok(all) }
    }
}

/// For whom to write.
pub enum For<'a> {
    /// For these.
    Recipients(&'a [Recipient]),
    /// For who knows this, with that much work ([`WORK`]).
    Passphrase(&'a str, u8),
}

/// By what to open.
pub enum By<'a> {
    /// One of these.
    Identities(&'a [Identity]),
    /// This.
    Passphrase(&'a str),
}

/// Encrypts what is written to it. Call [`Encrypting::finish`]: without it the file is cut, and says so.
pub struct Encrypting<W> {
    out: W,
    key: LessSafeKey,
    count: u64,
    piece: Vec<u8>,
}

impl<W: Write> Encrypting<W> {
    /// Writes the header. `random` gives 32 bytes that nobody can guess, new ones each time.
    ///
    /// # Errors
    /// Where nothing random is to be had, a recipient's key is one that nobody has; or writing.
    pub fn new(
        mut out: W,
        whom: &For<'_>,
        random: &mut dyn FnMut() -> io::Result<[u8; 32]>,
    ) -> Result<Self, AgeError> {
        let file_key: [u8; 16] = half(&random()?);
        let mut header = MAGIC.to_vec();
        match whom {
            For::Recipients(recipients) => {
                for recipient in *recipients {
                    header.extend_from_slice(&stanza_for(recipient, random()?, &file_key)?);
                }
            }
            For::Passphrase(passphrase, work) => {
                let salt: [u8; 16] = half(&random()?);
                let wrap = from_passphrase(passphrase, &salt, *work)?;
                let body = STANDARD_NO_PAD.encode(wrapped(&wrap, &file_key)?);
                let salt = STANDARD_NO_PAD.encode(salt);
                header.extend_from_slice(format!("-> scrypt {salt} {work}\n{body}\n").as_bytes());
            }
        }
        header.extend_from_slice(b"---");
        let mac = STANDARD_NO_PAD.encode(mac(&file_key, &header)?.as_ref());
        header.extend_from_slice(format!(" {mac}\n").as_bytes());
        let nonce: [u8; 16] = half(&random()?);
        header.extend_from_slice(&nonce);
        out.write_all(&header)?;
        let key = cipher(&derived(&file_key, &nonce, b"payload")?)?;
        Ok(Self { out, key, count: 0, piece: Vec::with_capacity(PIECE + TAG) })
    }

    /// Writes the last piece.
    ///
    /// # Errors
    /// Where that cannot be.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, is_last: bool) -> io::Result<()> {
        let sealed = self.key.seal_in_place_append_tag(
            nonce(self.count, is_last),
            Aad::empty(),
            &mut self.piece,
        );
        sealed.map_err(|_| io::Error::other("the cryptographic library refuses"))?;
        self.out.write_all(&self.piece)?;
        self.piece.clear();
        self.count += 1;
        Ok(())
    }
}

impl<W: Write> Write for Encrypting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until more comes: the last one is marked, and is not empty.
        if self.piece.len() == PIECE && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Gives what is in a file, piece by piece, each one checked before a byte of it is given.
pub struct Decrypting<R> {
    input: R,
    key: LessSafeKey,
    count: u64,
    plain: Vec<u8>,
    at: usize,
    /// The byte after the current piece: whether there is another one.
    peeked: Option<u8>,
    is_done: bool,
}

impl<R: Read> Decrypting<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Where it is none, was changed, or is for others.
    pub fn new(mut input: R, by: &By<'_>) -> Result<Self, AgeError> {
        let header = Header::read(&mut input)?;
        let file_key = header.file_key(by)?;
        let key = hmac_key(&file_key)?;
        hmac::verify(&key, &header.signed, &header.mac)
            .map_err(|_| AgeError::Header { at: header.signed.len(), why: "it was changed" })?;
        let mut salt = [0; 16];
        if fill(&mut input, &mut salt)? < salt.len() {
            return Err(AgeError::Header { at: header.signed.len(), why: "nothing follows it" });
        }
        let key = cipher(&derived(&file_key, &salt, b"payload")?)?;
        let mut first = [0];
        let peeked = (fill(&mut input, &mut first)? == 1).then_some(first[0]);
        Ok(Self { input, key, count: 0, plain: Vec::new(), at: 0, peeked, is_done: false })
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let bad = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let number = self.count;
        let Some(first) = self.peeked.take() else {
            return Err(bad(format!("piece {number} of the age file: it is cut")));
        };
        let mut piece = vec![0; PIECE + TAG + 1];
        if let Some(place) = piece.first_mut() {
            *place = first;
        }
        let read = 1 + fill(&mut self.input, piece.get_mut(1..).unwrap_or_default())?;
        piece.truncate(read);
        if read == PIECE + TAG + 1 {
            self.peeked = piece.pop();
        }
        let is_last = self.peeked.is_none();
        let opened = self.key.open_in_place(nonce(number, is_last), Aad::empty(), &mut piece);
        let length = opened.map(|it| it.len());
        let length = length
            .map_err(|_| bad(format!("piece {number} of the age file was changed, or is cut")))?;
        if length == 0 && number > 0 {
            return Err(bad(format!("piece {number} of the age file is empty")));
        }
        piece.truncate(length);
        (self.plain, self.at, self.is_done) = (piece, 0, is_last);
        self.count += 1;
        Ok(())
    }
}

impl<R: Read> Read for Decrypting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.plain.len() && !self.is_done {
            self.next_piece()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += count;
        Ok(count)
    }
}

struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

struct Header {
    /// Up to and including `---`.
    signed: Vec<u8>,
    stanzas: Vec<Stanza>,
    mac: Vec<u8>,
}

impl Header {
    fn read(input: &mut dyn Read) -> Result<Self, AgeError> {
        let mut bytes = Vec::new();
        let mut starts = vec![0];
        // Byte by byte: what follows the header is not ours to take.
        loop {
            let mut byte = [0];
            if fill(input, &mut byte)? == 0 || bytes.len() >= MAX_HEADER_BYTES {
                return Err(AgeError::Header { at: bytes.len(), why: "it has no end" });
            }
            bytes.push(byte[0]);
            if byte[0] == b'\n' {
                let start = starts.last().copied().unwrap_or(0);
                if bytes.get(start..).is_some_and(|it| it.starts_with(b"---")) {
                    return Self::parse(&bytes, start);
                }
                starts.push(bytes.len());
            }
        }
    }

    fn parse(bytes: &[u8], end: usize) -> Result<Self, AgeError> {
        let bad = |at, why| AgeError::Header { at, why };
        if !bytes.starts_with(MAGIC) {
            return Err(bad(0, "this is no age file of version 1"));
        }
        let text = std::str::from_utf8(bytes).map_err(|it| bad(it.valid_up_to(), "no text"))?;
        let lines = text.get(MAGIC.len()..end).unwrap_or_default();
        let (mut stanzas, mut at, mut is_open) = (Vec::<Stanza>::new(), MAGIC.len(), false);
        let mut body = String::new();
        for line in lines.split_inclusive('\n') {
            let plain = line.trim_end_matches('\n');
            match (is_open, plain.strip_prefix("-> ")) {
                (false, Some(arguments)) => {
                    let arguments: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
                    if arguments.iter().any(String::is_empty) {
                        return Err(bad(at, "an empty argument"));
                    }
                    stanzas.push(Stanza { arguments, body: Vec::new() });
                    (is_open, body) = (true, String::new());
                }
                (true, None) if plain.len() <= 64 => {
                    body.push_str(plain);
                    if plain.len() < 64 {
                        let decoded =
                            STANDARD_NO_PAD.decode(&body).map_err(|_| bad(at, "bad base64"))?;
                        if let Some(stanza) = stanzas.last_mut() {
                            stanza.body = decoded;
                        }
                        is_open = false;
                    }
                }
                _ => return Err(bad(at, "no line of a header")),
            }
            at += line.len();
        }
        if is_open || stanzas.is_empty() {
            return Err(bad(at, "no recipient, or one that is cut"));
        }
        let mac = text.get(end..).and_then(|it| it.strip_prefix("--- ")?.strip_suffix('\n'));
        let mac = mac.and_then(|it| STANDARD_NO_PAD.decode(it).ok());
        let mac = mac.filter(|it| it.len() == 32).ok_or(bad(end, "no MAC"))?;
        let signed = bytes.get(..end + 3).unwrap_or_default().to_vec();
        Ok(Self { signed, stanzas, mac })
    }

    fn file_key(&self, by: &By<'_>) -> Result<[u8; 16], AgeError> {
        let bad = |why| AgeError::Header { at: 0, why };
        for stanza in &self.stanzas {
            let arguments: Vec<_> = stanza.arguments.iter().map(String::as_str).collect();
            match (arguments.as_slice(), by) {
                (["X25519", share], By::Identities(identities)) => {
                    let share = exact::<32>(share).ok_or(bad("a share that is none"))?;
                    if stanza.body.len() != 32 {
                        return Err(bad("a file key that is none"));
                    }
                    for identity in *identities {
                        if let Some(key) = opened_by(identity, &share, &stanza.body) {
                            return Ok(key);
                        }
                    }
                }
                (["scrypt", salt, work], By::Passphrase(passphrase)) => {
                    if self.stanzas.len() > 1 || stanza.body.len() != 32 {
                        return Err(bad("a passphrase and something else"));
                    }
                    let salt = exact::<16>(salt).ok_or(bad("a salt that is none"))?;
                    let number = work.parse::<u8>().ok().filter(|it| it.to_string() == *work);
                    let work = number.ok_or(bad("work that is no number"))?;
                    if work > MAX_WORK || work == 0 {
                        return Err(AgeError::Work(work));
                    }
                    let wrap = from_passphrase(passphrase, &salt, work)?;
                    return unwrapped(&wrap, &stanza.body).ok_or(AgeError::NoMatch);
                }
                (["X25519" | "scrypt", ..], _) if arguments.len() > 3 => {
                    return Err(bad("a recipient with too many arguments"));
                }
                _ => {}
            }
        }
        Err(AgeError::NoMatch)
    }
}

fn stanza_for(
    recipient: &Recipient,
    ephemeral: [u8; 32],
    file_key: &[u8; 16],
) -> Result<Vec<u8>, AgeError> {
    let refused = |_| AgeError::Refused("a key for one file");
    let secret = PrivateKey::from_private_key(&X25519, &ephemeral)
        .map_err(|_| AgeError::Refused("a key for one file"))?;
    let share = secret.compute_public_key().map_err(refused)?;
    let share = share.as_ref().to_vec();
    let salt = [share.as_slice(), &recipient.0].concat();
    let wrap =
        shared(&secret, &recipient.0, &salt).ok_or(AgeError::Refused("a recipient's key"))?;
    let body = STANDARD_NO_PAD.encode(wrapped(&wrap, file_key)?);
    Ok(format!("-> X25519 {}\n{body}\n", STANDARD_NO_PAD.encode(share)).into_bytes())
}

fn opened_by(identity: &Identity, share: &[u8; 32], body: &[u8]) -> Option<[u8; 16]> {
    let secret = PrivateKey::from_private_key(&X25519, &identity.0).ok()?;
    let own = secret.compute_public_key().ok()?;
    let salt = [share.as_slice(), own.as_ref()].concat();
    unwrapped(&shared(&secret, share, &salt)?, body)
}

/// The key that two halves agree on. None where it is zero, which the library refuses.
fn shared(secret: &PrivateKey, public: &[u8; 32], salt: &[u8]) -> Option<[u8; 32]> {
    agree(secret, UnparsedPublicKey::new(&X25519, public), (), |it| {
        derived(it, salt, b"age-encryption.org/v1/X25519").map_err(|_| ())
    })
    .ok()
}

fn from_passphrase(passphrase: &str, salt: &[u8; 16], work: u8) -> Result<[u8; 32], AgeError> {
    let refused = |_| AgeError::Refused("scrypt's parameters");
    let parameters = scrypt::Params::new(work, 8, 1).map_err(refused)?;
    let salt = [b"age-encryption.org/v1/scrypt".as_slice(), salt].concat();
    let mut key = [0; 32];
    scrypt::scrypt(passphrase.as_bytes(), &salt, &parameters, &mut key)
        .map_err(|_| AgeError::Refused("scrypt's output"))?;
    Ok(key)
}

fn wrapped(key: &[u8; 32], file_key: &[u8; 16]) -> Result<Vec<u8>, AgeError> {
    let mut body = file_key.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let sealed = cipher(key)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut body);
    sealed.map_err(|_| AgeError::Refused("a file key"))?;
    Ok(body)
}

fn unwrapped(key: &[u8; 32], body: &[u8]) -> Option<[u8; 16]> {
    let mut body = body.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let plain = cipher(key).ok()?.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
    <[u8; 16]>::try_from(&*plain).ok()
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, AgeError> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, key);
    key.map(LessSafeKey::new).map_err(|_| AgeError::Refused("a key"))
}

fn derived(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<[u8; 32], AgeError> {
    let refused = |_| AgeError::Refused("a derived key");
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let mut key = [0; 32];
    let info = [info];
    let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).map_err(refused)?;
    expanded.fill(&mut key).map_err(refused)?;
    Ok(key)
}

fn hmac_key(file_key: &[u8; 16]) -> Result<hmac::Key, AgeError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &derived(file_key, b"", b"header")?))
}

fn mac(file_key: &[u8; 16], header: &[u8]) -> Result<hmac::Tag, AgeError> {
    Ok(hmac::sign(&hmac_key(file_key)?, header))
}

/// The nonce of a piece: eleven bytes of its number, and whether it is the last.
fn nonce(number: u64, is_last: bool) -> Nonce {
    let mut bytes = [0; 12];
    let places = bytes.iter_mut().skip(3);
    places.zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    bytes[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(bytes)
}

fn exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn half(bytes: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    half
}
