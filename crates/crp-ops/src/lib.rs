//! What operators run: doctor, backup, restore, integrity check. (Backup, restore and the integrity check come later.)

pub mod doctor;
