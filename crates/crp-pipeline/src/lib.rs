//! Plans and stages (ocr, parse, ai, report). Knows no tenant, no database, no HTTP server.
