//! superapp on a file layer that loses power and fails: what is left is held against what was acknowledged.
//!
//! `vfs` is between SQLite and the disk. `recording`, `disk` and `cuts` are for power cuts; `points` lets every single
//! operation on a file fail. `server`, `scene`, `workload` and `verdict` serve both.

pub mod cuts;
pub mod disk;
pub mod points;
pub mod recording;
pub mod scene;
pub mod server;
pub mod verdict;
pub mod vfs;
pub mod workload;
