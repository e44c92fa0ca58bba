//! The document side against real files, made files and other people's tools.

mod bench;
mod bombs;
mod damage;
mod corpus;
mod images;
mod overlay;
mod text;
