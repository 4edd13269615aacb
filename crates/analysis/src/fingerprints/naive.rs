//! The matcher one would write first, to hold the fast one against.
