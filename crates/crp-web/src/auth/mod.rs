//! Who is calling: passwords, sessions, sign-in and sign-out.

pub(crate) mod backoff;
pub(crate) mod cookie;
pub(crate) mod me;
pub(crate) mod new_password;
pub(crate) mod password;
pub(crate) mod principal;
pub(crate) mod secret;
pub(crate) mod session_state;
pub(crate) mod sessions;
pub(crate) mod set_up;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod still_signed_in;
