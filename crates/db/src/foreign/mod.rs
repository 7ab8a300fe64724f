//! Databases of other platforms. They are only read.

pub mod postfixadmin;
