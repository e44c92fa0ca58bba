//! TestApp, builders, sample documents, fault engines (dev only).
