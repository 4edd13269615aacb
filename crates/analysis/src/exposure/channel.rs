//! The channels through which an operator can read, what is read in each, how much it matters, and what would close it.

use serde::Serialize;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Marks by which a device is recognised.
    Low,
    /// Behaviour: which services, when, how much.
    Medium,
    /// Identity, or who is in contact with whom.
    High,
    /// Content or passwords in the clear.
    Critical,
}

impl Severity {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Low => "low: recognises the device",
            Self::Medium => "medium: shows behaviour",
            Self::High => "high: shows identity or contacts",
            Self::Critical => "critical: shows content or passwords",
        }
    }
}

/// Whether a capture can show a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// It can.
    ByCapture,
    /// It cannot: it does not pass the device's internet connection.
    Never,
}

/// A channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// From 1 to 22.
    pub number: u8,
    /// Name that stays the same.
    pub id: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// What an operator can read.
    pub readable: &'static str,
    /// What would close it.
    pub close: &'static str,
    /// Whether a capture can show it.
    pub shown: Shown,
}

const fn channel(
    number: u8,
    id: &'static str,
    title: &'static str,
    texts: [&'static str; 2],
) -> Channel {
    let [readable, close] = texts;
    Channel { number, id, title, readable, close, shown: Shown::ByCapture }
}

/// All channels, in order.
pub const CHANNELS: [Channel; 22] = [
    channel(
        1,
        "dns",
        "Plain DNS",
        [
            "Every name that was looked up. The answers can also be replaced.",
            "Turn on encrypted DNS: Private DNS in strict mode on Android, or DNS over HTTPS in the browser. The resolver then sees the names.",
        ],
    ),
    channel(
        2,
        "encrypted_dns",
        "Encrypted DNS",
        [
            "That encrypted DNS is used, and whose, but not the names looked up.",
            "Little is left to close; an own or oblivious resolver hides the choice.",
        ],
    ),
    channel(
        3,
        "http",
        "Plain HTTP",
        [
            "Full addresses, pages, forms, cookies, passwords and the browser's name. Pages can also be changed on the way.",
            "Turn on HTTPS-only mode in the browser; remove or report apps that still use plain HTTP.",
        ],
    ),
    channel(
        4,
        "tls_name",
        "Names in TLS",
        [
            "The name of each site, and from the shape of the greeting the app or browser. Not the page or what is typed.",
            "Encrypted Client Hello together with encrypted DNS, where the site supports it; otherwise a VPN or Tor.",
        ],
    ),
    channel(
        5,
        "tls_certificate",
        "Certificates and old TLS",
        [
            "With TLS 1.2 and older the site's certificate with its names; marks that link one visit to the next.",
            "Update the app or system so that it uses TLS 1.3; avoid sites that cannot.",
        ],
    ),
    channel(
        6,
        "quic",
        "Names in QUIC",
        [
            "The name of each site: the first packet is encrypted with keys that everyone can compute.",
            "As for TLS. Turning QUIC off does not help by itself.",
        ],
    ),
    channel(
        7,
        "address_only",
        "Addresses alone",
        [
            "Where a connection goes, when and how much, though no name is readable in it. The address often tells the service.",
            "Services behind shared networks, a VPN or Tor.",
        ],
    ),
    channel(
        8,
        "tunnel",
        "VPN and Tor",
        [
            "That a VPN or Tor is used, mostly which, since when and how much. Not what is inside.",
            "Know the law where you are: use may need a licence. Protocols made to be hard to recognise; a kill switch; a test for leaks.",
        ],
    ),
    channel(
        9,
        "calls",
        "Internet calls (SIP, RTP)",
        [
            "Numbers and names of both sides and, without SRTP, the call itself.",
            "A messenger with end-to-end encrypted calls; with SIP, TLS and DTLS-SRTP or ZRTP.",
        ],
    ),
    channel(
        10,
        "peer_addresses",
        "Addresses of call partners (STUN)",
        [
            "That a call begins, and the internet address of the other side where it is direct.",
            "Let calls go over a relay (an option in Signal, Telegram and WhatsApp); restrict WebRTC in the browser.",
        ],
    ),
    channel(
        11,
        "mail_and_login",
        "Mail, file transfer and login without TLS",
        [
            "User names, passwords, addresses of mails and their content.",
            "Use the ports with TLS from the start (465, 993, 995), SFTP and SSH.",
        ],
    ),
    channel(
        12,
        "telemetry",
        "Telemetry of apps",
        [
            "Identifiers of device and person, or positions, that apps send in the clear; and which trackers are in use.",
            "Remove the app, take its permissions away, reset or delete the advertising ID.",
        ],
    ),
    channel(
        13,
        "things",
        "Messages of things (MQTT, AMQP, CoAP)",
        [
            "Names of devices, topics, passwords and readings of sensors.",
            "The ports with TLS (8883, 5671, 5684).",
        ],
    ),
    channel(
        14,
        "time",
        "Setting the clock",
        [
            "That the device is on, mostly its maker, at times its clock.",
            "The system's own time servers; NTS where it can be had.",
        ],
    ),
    channel(
        15,
        "push",
        "Push messages",
        [
            "That the device is online, all day long, and when messages come. The platform holds more, and states have asked for it.",
            "Turn off previews; use fewer apps with push; UnifiedPush. A rest remains.",
        ],
    ),
    channel(
        16,
        "connectivity_check",
        "Checks whether the network works",
        ["The system and its maker.", "Change or turn off the check where the system allows it."],
    ),
    channel(
        17,
        "updates",
        "Updates over plain HTTP",
        [
            "Which apps and versions are installed. Unsigned files could be replaced on the way.",
            "Update from sources with HTTPS and signatures only.",
        ],
    ),
    channel(
        18,
        "remote_access",
        "Remote control and file shares",
        ["Where it goes, versions, at times user names.", "Use it inside a VPN."],
    ),
    channel(
        19,
        "local_names",
        "Names on the local network",
        [
            "The device's name, which is often the person's, and what it looks for. Whoever runs the Wi-Fi reads it.",
            "Give the device a name that says nothing; use random hardware addresses.",
        ],
    ),
    channel(
        20,
        "messenger",
        "Messengers",
        [
            "Which messenger, when, and from sizes and timing whether it is a call or text. Not the content.",
            "Relayed calls, a VPN or Tor. A rest remains.",
        ],
    ),
    Channel {
        number: 21,
        id: "sms",
        title: "Codes by SMS",
        readable: "Every code and message by SMS, and every ordinary call. A capture of the internet connection cannot show them.",
        close: "Use an authenticator app or passkeys in place of SMS codes, and a messenger in place of SMS.",
        shown: Shown::Never,
    },
    channel(
        22,
        "ipv6",
        "IPv6",
        [
            "An address made from the hardware's number, which follows the device from network to network; and traffic beside a VPN that covers IPv4 only.",
            "Turn on privacy addresses; use a VPN that carries IPv6.",
        ],
    ),
];

/// What an operator has of every subscriber, whatever the capture holds.
pub const ALWAYS: [&str; 5] = [
    "the phone number, and the numbers of SIM card and device (MSISDN, IMSI, IMEI)",
    "the place, from the mobile cells that the device is in",
    "ordinary calls and SMS: with whom, when and what",
    "which internet addresses the device had, and when",
    "how much was sent and received, and when",
];

/// What the audit cannot say.
pub const LIMITS: [&str; 5] = [
    "Interception cannot be detected, by this program or any other on the device: a copy of the traffic leaves no trace in it.",
    "This shows what can be read. It does not show that anyone reads it.",
    "On the wire a true Encrypted Client Hello and an imitation (GREASE) look the same; both are counted together.",
    "It shows one capture: what did not happen while it ran is not in it.",
    "What stays within the home network is read by whoever runs that network, not by the operator.",
];

macro_rules! readings {
    ($($name:ident $id:literal $channel:literal $severity:ident $words:literal;)*) => {
        /// One thing that can be read in a channel.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the words stand beside each")]
        pub enum Reading { $($name),* }

        impl Reading {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Name that stays the same.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// Number of its channel.
            pub fn channel(self) -> u8 {
                match self { $(Self::$name => $channel),* }
            }

            /// How much it matters.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// For people.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words),* }
            }
        }
    };
}

