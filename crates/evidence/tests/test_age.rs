//! age files: ours by ours, hostile ones, and both ways with the public tool.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use wirewitness_evidence::age::{AgeError, By, Decrypting, Encrypting, For, Identity, Recipient};

/// The keys of the specification (c2sp.org/age).
const IDENTITY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const RECIPIENT: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

fn sealed(whom: &For<'_>, plain: &[u8]) -> Vec<u8> {
    let mut random = crate::made::numbered();
    let mut out = Encrypting::new(Vec::new(), whom, &mut random).unwrap();
    out.write_all(plain).unwrap();
    out.finish().unwrap()
}

fn opened(by: &By<'_>, file: &[u8]) -> Result<Vec<u8>, AgeError> {
    let mut plain = Vec::new();
    Decrypting::new(file, by)?.read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn what_is_written_is_read_at_every_length_around_a_piece() {
    let recipients = [Recipient::parse(RECIPIENT).unwrap()];
    let identities = [Identity::parse(IDENTITY).unwrap()];
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let plain: Vec<u8> = (0..length).map(|it: u32| it.to_le_bytes()[0]).collect();
        let file = sealed(&For::Recipients(&recipients), &plain);
        assert_eq!(opened(&By::Identities(&identities), &file).unwrap(), plain, "{length}");
        for cut in [file.len() - 1, file.len() - 17, file.len() / 2, 190, 30, 0] {
            assert!(opened(&By::Identities(&identities), &file[..cut]).is_err(), "{length} {cut}");
        }
    }
}

#[test]
fn no_flipped_bit_is_read() {
    let recipients = [Recipient::parse(RECIPIENT).unwrap()];
    let identities = [Identity::parse(IDENTITY).unwrap()];
    let file = sealed(&For::Recipients(&recipients), b"some words");
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            assert!(opened(&By::Identities(&identities), &changed).is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn for_somebody_else() {
    let file = sealed(&For::Recipients(&[Recipient::parse(RECIPIENT).unwrap()]), b"x");
    let other = [Identity::parse(
        "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    )
    .unwrap()];
    assert!(opened(&By::Identities(&other), &file).is_ok());
    assert!(matches!(opened(&By::Passphrase("x"), &file), Err(AgeError::NoMatch)));
    assert!(matches!(opened(&By::Identities(&[]), &file), Err(AgeError::NoMatch)));
    assert!(Recipient::parse(IDENTITY).is_err() && Identity::parse(RECIPIENT).is_err());
}

#[test]
fn a_passphrase_opens_and_another_does_not() {
    let file = sealed(&For::Passphrase("correct horse", 4), b"key");
    assert_eq!(opened(&By::Passphrase("correct horse"), &file).unwrap(), b"key");
    assert!(matches!(opened(&By::Passphrase("Correct horse"), &file), Err(AgeError::NoMatch)));
}

#[test]
fn headers_that_cost_or_confuse() {
    let header = |body: &str| format!("age-encryption.org/v1\n{body}--- {}\n", "A".repeat(43));
    let scrypt =
        "-> scrypt AAAAAAAAAAAAAAAAAAAAAA 40\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let work = opened(&By::Passphrase("x"), header(scrypt).as_bytes());
    assert!(matches!(work, Err(AgeError::Work(40))), "{work:?}");
    let long = header(&"-> X25519 A\n\n".repeat(10_000));
    for file in [
        header(""),
        header("-> \n\n"),
        header("-> x\nAAAA="),
        header("x\n"),
        long,
        header(&scrypt.repeat(2)),
    ] {
        let error = opened(&By::Passphrase("x"), file.as_bytes());
        assert!(matches!(error, Err(AgeError::Header { .. })), "{error:?}");
    }
    assert!(matches!(
        opened(&By::Passphrase("x"), b"age-encryption.org/v2\n"),
        Err(AgeError::Header { .. })
    ));
}

/// Runs a command with this input; its output.
fn piped(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

#[test]
#[ignore = "needs the public tool `age`; .ci/run asks for it"]
fn the_public_tool_opens_ours_and_we_open_its() {
    if Command::new("age").arg("--version").output().is_err() {
        eprintln!("no `age` on this machine: not compared");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.txt");
    let made = Command::new("age-keygen").arg("-o").arg(&key).output().unwrap();
    assert!(made.status.success());
    let text = std::fs::read_to_string(&key).unwrap();
    let recipient = text.lines().find_map(|it| it.strip_prefix("# public key: ")).unwrap();
    let identities = Identity::parse_file(&text).unwrap();
    let both = [Recipient::parse(RECIPIENT).unwrap(), Recipient::parse(recipient).unwrap()];
    for length in [0_usize, 10, 65_536, 300_000] {
        let plain = vec![0x5a; length];
        let ours = sealed(&For::Recipients(&both), &plain);
        assert_eq!(piped(Command::new("age").arg("-d").arg("-i").arg(&key), &ours), plain);
        let theirs = piped(Command::new("age").args(["-r", recipient, "-r", RECIPIENT]), &plain);
        assert_eq!(opened(&By::Identities(&identities), &theirs).unwrap(), plain);
    }
}
