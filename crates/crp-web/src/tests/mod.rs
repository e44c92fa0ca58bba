//! What the web side promises, told over HTTP in process, on a real database and a real folder.

mod access;
mod app;
mod archive;
mod catalogue;
mod documents;
mod frame;
mod jobs;
mod login;
mod openapi;
mod pages;
mod paging;
mod pipelines;
mod retention;
mod sessions;
mod stream;
mod system;
mod watching;
