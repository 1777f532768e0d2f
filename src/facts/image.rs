//! Names of container images.
//!
//! Source: `normalize.go` of distribution/reference.

/// Registry of an image: the part before the first slash if it is one, otherwise `docker.io`.
#[must_use]
pub fn registry(image: &str) -> &str {
    let is_registry =
        |part: &str| part == "localhost" || part.contains(|c: char| matches!(c, '.' | ':') || c.is_uppercase());
    match image.split_once('/') {
        Some((first, _)) if is_registry(first) && first != "index.docker.io" => first,
        _ => "docker.io",
    }
}

/// Image without its tag and its digest.
#[must_use]
pub fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let name = image.rfind('/').map_or(0, |at| at + 1);
    image[name..].find(':').map_or(image, |at| &image[..name + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows after `TestParseDockerRef` and `TestParseRepositoryInfo` of `normalize_test.go`.
    #[test]
    fn registry_and_repository_are_those_of_the_reference_grammar() {
        for (image, expected_registry, expected_repository) in [
            ("nginx", "docker.io", "nginx"),
            ("nginx:1.27", "docker.io", "nginx"),
            ("library/nginx@sha256:0123", "docker.io", "library/nginx"),
            ("fooo/bar", "docker.io", "fooo/bar"),
            ("docker.io/fooo/bar", "docker.io", "docker.io/fooo/bar"),
            ("index.docker.io/library/nginx", "docker.io", "index.docker.io/library/nginx"),
            ("localhost/foo/bar:2", "localhost", "localhost/foo/bar"),
            ("localhost:5000/foo", "localhost:5000", "localhost:5000/foo"),
            // Without a slash the colon begins a tag.
            ("localhost:5000", "docker.io", "localhost"),
            ("127.0.0.1:8000/private/moonbase", "127.0.0.1:8000", "127.0.0.1:8000/private/moonbase"),
            ("registry.example/llm:9", "registry.example", "registry.example/llm"),
            ("ghcr.io/org/app:v1@sha256:ab", "ghcr.io", "ghcr.io/org/app"),
            ("Registry/app", "Registry", "Registry/app"),
            ("", "docker.io", ""),
        ] {
            assert_eq!((registry(image), repository(image)), (expected_registry, expected_repository), "{image}");
        }
    }
}