readings! {
    DnsName "dns.name" 1 High "names looked up";
    EncryptedDns "encrypted_dns.use" 2 Low "encrypted resolvers in use";
    HttpAddress "http.address" 3 Critical "full addresses of pages and requests";
    HttpCookie "http.cookie" 3 Critical "cookies, by their names here";
    HttpSecret "http.secret" 3 Critical "passwords, tokens and logins, by their names here";
    HttpForm "http.form" 3 Critical "forms and other content sent";
    HttpAgent "http.agent" 3 Medium "name and version of browser or app";
    HttpRevocation "http.revocation" 3 Medium "checks of certificates, which tell the site";
    TlsName "tls.name" 4 Medium "names of sites";
    TlsHidden "tls.hidden" 4 Low "outer names of greetings with the ECH extension, true or GREASE";
    Certificate "tls.certificate" 5 Medium "names in certificates";
    TlsOld "tls.old" 5 Medium "connections with TLS 1.0, 1.1 or SSL";
    TlsResumed "tls.resumed" 5 Low "tickets that link a visit to an earlier one (readable in TLS 1.2)";
    QuicName "quic.name" 6 Medium "names of sites";
    QuicHidden "quic.hidden" 6 Low "outer names of greetings with the ECH extension, true or GREASE";
    AddressOnly "address.only" 7 Medium "destinations without a readable name";
    Tunnel "tunnel.protocol" 8 Medium "tunnels by their shape";
    TunnelWeak "tunnel.weak" 8 High "tunnels whose encryption can be broken";
    TunnelProvider "tunnel.provider" 8 Medium "VPN providers by name";
    Tor "tunnel.tor" 8 High "connections that look like Tor";
    CallParties "calls.parties" 9 Critical "numbers and names of both sides";
    CallKey "calls.key" 9 Critical "keys of calls in the clear";
    CallSound "calls.sound" 9 Critical "sound or pictures without encryption";
    CallStream "calls.stream" 9 Medium "streams of calls, encrypted or not";
    CallPeer "peer.address" 10 High "addresses of call partners";
    CallSetup "peer.setup" 10 Medium "preparing of calls";
    LoginSecret "login.secret" 11 Critical "passwords of mail, file transfer or login";
    LoginUser "login.user" 11 Critical "user names of mail or file transfer";
    MailAddress "mail.address" 11 Critical "senders and recipients of mails";
    MailContent "mail.content" 11 Critical "mails, files and sessions";
    MailUpgrade "mail.upgrade" 11 Medium "connections that turn to TLS only on request, which can be stopped";
    TelemetryClear "telemetry.clear" 12 Critical "identifiers or positions in the clear";
    TelemetryService "telemetry.service" 12 Medium "trackers, by name";
    ThingClient "things.client" 13 High "names of things and their users";
    ThingTopic "things.topic" 13 High "topics and requests";
    ThingSecret "things.secret" 13 High "passwords of things";
    Time "time.question" 14 Low "questions for the time";
    TimeClock "time.clock" 14 Low "questions that tell the device's clock";
    Push "push.use" 15 Medium "push services in use";
    Check "check.use" 16 Low "systems by their checks";
    Update "update.plain" 17 Critical "updates and programs";
    Remote "remote.use" 18 Medium "protocols and versions";
    RemoteUser "remote.user" 18 Medium "user names";
    LocalName "local.name" 19 Medium "names of this device";
    LocalService "local.service" 19 Low "services looked for or offered";
    LocalSystem "local.system" 19 Low "the system's own description";
    Messenger "messenger.use" 20 Medium "messengers, by name";
    HardwareAddress "ipv6.hardware" 22 Medium "addresses that hold the hardware's number";
    BesideTunnel "ipv6.beside_tunnel" 22 Medium "IPv6 connections beside a running tunnel";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_numbered_and_each_that_a_capture_shows_has_a_reading() {
        for (index, channel) in CHANNELS.iter().enumerate() {
            assert_eq!(usize::from(channel.number), index + 1);
            let any = Reading::ALL.iter().any(|it| it.channel() == channel.number);
            assert_eq!(any, channel.shown == Shown::ByCapture, "{}", channel.id);
        }
        let ids: std::collections::BTreeSet<_> = Reading::ALL.iter().map(|it| it.id()).collect();
        assert_eq!(ids.len(), Reading::ALL.len());
    }
}
