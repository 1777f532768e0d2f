//! Descriptor of an API resource: its names, versions and paths, and how its version is discovered.

/// Descriptor of a resource: its names in the API, and how its version is discovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiResource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Versions that can be read, the best first.
    pub versions: &'static [&'static str],
    /// Kind of one object.
    pub kind: &'static str,
    /// Plural, as paths and the authorizer spell it.
    pub plural: &'static str,
    /// `true` if its objects are namespaced.
    pub namespaced: bool,
    /// The only namespace that is read; `None` for all namespaces.
    pub namespace: Option<&'static str>,
    /// `true` for a part of an optional API: without it a part of the screen is missing, and nothing else changes.
    pub optional: bool,
    /// `true` if it is requested as protobuf; a server without it answers in JSON.
    pub protobuf: bool,
    /// Method of finding the version that the server serves.
    pub discovery: Discovery,
    /// Key of `[optional]` that switches it off.
    pub switch: OptionalSwitch,
    /// Display names of its list and its watch: `pods list`, `pods watch`. That of a list has at most 16 letters, so that columns
    /// align.
    pub calls: [&'static str; 2],
    /// Verbs that the printed role grants.
    pub verbs: &'static [&'static str],
    /// Use of an optional resource, as the printed role explains it: `devices of dynamic resource allocation`.
    pub purpose: &'static str,
}

/// Method of finding the version of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Every supported server has the first version: nothing is requested.
    Fixed,
    /// The group's document names the versions; each has the resource.
    Group,
    /// Not every version that the group names has the resource, so the version's own document is read too.
    Version,
}

/// Key of `[optional]` in the configuration that decides whether a resource is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionalSwitch {
    /// No key: it is always requested.
    Always,
    /// `dra`.
    Dra,
    /// `leases`.
    Leases,
}

impl ApiResource {
    /// A resource of the core group, version v1, that every server has.
    #[must_use]
    pub const fn core(kind: &'static str, plural: &'static str, namespaced: bool) -> Self {
        Self {
            group: "",
            versions: &["v1"],
            kind,
            plural,
            namespaced,
            namespace: None,
            optional: false,
            protobuf: true,
            discovery: Discovery::Fixed,
            switch: OptionalSwitch::Always,
            calls: ["list", "watch"],
            verbs: &["list", "watch"],
            purpose: "",
        }
    }

    /// Path of the group: `/apis/resource.k8s.io`, or `/api` of the core group.
    #[must_use]
    pub fn group_path(&self) -> String {
        if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) }
    }

    /// Path of one version of the group.
    #[must_use]
    pub fn version_path(&self, version: &str) -> String {
        format!("{}/{version}", self.group_path())
    }

    /// Path of the list in this version, for the only namespace that is read or for the whole cluster.
    #[must_use]
    pub fn list_path(&self, version: &str) -> String {
        match self.namespace {
            Some(namespace) => self.list_path_in(version, namespace),
            None => format!("{}/{}", self.version_path(version), self.plural),
        }
    }

    /// Path of the list in this version for one namespace, whose name is a DNS label or escaped.
    #[must_use]
    pub fn list_path_in(&self, version: &str, namespace: &str) -> String {
        format!("{}/namespaces/{namespace}/{}", self.version_path(version), self.plural)
    }

    /// Path of the list in the best version that can be read: `/api/v1/nodes`.
    #[must_use]
    pub fn best_path(&self) -> String {
        self.list_path(self.first_version())
    }

    /// The same in one namespace, whose name is a DNS label or escaped.
    #[must_use]
    pub fn best_path_in(&self, namespace: &str) -> String {
        self.list_path_in(self.first_version(), namespace)
    }

    /// The best version that can be read.
    #[must_use]
    pub fn first_version(&self) -> &'static str {
        self.versions.first().copied().unwrap_or_default()
    }

    /// The best version that can be read among those that a server has.
    #[must_use]
    pub fn best_version(&self, served: &[String]) -> Option<&'static str> {
        self.versions.iter().copied().find(|known| served.iter().any(|version| version == known))
    }
}
