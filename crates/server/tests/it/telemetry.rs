//! What the server tells of itself: lines for each request, figures, and no secret in either.

mod canaries;
mod figures;
mod lines;
mod recording;
