//! Time stamps that OpenSSL makes, as an authority would.

use std::path::Path;
use std::process::Command;

use wirewitness_evidence::share::attach;
use wirewitness_evidence::timestamp::{StampError, request, token, verify};
use wirewitness_evidence::verify::{Trust, verify as verify_bundle};

/// An authority in a folder, with a root above it.
struct Authority {
    folder: tempfile::TempDir,
}

const CONFIG: &str = "[tsa]\nserial = ./serial\nsigner_cert = ./tsa.pem\ncerts = ./tsa.pem\nsigner_key = ./tsa.key\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256, sha512\n[root]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n[leaf]\nbasicConstraints = critical,CA:FALSE\nextendedKeyUsage = critical,timeStamping\n[req]\ndistinguished_name = dn\n[dn]\n";

fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output();
    output.is_ok_and(|it| it.status.success())
}

impl Authority {
    /// None without OpenSSL.
    fn new(kind: &[&str]) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: no openssl on this machine to make time stamps with");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::write(at.join("conf"), CONFIG).unwrap();
        std::fs::write(at.join("serial"), "01\n").unwrap();
        for name in ["root.key", "tsa.key"] {
            // OpenSSL takes the length of an RSA key after all flags.
            let command: Vec<&str> = kind.iter().copied().chain(["-out", name]).collect();
            assert!(openssl(at, &command), "{command:?}");
        }
        let root = "req -x509 -new -key root.key -subj /CN=Root -days 30 -config conf -extensions root -out root.pem";
        let asked = "req -new -key tsa.key -subj /CN=Stamps/O=Test -config conf -out tsa.csr";
        let given = "x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile conf -extensions leaf -out tsa.pem";
        for command in [root, asked, given] {
            assert!(openssl(at, &command.split(' ').collect::<Vec<_>>()), "{command}");
        }
        for name in ["root", "tsa"] {
            let command = format!("x509 -in {name}.pem -outform DER -out {name}.der");
            assert!(openssl(at, &command.split(' ').collect::<Vec<_>>()));
        }
        Some(Self { folder })
    }

    fn certificate(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// The answer to a request.
    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let at = self.folder.path();
        std::fs::write(at.join("query"), request).unwrap();
        let command = "ts -reply -queryfile query -config conf -section tsa -out answer";
        assert!(openssl(at, &command.split(' ').collect::<Vec<_>>()));
        std::fs::read(at.join("answer")).unwrap()
    }
}

const RSA: &[&str] = &["genrsa"];
const CURVE: &[&str] = &["ecparam", "-name", "prime256v1", "-genkey", "-noout"];

#[test]
fn a_stamp_is_of_these_bytes_and_trusted_by_its_root_only() {
    for kind in [RSA, CURVE] {
        let Some(authority) = Authority::new(kind) else { return };
        let stamp = token(&authority.answer(&request(b"these bytes", 42))).unwrap();
        let trusted = |it: &[Vec<u8>]| verify(&stamp, b"these bytes", it).unwrap().is_trusted;
        assert!(!trusted(&[]));
        assert!(trusted(&[authority.certificate("root.der")]));
        assert!(trusted(&[authority.certificate("tsa.der")]));
        let other = Authority::new(kind).unwrap();
        assert!(!trusted(&[other.certificate("root.der")]));
        let seen = verify(&stamp, b"these bytes", &[]).unwrap();
        assert_eq!((seen.by.as_str(), seen.at.len()), ("Stamps", 20));
        assert_eq!(verify(&stamp, b"other bytes", &[]), Err(StampError::Other));
        // OpenSSL's own reader agrees about what was asked for.
        let at = authority.folder.path();
        std::fs::write(at.join("data"), "these bytes").unwrap();
        let command = "ts -verify -data data -in answer -CAfile root.pem -untrusted tsa.pem";
        assert!(openssl(at, &command.split(' ').collect::<Vec<_>>()));
    }
}

#[test]
fn a_changed_stamp_is_never_of_another_time() {
    let Some(authority) = Authority::new(CURVE) else { return };
    let stamp = token(&authority.answer(&request(b"x", 1))).unwrap();
    let roots = [authority.certificate("root.der")];
    let right = verify(&stamp, b"x", &roots).unwrap();
    assert!(right.is_trusted);
    for at in 0..stamp.len() {
        let mut changed = stamp.clone();
        changed[at] ^= 1 << (at % 8);
        // Bits of what is not signed (a certificate's own signature) may change; then it is not trusted, or says the same.
        if let Ok(seen) = verify(&changed, b"x", &roots) {
            assert!(!seen.is_trusted || seen.at == right.at, "byte {at}");
        }
        assert!(verify(&stamp[..at], b"x", &roots).is_err());
    }
}

#[test]
fn a_refusal_is_told() {
    // TimeStampResp ::= { { status 2 } }
    assert_eq!(token(&[0x30, 5, 0x30, 3, 2, 1, 2]), Err(StampError::Refused));
    assert!(matches!(token(b"<html>"), Err(StampError::Malformed(_))));
}

#[test]
fn a_bundle_carries_a_stamp_and_no_bit_of_it_changes() {
    let Some(authority) = Authority::new(CURVE) else { return };
    let bundle = crate::made::bundle();
    let mut reader = wirewitness_evidence::container::Reader::new(bundle.as_slice());
    let head = wirewitness_evidence::bundle::Head::read(&mut reader).unwrap().0;
    let stamped = head.statement.to_string();
    let stamp = token(&authority.answer(&request(stamped.as_bytes(), 7))).unwrap();
    let start = {
        let more =
            attach(bundle.as_slice(), Vec::new(), (&[], std::slice::from_ref(&stamp))).unwrap();
        let trust =
            Trust { authorities: vec![authority.certificate("root.der")], ..Trust::default() };
        let verified = verify_bundle(more.as_slice(), &trust).unwrap();
        assert!(verified.stamps[0].is_trusted);
        let start = more.windows(stamp.len()).position(|it| it == stamp).unwrap();
        for at in start..start + stamp.len() {
            let mut changed = more.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(verify_bundle(changed.as_slice(), &trust).is_err(), "byte {at}");
        }
        start
    };
    assert!(start > 0);
    // A stamp of something else is no stamp of this.
    let wrong = token(&authority.answer(&request(b"something else", 7))).unwrap();
    let more = attach(bundle.as_slice(), Vec::new(), (&[], &[wrong])).unwrap();
    assert!(verify_bundle(more.as_slice(), &Trust::default()).is_err());
}
