//! The door through which all money moves: the queue, the batches, and every way in which a commit can fail.

pub mod bank;
mod bisection;
mod boards;
mod door;
mod figures;
pub mod market;
mod outcomes;
mod queue;
mod room;
mod sales;
mod scripted;
