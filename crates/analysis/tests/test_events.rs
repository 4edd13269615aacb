//! Events in made-up series whose truth is known, and in a real one.

mod delays;
mod grouping;
mod late;
mod national;
mod ooni;
mod published;
mod robust;
mod world;
