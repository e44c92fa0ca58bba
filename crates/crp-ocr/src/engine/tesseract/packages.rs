//! Which packages bring the data of a language, system by system.

/// What to install for these languages; ends without a full stop.
pub fn how_to_install_languages(codes: &[&str]) -> String {
    let packages = |prefix: &str, name: fn(&str) -> String| codes.iter().map(|code| format!(" {prefix}{}", name(code))).collect::<String>();
    format!(
        "Debian, Ubuntu: apt-get install{}; Fedora: dnf install{}; Alpine: apk add{}; Arch: pacman -S{}; macOS: brew install tesseract-lang",
        // Debian's names of packages have no underscores and no capitals.
        packages("tesseract-ocr-", |code| code.replace('_', "-").to_ascii_lowercase()),
        packages("tesseract-langpack-", str::to_owned),
        packages("tesseract-ocr-data-", str::to_owned),
        packages("tesseract-data-", str::to_owned),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_has_its_own_names() {
        let told = how_to_install_languages(&["deu", "chi_sim"]);
        for names in [
            "apt-get install tesseract-ocr-deu tesseract-ocr-chi-sim;",
            "dnf install tesseract-langpack-deu tesseract-langpack-chi_sim;",
            "apk add tesseract-ocr-data-deu tesseract-ocr-data-chi_sim;",
            "pacman -S tesseract-data-deu tesseract-data-chi_sim;",
            "brew install tesseract-lang",
        ] {
            assert!(told.contains(names), "{told}");
        }
    }
}
