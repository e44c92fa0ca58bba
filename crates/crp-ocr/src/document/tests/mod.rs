//! The document side against real files, made files and other people's tools.

mod bench;
mod bombs;
mod corpus;
mod damage;
mod images;
mod old_text;
mod overlay;
mod text;
