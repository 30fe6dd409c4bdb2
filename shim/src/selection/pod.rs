//! What the engines of a cluster say of a container through annotations.
//!
//! containerd copies only those of a pod's own annotations that its configuration names, and sets its own after them.
//! CRI-O copies them all: there a user may write what looks like containerd's, so CRI-O's own count first.

use std::collections::HashMap;

/// The kind of a container: CRI-O's annotation, which it always sets, then containerd's.
const KIND: [&str; 2] = ["io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri.container-type"];
/// The name of a container in its pod, in the same order; Docker and CRI-O use the kubelet's label.
const NAME: [&str; 2] = ["io.kubernetes.container.name", "io.kubernetes.cri.container-name"];

type Annotations = HashMap<String, String>;

/// Whether the container only holds the namespaces of a pod.
pub fn is_sandbox(annotations: &Annotations) -> bool {
    first(annotations, KIND) == Some("sandbox")
}

/// What the pod's author calls this container.
pub fn container_name(annotations: &Annotations) -> Option<&str> {
    let [crio, containerd] = NAME;
    let by_crio = annotations.contains_key(KIND[0]);
    first(annotations, if by_crio { [crio, containerd] } else { [containerd, crio] })
}

fn first<'a>(annotations: &'a Annotations, keys: [&str; 2]) -> Option<&'a str> {
    keys.into_iter().find_map(|key| annotations.get(key)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations(pairs: &[(&str, &str)]) -> Annotations {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn both_engines_name_their_sandboxes() {
        for key in KIND {
            assert!(is_sandbox(&annotations(&[(key, "sandbox")])), "{key}");
            assert!(!is_sandbox(&annotations(&[(key, "container")])), "{key}");
        }
        assert!(!is_sandbox(&annotations(&[])));
    }

    #[test]
    fn a_container_of_crio_cannot_pass_for_a_sandbox_or_another_container() {
        let forged = annotations(&[
            (KIND[0], "container"),
            (KIND[1], "sandbox"),
            (NAME[0], "mine"),
            (NAME[1], "other"),
        ]);
        assert!(!is_sandbox(&forged));
        assert_eq!(container_name(&forged), Some("mine"));
    }

    #[test]
    fn containerds_name_is_the_containers() {
        let named = annotations(&[(NAME[1], "front"), (KIND[1], "container")]);
        assert_eq!(container_name(&named), Some("front"));
        assert_eq!(container_name(&annotations(&[])), None);
    }
}
