//! Leases tasks, runs stages, records what happened, rescues, cleans up.
