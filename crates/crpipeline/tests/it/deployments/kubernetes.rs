//! `deploy/kubernetes`: the schemas of Kubernetes, its strictest pod security, and names that have to agree.

use std::{collections::BTreeMap, env, fs, path::PathBuf, process::Command};

use crp_testkit::programs;
use serde_json::{Value, json};

use super::{Process, grace_seconds, repository, strings, text, yaml};

const DEPLOYMENTS: [&str; 2] = ["serve", "worker"];

/// The manifests of a folder, without what only kustomize reads.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository("deploy/kubernetes").join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file() && !path.ends_with("kustomization.yaml")).collect();
    files.sort();
    files
}

/// The one object of this kind and name.
fn object(folder: &str, kind: &str, name: &str) -> Value {
    let documents = files(folder).into_iter().flat_map(|file| yaml(&fs::read_to_string(file).unwrap()));
    let mut found = documents.filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.next().unwrap_or_else(|| panic!("{folder} has no {kind} {name}"))
}

fn deployment(component: &str) -> Value {
    object("base", "Deployment", &format!("crpipeline-{component}"))
}

fn container(component: &str) -> Value {
    deployment(component)["spec"]["template"]["spec"]["containers"][0].clone()
}

#[test]
fn the_schemas_of_kubernetes_allow_every_manifest() {
    let Some(validate) = programs::program("kubernetes-validate") else { return };
    let manifests = files("base").into_iter().chain([repository("deploy/kubernetes/secrets.example.yaml")]);
    let said = programs::output_of(Command::new(validate).arg("--strict").args(manifests));
    assert!(!String::from_utf8_lossy(&said).contains("ERROR"));
}

/// What the schema of an operator says about an object; `None` where the schemas are not installed.
fn judged(object: &Value, package: &str) -> Option<String> {
    let Some(models) = env::var_os("CRP_KEDA_MODELS").map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        programs::skipped("the schemas of KEDA and of the Prometheus Operator are not installed (CRP_KEDA_MODELS)");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.json");
    fs::write(&manifest, object.to_string()).unwrap();
    let mut node = Command::new(programs::program("node")?);
    node.arg(repository("crates/crpipeline/tests/manifests/validate.mjs")).arg(models.with_file_name(package));
    Some(String::from_utf8(programs::output_of(node.stdin(fs::File::open(manifest).unwrap()))).unwrap())
}

#[test]
fn the_schemas_of_the_operators_allow_what_is_for_them() {
    let scaled = object("operators", "ScaledObject", "crpipeline-worker");
    let monitor = object("operators", "PodMonitor", "crpipeline");
    let (keda, prometheus) = ("keda", "prometheus-operator");
    let Some(said) = judged(&scaled, keda) else { return };
    assert_eq!(said, "allowed\n");
    assert_eq!(judged(&monitor, prometheus).unwrap(), "allowed\n");
    let mut wrong = scaled;
    wrong["spec"]["fallback"]["behavior"] = json!("as-you-like");
    assert!(judged(&wrong, keda).unwrap().starts_with("refused: data/spec/fallback/behavior"));
    let mut wrong = monitor;
    wrong["spec"]["podMetricsEndpoints"][0]["interval"] = json!("often");
    assert!(judged(&wrong, prometheus).unwrap().starts_with("refused: "));
}

#[test]
fn kustomize_puts_them_together_and_leaves_the_number_of_workers_to_keda() {
    let Some(kubectl) = programs::program("kubectl") else { return };
    let built = |folder: &str| {
        let output = programs::output_of(Command::new(&kubectl).arg("kustomize").arg(repository("deploy/kubernetes").join(folder)));
        yaml(&String::from_utf8(output).unwrap())
    };
    let (base, operators) = (built("base"), built("operators"));
    assert_eq!(operators.len(), base.len() + 2);
    for object in &operators {
        let namespace = &object["metadata"]["namespace"];
        assert!(object["kind"] == "Namespace" || namespace == "crpipeline", "{object}");
    }
    let replicas = |objects: &[Value], name: &str| {
        let named = objects.iter().find(|object| object["kind"] == "Deployment" && object["metadata"]["name"] == name);
        named.expect("a deployment")["spec"]["replicas"].clone()
    };
    assert_eq!((replicas(&base, "crpipeline-worker"), replicas(&base, "crpipeline-serve")), (json!(2), json!(2)));
    assert_eq!((replicas(&operators, "crpipeline-worker"), replicas(&operators, "crpipeline-serve")), (json!(null), json!(2)));
}

