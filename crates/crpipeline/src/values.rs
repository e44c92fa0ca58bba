//! Values of the command line that end up in files of other programs: what those would refuse at night is refused here.

use crp_model::LayoutFormat;

/// A format of the layout by its name.
///
/// # Errors
/// Which names there are.
pub(crate) fn layout_format(text: &str) -> Result<LayoutFormat, String> {
    LayoutFormat::parse(text).ok_or_else(|| format!("the formats are {}", LayoutFormat::ALL.map(LayoutFormat::as_str).join(", ")))
}

/// `host:port`: a name, an IPv4 address, or an IPv6 address in brackets; in small letters, as it is compared.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub(crate) fn host_and_port(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing: HOST:PORT")?;
    if !matches!(port.parse::<u16>(), Ok(1..)) {
        return Err(format!("\"{port}\" is no port"));
    }
    let is_v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c));
    if !is_v6 && !is_name {
        return Err("it has to be HOST:PORT, without http:// and without a path; an IPv6 address stands in brackets".to_owned());
    }
    Ok(text.to_lowercase())
}

/// One mail address, or several with commas between them. Alertmanager would only notice when it has something to tell.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn mail_address(text: &str) -> Result<String, String> {
    for address in text.split(',').map(str::trim) {
        let parts = address.rsplit_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
        if parts.is_none() || address.contains(char::is_whitespace) {
            return Err(format!("\"{address}\" is no mail address"));
        }
    }
    plain(text)
}

/// Text that Alertmanager takes as it is: it expands what stands in double braces.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn plain(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.contains("{{") || text.chars().any(char::is_control) {
        return Err("it must not be empty, and have no control characters and no double braces".to_owned());
    }
    Ok(text.to_owned())
}

/// The address of a page, to which the name of a file is appended.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn web_address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    if rest.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || "{}$#?\"'<>".contains(c)) {
        return Err("it has to begin with http:// or https:// and be the address of a folder".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_and_nothing_that_another_program_stumbles_over() {
        for (text, read) in [
            ("Localhost:9100", "localhost:9100"),
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("[::1]:9100", "[::1]:9100"),
            ("b\u{fc}ro.example:25", "b\u{fc}ro.example:25"),
        ] {
            assert_eq!(host_and_port(text).as_deref(), Ok(read));
        }
        for wrong in
            ["localhost", ":9100", "a:0", "a:99999", "http://a:1", "a/b:1", "::1:9100", "a:1,b:2", "{{x}}:9100", "x\ny:25", "a b:1"]
        {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn mail_that_could_never_be_sent_is_refused_when_it_is_set_up() {
        for good in ["me@example.org", "root@localhost", "a@b, c@d"] {
            assert!(mail_address(good).is_ok(), "{good}");
        }
        for wrong in ["", "me", "@b", "a@", "a@b,", "{{ boom@x", "a\n@b", "a b@c"] {
            assert!(mail_address(wrong).is_err(), "{wrong}");
        }
        assert!(plain("#alerts").is_ok() && plain("{{ boom").is_err() && plain(" ").is_err());
    }

    #[test]
    fn runbooks_are_on_a_web_server() {
        assert!(web_address("https://docs.example.org/runbooks").is_ok());
        for wrong in ["foo", "", "javascript:alert(1)", "https://", "https://a/$w", "https://a b", "https://a/#x", "https://a/{{x}}"] {
            assert!(web_address(wrong).is_err(), "{wrong}");
        }
    }
}
