//! The device rules of a container, for its supervisor.
//!
//! The device cgroup judges whoever opens a node, and for a supervised call that is the supervisor: so it
//! applies the same rules itself.

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType, Spec};
use supervisor::confinement::{DeviceKind, DeviceRule};

/// What libcgroups adds behind the engine's rules for every container: kind, major, minor, access.
const ADDED: [(DeviceKind, Option<u64>, Option<u64>, &str); 12] = [
    (DeviceKind::Character, Some(1), Some(3), "rwm"), // null
    (DeviceKind::Character, Some(1), Some(5), "rwm"), // zero
    (DeviceKind::Character, Some(1), Some(7), "rwm"), // full
    (DeviceKind::Character, Some(5), Some(0), "rwm"), // tty
    (DeviceKind::Character, Some(1), Some(9), "rwm"), // urandom
    (DeviceKind::Character, Some(1), Some(8), "rwm"), // random
    (DeviceKind::Character, None, None, "m"),         // a node may be made, but not opened
    (DeviceKind::Block, None, None, "m"),
    (DeviceKind::Character, Some(5), Some(1), "rwm"), // console
    (DeviceKind::Character, Some(136), None, "rwm"),  // pts
    (DeviceKind::Character, Some(5), Some(2), "rwm"), // ptmx
    (DeviceKind::Character, Some(10), Some(200), "rwm"), // tun
];

/// The rules of the container's cgroup, in order: the last that fits decides.
pub fn rules(spec: &Spec) -> Vec<DeviceRule> {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let engine = resources.and_then(|resources| resources.devices().as_deref()).unwrap_or_default();
    let added = ADDED.into_iter().map(|(kind, major, minor, access)| DeviceRule {
        allow: true,
        kind,
        major,
        minor,
        read: access.contains('r'),
        write: access.contains('w'),
        make: access.contains('m'),
    });
    engine.iter().map(rule).chain(added).collect()
}

/// Left-out parts mean all, as in the runtime specification; so does a number below zero.
fn rule(device: &LinuxDeviceCgroup) -> DeviceRule {
    let access = device.access().as_deref().unwrap_or("rwm");
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    DeviceRule {
        allow: device.allow(),
        kind: match device.typ().unwrap_or_default() {
            LinuxDeviceType::A | LinuxDeviceType::P => DeviceKind::Any,
            LinuxDeviceType::B => DeviceKind::Block,
            LinuxDeviceType::C | LinuxDeviceType::U => DeviceKind::Character,
        },
        major: number(device.major()),
        minor: number(device.minor()),
        read: access.contains('r'),
        write: access.contains('w'),
        make: access.contains('m'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_rules_come_first_and_left_out_parts_mean_all() {
        let spec = serde_json::json!({
            "ociVersion": "1.0.2",
            "linux": { "resources": { "devices": [
                { "allow": false },
                { "allow": true, "type": "b", "major": 8, "minor": -1, "access": "r" }
            ] } }
        });
        let rules = rules(&serde_json::from_value(spec).unwrap());
        assert_eq!(rules.len(), ADDED.len() + 2);
        let all = DeviceRule {
            allow: false,
            kind: DeviceKind::Any,
            major: None,
            minor: None,
            read: true,
            write: true,
            make: true,
        };
        assert_eq!(rules[0], all);
        let disk = DeviceRule {
            allow: true,
            kind: DeviceKind::Block,
            major: Some(8),
            minor: None,
            read: true,
            write: false,
            make: false,
        };
        assert_eq!(rules[1], disk);
    }
}