#[test]
fn every_file_is_part_of_a_kustomization_and_the_image_is_this_version() {
    for folder in ["base", "operators"] {
        let kustomization = yaml(&text(&format!("deploy/kubernetes/{folder}/kustomization.yaml"))).remove(0);
        let resources = strings(&kustomization["resources"]);
        for file in files(folder) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(resources.contains(&name.as_str()), "{folder}/{name}");
        }
    }
    let base = yaml(&text("deploy/kubernetes/base/kustomization.yaml")).remove(0);
    assert_eq!(base["images"][0]["newTag"], env!("CARGO_PKG_VERSION"));
    let name = base["images"][0]["name"].as_str().unwrap();
    for component in DEPLOYMENTS {
        assert!(container(component)["image"].as_str().unwrap().starts_with(&format!("{name}:")), "{component}");
    }
}

/// What the pod security standard "restricted" asks for, and more.
#[test]
fn pods_are_as_restricted_as_the_namespace_demands() {
    let namespace = object("base", "Namespace", "crpipeline");
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    for component in DEPLOYMENTS {
        let deployment = deployment(component);
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!((&pod["securityContext"]["runAsNonRoot"], &pod["securityContext"]["runAsUser"]), (&json!(true), &json!(10001)));
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{component}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{component}");
        let allowed = ["emptyDir", "secret"];
        for volume in pod["volumes"].as_array().unwrap() {
            assert!(allowed.iter().any(|kind| volume.get(kind).is_some()), "{component}: {volume}");
        }
        let [container] = &pod["containers"].as_array().unwrap()[..] else { panic!("one container") };
        let security = &container["securityContext"];
        assert_eq!((&security["allowPrivilegeEscalation"], &security["readOnlyRootFilesystem"]), (&json!(false), &json!(true)));
        assert_eq!(security["capabilities"], json!({ "drop": ["ALL"] }), "{component}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{component}");
    }
    assert!(text("deploy/Dockerfile").contains("\nUSER 10001:10001\n"), "the user of the image is that of the pods");
}

#[tokio::test]
async fn probes_ask_what_answers_and_a_pod_has_time_to_stop() {
    for component in DEPLOYMENTS {
        let container = container(component);
        let ports: BTreeMap<&str, &Value> =
            container["ports"].as_array().unwrap().iter().map(|port| (port["name"].as_str().unwrap(), &port["containerPort"])).collect();
        assert_eq!(ports["metrics"], 9100, "{component}");
        for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            let asked = &container[probe]["httpGet"];
            assert_eq!((&asked["path"], &asked["port"]), (&json!(path), &json!("metrics")), "{component} {probe}");
        }
        let startup = &container["startupProbe"];
        let patience = startup["periodSeconds"].as_u64().unwrap() * startup["failureThreshold"].as_u64().unwrap();
        assert!(patience > 60, "{component}: a start waits up to a minute for the database");
        let pause: u64 = strings(&container["lifecycle"]["preStop"]["exec"]["command"]).last().map_or(0, |word| word.parse().unwrap());
        let grace = deployment(component)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(grace > grace_seconds().await + pause, "{component}: it is killed while it hands its work back");
    }
}

#[test]
fn selectors_find_the_pods_that_they_mean() {
    let labels = |component: &str| deployment(component)["spec"]["template"]["metadata"]["labels"].clone();
    let selects = |selector: &Value, labels: &Value| {
        let wanted = selector.as_object().expect("a selector");
        !wanted.is_empty() && wanted.iter().all(|(name, value)| &labels[name] == value)
    };
    for component in DEPLOYMENTS {
        let (own, other) = (labels(component), labels(if component == "serve" { "worker" } else { "serve" }));
        let deployment = deployment(component);
        let budget = object("base", "PodDisruptionBudget", &format!("crpipeline-{component}"));
        let spread = &deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0];
        for selector in [&deployment["spec"]["selector"], &budget["spec"]["selector"], &spread["labelSelector"]] {
            assert!(selects(&selector["matchLabels"], &own) && !selects(&selector["matchLabels"], &other), "{component}: {selector}");
        }
        let monitor = object("operators", "PodMonitor", "crpipeline");
        assert!(selects(&monitor["spec"]["selector"]["matchLabels"], &own), "{component}");
        assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], "metrics");
    }
    let service = object("base", "Service", "crpipeline");
    assert!(selects(&service["spec"]["selector"], &labels("serve")) && !selects(&service["spec"]["selector"], &labels("worker")));
    let scaled = object("operators", "ScaledObject", "crpipeline-worker");
    assert_eq!(scaled["spec"]["scaleTargetRef"]["name"], deployment("worker")["metadata"]["name"]);
}

