//! Country codes, as far as names of fingerprints carry them.

/// The ISO 3166 code a word of a fingerprint's name stands for: the code itself in any case, or one of the few
/// other words in use. None for anything else.
pub(super) fn code(word: &str) -> Option<&'static str> {
    let upper = word.to_ascii_uppercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == upper).map(|(_, code)| *code);
    alias.or_else(|| CODES.split_ascii_whitespace().find(|code| *code == upper))
}

/// Words that are no codes, or whose list means another country by them.
const ALIASES: &[(&str, &str)] = &[
    ("UK", "GB"),
    ("PAK", "PK"),
    ("COLUMBIA", "CO"),
    ("COL", "CO"),
    ("SLOVAKIA", "SK"),
    ("KO", "KR"),
    ("THAI", "TH"),
];

const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_the_other_words_in_use() {
        assert_eq!(code("sa"), Some("SA"));
        assert_eq!(code("uk"), Some("GB"));
        assert_eq!(code("pak"), Some("PK"));
        assert_eq!(code("siberia"), None);
        assert_eq!(code("zz"), None);
        assert_eq!(code(""), None);
    }
}
