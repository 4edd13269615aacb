//! Bech32 (BIP 173) of 32 bytes, as age writes keys.

const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// 32 bytes under this prefix, in one case throughout. None for anything else.
pub(crate) fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let lower = text.to_ascii_lowercase();
    if text != lower && text != text.to_ascii_uppercase() {
        return None;
    }
    let letters = lower.strip_prefix(prefix)?.strip_prefix('1')?;
    let mut digits = Vec::new();
    for letter in letters.bytes() {
        let digit = LETTERS.iter().position(|it| *it == letter)?;
        digits.push(u32::try_from(digit).ok()?);
    }
    // 52 digits for 32 bytes, six for the sum.
    if digits.len() != 58 {
        return None;
    }
    let high = prefix.bytes().map(|it| u32::from(it >> 5));
    let low = prefix.bytes().map(|it| u32::from(it & 31));
    let all = high.chain([0]).chain(low).chain(digits.iter().copied());
    if all.fold(1, step) != 1 {
        return None;
    }
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits.iter().take(52) {
        bits = bits << 5 | digit;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    // What fills the last digit is zero.
    if bits != 0 {
        return None;
    }
    bytes.try_into().ok()
}

/// The sum, one digit further.
fn step(sum: u32, digit: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = sum >> 25;
    let sum = (sum & 0x1ff_ffff) << 5 ^ digit;
    let set = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
    set.fold(sum, |sum, (_, it)| sum ^ it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_specification() {
        // c2sp.org/age, "The X25519 recipient type": an identity of 32 bytes 0x42, and its recipient.
        let identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        assert_eq!(decode("age-secret-key-", identity), Some([0x42; 32]));
        let recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        assert!(decode("age", recipient).is_some());
        for at in 4..recipient.len() {
            let mut changed = recipient.to_owned().into_bytes();
            changed[at] = if changed[at] == b'q' { b'p' } else { b'q' };
            assert_eq!(decode("age", std::str::from_utf8(&changed).unwrap()), None);
        }
    }
}
