//! Countries by their English names, as satellite v1 writes them.

/// The two letters of ISO 3166-1 for an English name; none for what is not in the table.
pub(super) fn code(name: &str) -> Option<[u8; 2]> {
    let name = name.trim();
    let entry = NAMES
        .lines()
        .find(|line| line.split('|').skip(1).any(|known| known.eq_ignore_ascii_case(name)))?;
    letters(entry.split('|').next()?)
}

/// Two letters as they stand, made capital; none for other text and for `ZZ`.
pub(super) fn letters(code: &str) -> Option<[u8; 2]> {
    match code.as_bytes() {
        [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            Some([a.to_ascii_uppercase(), b.to_ascii_uppercase()]).filter(|code| code != b"ZZ")
        }
        _ => None,
    }
}

/// Code and names, as ISO 3166-1 and the tables of addresses in use have them.
const NAMES: &str = "\
AD|Andorra
AE|United Arab Emirates
AF|Afghanistan
AG|Antigua and Barbuda
AI|Anguilla
AL|Albania
AM|Armenia
AO|Angola
AQ|Antarctica
AR|Argentina
AS|American Samoa
AT|Austria
AU|Australia
AW|Aruba
AX|Aland Islands|Åland|Åland Islands
AZ|Azerbaijan
BA|Bosnia and Herzegovina
BB|Barbados
BD|Bangladesh
BE|Belgium
BF|Burkina Faso
BG|Bulgaria
BH|Bahrain
BI|Burundi
BJ|Benin
BL|Saint Barthélemy|Saint Barthelemy
BM|Bermuda
BN|Brunei|Brunei Darussalam
BO|Bolivia|Bolivia, Plurinational State of
BQ|Bonaire, Sint Eustatius, and Saba|Bonaire, Sint Eustatius and Saba
BR|Brazil
BS|Bahamas|The Bahamas
BT|Bhutan
BV|Bouvet Island
BW|Botswana
BY|Belarus
BZ|Belize
CA|Canada
CC|Cocos (Keeling) Islands
CD|DR Congo|Congo, the Democratic Republic of the|Democratic Republic of the Congo|Congo (Kinshasa)
CF|Central African Republic
CG|Congo|Congo Republic|Republic of the Congo
CH|Switzerland
CI|Ivory Coast|Côte d'Ivoire|Cote d'Ivoire
CK|Cook Islands
CL|Chile
CM|Cameroon
CN|China
CO|Colombia
CR|Costa Rica
CU|Cuba
CV|Cabo Verde|Cape Verde
CW|Curaçao|Curacao
CX|Christmas Island
CY|Cyprus
CZ|Czechia|Czech Republic
DE|Germany
DJ|Djibouti
DK|Denmark
DM|Dominica
DO|Dominican Republic
DZ|Algeria
EC|Ecuador
EE|Estonia
EG|Egypt
EH|Western Sahara
ER|Eritrea
ES|Spain
ET|Ethiopia
FI|Finland
FJ|Fiji
FK|Falkland Islands|Falkland Islands (Malvinas)
FM|Micronesia|Federated States of Micronesia|Micronesia, Federated States of
FO|Faroe Islands
FR|France
GA|Gabon
GB|United Kingdom|United Kingdom of Great Britain and Northern Ireland|Great Britain
GD|Grenada
GE|Georgia
GF|French Guiana
GG|Guernsey
GH|Ghana
GI|Gibraltar
GL|Greenland
GM|Gambia|The Gambia
GN|Guinea
GP|Guadeloupe
GQ|Equatorial Guinea
GR|Greece
GS|South Georgia and the South Sandwich Islands
GT|Guatemala
GU|Guam
GW|Guinea-Bissau
GY|Guyana
HK|Hong Kong
HM|Heard Island and McDonald Islands
HN|Honduras
HR|Croatia|Hrvatska
HT|Haiti
HU|Hungary
ID|Indonesia
IE|Ireland
IL|Israel
IM|Isle of Man
IN|India
IO|British Indian Ocean Territory
IQ|Iraq
IR|Iran|Iran, Islamic Republic of|Islamic Republic of Iran
IS|Iceland
IT|Italy
JE|Jersey
JM|Jamaica
JO|Jordan|Hashemite Kingdom of Jordan
JP|Japan
KE|Kenya
KG|Kyrgyzstan
KH|Cambodia
KI|Kiribati
KM|Comoros
KN|St Kitts and Nevis|Saint Kitts and Nevis
KP|North Korea|Korea, Democratic People's Republic of
KR|South Korea|Republic of Korea|Korea, Republic of|Korea
KW|Kuwait
KY|Cayman Islands
KZ|Kazakhstan
LA|Laos|Lao People's Democratic Republic
LB|Lebanon
LC|Saint Lucia|St Lucia
LI|Liechtenstein
LK|Sri Lanka
LR|Liberia
LS|Lesotho
LT|Lithuania|Republic of Lithuania
LU|Luxembourg
LV|Latvia
LY|Libya
MA|Morocco
MC|Monaco
MD|Moldova|Republic of Moldova|Moldova, Republic of
ME|Montenegro
MF|Saint Martin
MG|Madagascar
MH|Marshall Islands
MK|North Macedonia|Macedonia|Macedonia, the former Yugoslav Republic of
ML|Mali
MM|Myanmar|Burma|Myanmar [Burma]
MN|Mongolia
MO|Macao|Macau
MP|Northern Mariana Islands
MQ|Martinique
MR|Mauritania
MS|Montserrat
MT|Malta
MU|Mauritius
MV|Maldives
MW|Malawi
MX|Mexico
MY|Malaysia
MZ|Mozambique
NA|Namibia
NC|New Caledonia
NE|Niger
NF|Norfolk Island
NG|Nigeria
NI|Nicaragua
NL|Netherlands|The Netherlands
NO|Norway
NP|Nepal
NR|Nauru
NU|Niue
NZ|New Zealand
OM|Oman
PA|Panama
PE|Peru
PF|French Polynesia
PG|Papua New Guinea
PH|Philippines
PK|Pakistan
PL|Poland
PM|Saint Pierre and Miquelon
PN|Pitcairn|Pitcairn Islands
PR|Puerto Rico
PS|Palestine|State of Palestine|Palestinian Territory|Palestine, State of
PT|Portugal
PW|Palau
PY|Paraguay
QA|Qatar
RE|Réunion|Reunion
RO|Romania
RS|Serbia
RU|Russia|Russian Federation
RW|Rwanda
SA|Saudi Arabia
SB|Solomon Islands
SC|Seychelles
SD|Sudan
SE|Sweden
SG|Singapore
SH|Saint Helena
SI|Slovenia
SJ|Svalbard and Jan Mayen
SK|Slovakia|Slovak Republic
SL|Sierra Leone
SM|San Marino
SN|Senegal
SO|Somalia
SR|Suriname
SS|South Sudan
ST|São Tomé and Príncipe|Sao Tome and Principe
SV|El Salvador
SX|Sint Maarten
SY|Syria|Syrian Arab Republic
SZ|Eswatini|Swaziland
TC|Turks and Caicos Islands
TD|Chad
TF|French Southern Territories
TG|Togo
TH|Thailand
TJ|Tajikistan
TK|Tokelau
TL|Timor-Leste|East Timor
TM|Turkmenistan
TN|Tunisia
TO|Tonga
TR|Turkey|Türkiye|Turkiye
TT|Trinidad and Tobago
TV|Tuvalu
TW|Taiwan|Taiwan, Province of China
TZ|Tanzania|United Republic of Tanzania|Tanzania, United Republic of
UA|Ukraine
UG|Uganda
UM|U.S. Minor Outlying Islands|United States Minor Outlying Islands
US|United States|United States of America
UY|Uruguay
UZ|Uzbekistan
VA|Vatican City|Holy See
VC|St Vincent and Grenadines|Saint Vincent and the Grenadines
VE|Venezuela|Venezuela, Bolivarian Republic of
VG|British Virgin Islands
VI|U.S. Virgin Islands
VN|Vietnam|Viet Nam
VU|Vanuatu
WF|Wallis and Futuna
WS|Samoa
XK|Kosovo
YE|Yemen
YT|Mayotte
ZA|South Africa
ZM|Zambia
ZW|Zimbabwe";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_letters() {
        for (name, expected) in [
            ("Ireland", Some(*b"IE")),
            ("united states", Some(*b"US")),
            ("Russian Federation", Some(*b"RU")),
            ("Pakistan ", Some(*b"PK")),
            ("Niger", Some(*b"NE")),
            ("PK", None),
            ("", None),
            ("Atlantis", None),
        ] {
            assert_eq!(code(name), expected, "{name}");
        }
        assert_eq!(letters("pk"), Some(*b"PK"));
        assert_eq!(
            (letters("ZZ"), letters("P1"), letters("PAK"), letters("é")),
            (None, None, None, None)
        );
    }

    #[test]
    fn the_table_has_no_name_twice() {
        let mut names = std::collections::BTreeSet::new();
        for line in NAMES.lines() {
            let (code, rest) = line.split_once('|').unwrap();
            assert!(letters(code).is_some(), "{line}");
            for name in rest.split('|') {
                assert!(!name.is_empty() && names.insert(name.to_ascii_lowercase()), "{name}");
            }
        }
    }
}