#[test]
fn all_traffic_is_denied_but_for_what_is_named() {
    let denied = object("base", "NetworkPolicy", "default-deny");
    assert_eq!(denied["spec"], json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }));
    let ports = |name: &str, direction: &str| -> Vec<Value> {
        let rules = object("base", "NetworkPolicy", name)["spec"][direction].clone();
        let ports = rules.as_array().unwrap().iter().flat_map(|rule| rule["ports"].as_array().unwrap().clone());
        ports.map(|port| port["port"].clone()).collect()
    };
    assert_eq!(ports("people-to-serve", "ingress"), [json!("http")]);
    assert_eq!(ports("prometheus-to-metrics", "ingress"), [json!("metrics")]);
    assert_eq!(ports("to-database-and-storage", "egress"), [json!(53), json!(53), json!(5432), json!(443)]);
    assert_eq!(
        object("base", "NetworkPolicy", "people-to-serve")["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"],
        "serve"
    );
}

/// What a pod is told: config maps, then variables of its own.
pub(super) fn processes() -> Vec<Process> {
    let of = |component: &str| {
        let container = container(component);
        let mut environment = BTreeMap::new();
        for source in container["envFrom"].as_array().unwrap() {
            let map = object("base", "ConfigMap", source["configMapRef"]["name"].as_str().unwrap());
            let data = map["data"].as_object().unwrap().iter();
            environment.extend(data.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())));
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            assert_eq!(variable["valueFrom"]["resourceFieldRef"]["resource"], "requests.cpu");
            let value = container["resources"]["requests"]["cpu"].as_str().unwrap().to_owned();
            environment.insert(variable["name"].as_str().unwrap().to_owned(), value);
        }
        let arguments = strings(&container["args"]).into_iter().map(str::to_owned).collect();
        Process { named: format!("Kubernetes, {component}"), arguments, environment }
    };
    DEPLOYMENTS.into_iter().map(of).collect()
}

#[tokio::test]
async fn the_binary_knows_what_the_pods_tell_it() {
    for process in processes() {
        process.expect_known().await;
    }
}

#[test]
fn every_secret_is_mounted_where_the_settings_look_for_it() {
    let example = yaml(&text("deploy/kubernetes/secrets.example.yaml"));
    for (component, process) in DEPLOYMENTS.into_iter().zip(processes()) {
        let deployment = deployment(component);
        let pod = &deployment["spec"]["template"]["spec"];
        let mounts = container(component)["volumeMounts"].as_array().unwrap().clone();
        for (variable, file) in process.environment.iter().filter(|(name, _)| name.ends_with("_FILE")) {
            let (folder, key) = file.rsplit_once('/').unwrap();
            let mount = mounts.iter().find(|mount| mount["mountPath"] == folder).unwrap_or_else(|| panic!("{component}: {variable}"));
            let volume = pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == mount["name"]).expect("its volume");
            let secret = example.iter().find(|secret| secret["metadata"]["name"] == volume["secret"]["secretName"]).expect("its secret");
            assert!(secret["stringData"].get(key).is_some(), "{component}: the example has no {key}");
        }
        let data = &process.environment["CRPIPELINE_DATA_DIR"];
        assert!(mounts.iter().any(|mount| &mount["mountPath"] == data && mount.get("readOnly").is_none()), "{component}: {data}");
    }
}

#[test]
fn keda_asks_for_a_metric_that_exists_with_a_rule_that_means_what_the_manual_says() {
    let scaled = object("operators", "ScaledObject", "crpipeline-worker");
    let trigger = &scaled["spec"]["triggers"][0];
    assert_eq!(trigger["type"], "prometheus");
    let query = trigger["metadata"]["query"].as_str().unwrap();
    let metric = query.split(['(', '{']).nth(1).unwrap();
    assert!(text("docs/reference/metrics.md").contains(&format!("| `{metric}` | gauge |")), "{metric}");
    assert_eq!(trigger["metadata"]["threshold"], "60");
    let replicas = |name: &str| scaled["spec"][name].as_u64().unwrap();
    assert!(replicas("minReplicaCount") < replicas("maxReplicaCount"));
    assert_eq!(scaled["spec"]["fallback"]["replicas"], scaled["spec"]["minReplicaCount"]);
}

#[test]
fn the_operators_prometheus_renames_what_ours_renames() {
    let ours = yaml(&text("monitoring/prometheus.yml")).remove(0);
    let snake = ours["scrape_configs"][0]["metric_relabel_configs"].to_string();
    let camel = snake.replace("source_labels", "sourceLabels").replace("target_label", "targetLabel");
    let monitor = object("operators", "PodMonitor", "crpipeline");
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["metricRelabelings"], serde_json::from_str::<Value>(&camel).unwrap());
}
