//! What the web side promises, told over HTTP in process.
