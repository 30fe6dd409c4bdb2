//! The device rules of a container, for its supervisor to apply: the device cgroup judges whoever opens, and
//! for a supervised call that is the supervisor.

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType, Spec};
use supervisor::files::devices::{Access, DeviceKind, Rule};

/// The engine's rules, in order.
pub fn rules(spec: &Spec) -> Vec<Rule> {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let devices = resources.and_then(|resources| resources.devices().as_deref());
    devices.unwrap_or_default().iter().map(rule).collect()
}

/// Left-out parts mean all, as in the runtime specification; so does a number below zero.
fn rule(device: &LinuxDeviceCgroup) -> Rule {
    let access = device.access().as_deref().unwrap_or("rwm");
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Rule {
        allow: device.allow(),
        kind: match device.typ().unwrap_or_default() {
            LinuxDeviceType::A | LinuxDeviceType::P => None,
            LinuxDeviceType::B => Some(DeviceKind::Block),
            LinuxDeviceType::C | LinuxDeviceType::U => Some(DeviceKind::Character),
        },
        major: number(device.major()),
        minor: number(device.minor()),
        access: Access {
            read: access.contains('r'),
            write: access.contains('w'),
            make: access.contains('m'),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_parts_mean_all() {
        let spec = serde_json::json!({
            "ociVersion": "1.0.2",
            "linux": { "resources": { "devices": [
                { "allow": false },
                { "allow": true, "type": "b", "major": 8, "minor": -1, "access": "r" }
            ] } }
        });
        let rules = rules(&serde_json::from_value(spec).unwrap());
        let all = Rule { allow: false, kind: None, major: None, minor: None, access: Access::ALL };
        let read = Access { read: true, write: false, make: false };
        let (kind, major) = (Some(DeviceKind::Block), Some(8));
        assert_eq!(rules, [all, Rule { allow: true, kind, major, minor: None, access: read }]);
    }
}
