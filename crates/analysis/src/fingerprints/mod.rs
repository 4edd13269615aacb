//! Known marks of block pages and injectors.
