//! What operators run: doctor, backup, restore, integrity check.
