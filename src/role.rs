//! The role that `watchbell rbac` prints: `assets/rbac.yaml`, and the rules of the resources from their descriptors.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::facts::api::{ApiResource, Discovery};
use crate::facts::owner::OWNERS;
use crate::facts::queue::QueueSystem;
use crate::resource::{EVENTS, NAMESPACES, NODE_METRICS, Resource};

const TEMPLATE: &str = include_str!("../assets/rbac.yaml");
/// Marker of the rule for nodes and pods.
const CORE: &str = "# @core-rule@\n";
/// Marker of the optional rules for the whole cluster.
const RULES: &str = "# @optional-rules@\n";
/// Last path that needs no rule of its own; the discovery documents of the optional groups follow it.
const LAST_PATH: &str = "\"/readyz\"";
/// Marker of the roles in single namespaces.
const ROLES: &str = "# @optional-roles@\n";

/// A rule for resources of one group with the same purpose.
#[derive(Debug)]
struct ResourceRule {
    api: &'static ApiResource,
    plurals: Vec<&'static str>,
}

/// The manifest of the roles, their bindings, and what each rule is for.
#[must_use]
pub fn manifest() -> String {
    let core: String = rules(Resource::CORE.map(Resource::api)).iter().map(ResourceRule::yaml).collect();
    let optional = Resource::OPTIONAL.into_iter().map(Resource::api);
    let rules = rules([&NAMESPACES, &NODE_METRICS].into_iter().chain(optional).chain(on_demand()).chain([&EVENTS]));
    let mut cluster = String::new();
    let mut namespaces: BTreeMap<&str, Vec<&ResourceRule>> = BTreeMap::new();
    for rule in &rules {
        match rule.api.namespace {
            Some(namespace) => namespaces.entry(namespace).or_default().push(rule),
            None => cluster += &(rule.comment() + &rule.yaml()),
        }
    }
    let local: String = namespaces.into_iter().map(|(namespace, rules)| role(namespace, &rules)).collect();
    let paths = format!("{LAST_PATH}{}", discovery_paths());
    TEMPLATE.replace(CORE, &core).replace(RULES, &cluster).replace(LAST_PATH, &paths).replace(ROLES, &local)
}

/// Resources that are only read on demand: owners of gangs, and objects of queues.
fn on_demand() -> impl Iterator<Item = &'static ApiResource> {
    OWNERS.iter().chain(QueueSystem::ALL.into_iter().map(QueueSystem::api))
}

/// Rules of these resources; neighbours with the same group, namespace and purpose share one.
fn rules(resources: impl IntoIterator<Item = &'static ApiResource>) -> Vec<ResourceRule> {
    let mut rules: Vec<ResourceRule> = Vec::new();
    for api in resources {
        let is_alike = |rule: &&mut ResourceRule| {
            let of = rule.api;
            (of.group, of.namespace, of.purpose) == (api.group, api.namespace, api.purpose)
        };
        match rules.last_mut().filter(is_alike) {
            Some(rule) => rule.plurals.push(api.plural),
            None => rules.push(ResourceRule { api, plurals: vec![api.plural] }),
        }
    }
    rules
}

/// Paths of the documents in which the versions of optional groups are looked up, each after a comma.
fn discovery_paths() -> String {
    // Which queues there are is looked up in the document of all groups.
    let mut paths = vec!["/apis".to_owned()];
    for api in Resource::OPTIONAL.map(Resource::api) {
        let group = api.group_path();
        let read = match api.discovery {
            Discovery::Fixed => vec![],
            Discovery::Group => vec![group],
            Discovery::Version => vec![format!("{group}/*"), group],
        };
        paths.extend(read);
    }
    paths.sort_unstable();
    paths.dedup();
    paths.iter().flat_map(|path| [", \"", path, "\""]).collect()
}

impl ResourceRule {
    fn comment(&self) -> String {
        format!("# Optional: {}.\n", self.api.purpose)
    }

    fn yaml(&self) -> String {
        let (group, resources, verbs) = (self.api.group, quoted(&self.plurals), quoted(self.api.verbs));
        format!("- apiGroups: [\"{group}\"]\n  resources: [{resources}]\n  verbs: [{verbs}]\n")
    }
}

/// `"list", "watch"`
fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// The role of one namespace and its binding.
fn role(namespace: &str, rules: &[&ResourceRule]) -> String {
    let comments: String = rules.iter().map(|rule| rule.comment()).collect();
    let rules: String = rules.iter().map(|rule| rule.yaml()).collect();
    let mut role = format!("---\n{comments}");
    let metadata = format!("metadata:\n  name: watchbell-readonly\n  namespace: {namespace}\n");
    // Writing to a String cannot fail.
    let _ = write!(role, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n{metadata}rules:\n{rules}");
    let _ = write!(role, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n{metadata}");
    role + "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: watchbell-readonly\nsubjects:\n\
            - kind: Group\n  apiGroup: rbac.authorization.k8s.io\n  name: watchbell-users\n"
}
