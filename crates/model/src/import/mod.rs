//! What other platforms and people hand over, read into the words of [`crate::directory`]. Pure: rows in, entries out.

pub mod csv;
pub mod postfixadmin;
