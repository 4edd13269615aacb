//! Events in made-up series whose truth is known, and in a real one.

mod delays;
mod grouping;
mod late;
mod national;
mod ooni;
mod robust;
mod world;
