//! The dashboard against real archives, over real sockets on loopback.
