//! The profiles that come with the program, compiled in: this crate opens no file.

use wirewitness_model::device::{Profile, ProfileError};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each.
        pub const SHIPPED: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../../../scenarios/devices/", $name, ".toml")),
        )),*];
    };
}

shipped![
    "airtel_in",
    "blue_coat",
    "cisco",
    "cn_inj1",
    "cn_inj2",
    "cn_inj3",
    "fortinet",
    "gfw_20250820",
    "gfw_i",
    "gfw_ii",
    "gfw_iii",
    "gfw_quic",
    "henan",
    "iran",
    "kazakhstan",
    "myanmar",
    "netsweeper",
    "palo_alto",
    "pk_dns",
    "pk_drop",
    "pk_quic",
    "pk_rst",
    "ru_tspu",
    "sandvine_packetlogic",
    "tsg",
    "turkmenistan",
    "uzbekistan",
    "vas_experts",
];

/// The profile of this name; none if there is none.
///
/// # Errors
/// Where the file is wrong, which a test keeps from happening.
pub fn profile(name: &str) -> Option<Result<Profile, ProfileError>> {
    let (_, text) = SHIPPED.iter().find(|(own, _)| *own == name)?;
    Some(Profile::parse(&format!("{name}.toml"), text))
}
