//! API, login, live events, embedded UI, ops listener.
