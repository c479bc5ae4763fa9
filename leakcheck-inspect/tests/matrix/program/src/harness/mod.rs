//! Parks the tasks of every way to wait, inspects them, and compares.

mod check;
mod expect;
mod normal;
mod park;
mod run;

pub(crate) use check::unlisted;
pub(crate) use park::{Flavor, Park, Way, ways};
pub(crate) use run::run;
