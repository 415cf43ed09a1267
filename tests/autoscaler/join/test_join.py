"""User data: what an order's machine is told at boot, and that nothing in it can be more than it says."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from autoscaler.join import ClusterJoin, PlainStart
from autoscaler.join.cloud_init import LIMIT_BYTES
from autoscaler.providers.provider import Order, Permanent
from planner.errors import InputError
from planner.fleet.daemon import ClusterSettings, ServerSettings

ORDER = Order(
    key="main-1-20261126t120000-1",
    node_id="main-1-20261126t120000-1",
    fleet="main",
    pool="aws/r7a.4xlarge@us-east-1a/spot",
    model="llama-7b-q4",
)
K3S = ClusterSettings(
    server_url="https://10.0.0.1:6443", labels={"team": "search"}, taints=("gpu=yes:NoSchedule", "burst:NoExecute")
)
KUBEADM = replace(K3S, join="kubeadm", ca_hash=f"sha256:{'ab' * 32}")
TOKEN = "abcdef.0123456789abcdef"
TEXT = {"type": "string"}
CLOUD_CONFIG = {  # the two modules of cloud-init that are used, as its documentation describes them
    "type": "object",
    "additionalProperties": False,
    "required": ["write_files", "runcmd"],
    "properties": {
        "write_files": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["path"],
                "properties": {
                    "path": {**TEXT, "pattern": "^/etc/"},
                    "content": TEXT,
                    "owner": TEXT,
                    "permissions": {**TEXT, "pattern": "^0[0-7]{3}$"},
                },
            },
        },
        "runcmd": {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 1}},
    },
}


def token() -> SecretStr:
    return SecretStr(TOKEN)


def document(text: str) -> dict:
    """The cloud-config, checked as cloud-init would check it."""
    assert text.startswith("#cloud-config\n")
    found = yaml.safe_load(text)
    jsonschema.validate(found, CLOUD_CONFIG)
    return found


def files(text: str) -> dict[str, str]:
    return {file["path"]: file["content"] for file in document(text)["write_files"]}


def labels(text: str) -> dict[str, str]:
    config = yaml.safe_load(files(text)["/etc/rancher/k3s/config.yaml"])
    return dict(label.split("=", 1) for label in config["node-label"])


def test_k3s_is_told_server_token_labels_and_taints() -> None:
    text = ClusterJoin(K3S, token=token)(ORDER)
    config = yaml.safe_load(files(text)["/etc/rancher/k3s/config.yaml"])
    assert config["server"] == "https://10.0.0.1:6443"
    assert config["node-name"] == ORDER.node_id
    assert config["node-taint"] == ["gpu=yes:NoSchedule", "burst:NoExecute"]
    assert files(text)[config["token-file"]] == f"{TOKEN}\n"
    assert labels(text) == {
        "team": "search",
        "node.kubernetes.io/instance-type": "r7a.4xlarge",
        "baseload.dev/node": "main-1-20261126t120000-1",
        "baseload.dev/model": "llama-7b-q4",
        "baseload.dev/pool": "aws_r7a.4xlarge_us-east-1a_spot-06f572",
        "baseload.dev/fleet": "main",
    }


def test_kubeadm_is_told_the_same_and_pins_the_ca() -> None:
    config = yaml.safe_load(files(ClusterJoin(KUBEADM, token=token)(ORDER))["/etc/baseload/kubeadm.yaml"])
    assert config["discovery"]["bootstrapToken"] == {
        "apiServerEndpoint": "10.0.0.1:6443",
        "token": TOKEN,
        "caCertHashes": [f"sha256:{'ab' * 32}"],
    }
    node = config["nodeRegistration"]
    assert node["taints"] == [
        {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
        {"key": "burst", "value": "", "effect": "NoExecute"},
    ]
    assert "baseload.dev/node=main-1-20261126t120000-1" in node["kubeletExtraArgs"]["node-labels"].split(",")


def test_the_token_is_read_for_every_launch() -> None:
    tokens = iter(["K10first", "K10second"])
    join = ClusterJoin(K3S, token=lambda: SecretStr(next(tokens)))
    assert files(join(ORDER))["/etc/baseload/join-token"] == "K10first\n"
    assert files(join(ORDER))["/etc/baseload/join-token"] == "K10second\n"


@pytest.mark.parametrize("settings", [K3S, KUBEADM], ids=["k3s", "kubeadm"])
def test_the_token_is_in_one_file_that_root_alone_reads_and_in_no_command(settings: ClusterSettings) -> None:
    found = document(ClusterJoin(settings, token=token)(ORDER))
    holders = [file for file in found["write_files"] if TOKEN in file["content"]]
    assert [file["permissions"] for file in holders] == ["0600"]
    assert TOKEN not in json.dumps(found["runcmd"])


def test_without_a_token_nothing_is_launched_and_it_is_said_why() -> None:
    def missing() -> SecretStr:
        raise InputError("BASELOAD_JOIN_TOKEN is not set")

    with pytest.raises(Permanent, match="no join token: BASELOAD_JOIN_TOKEN is not set"):
        ClusterJoin(K3S, token=missing)(ORDER)


def test_a_token_that_is_none_of_kubeadms_is_refused_and_not_shown() -> None:
    with pytest.raises(Permanent, match="none of kubeadm's") as caught:
        ClusterJoin(KUBEADM, token=lambda: SecretStr("K10planted-secret"))(ORDER)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [(replace(K3S, server_url=None), "server_url"), (replace(KUBEADM, ca_hash=None), "ca_hash")],
    ids=["where", "whose"],
)
def test_what_a_join_needs_is_asked_for_before_anything_is_launched(settings, missing: str) -> None:
    with pytest.raises(InputError, match=rf"\[cluster\] {missing} is not set"):
        ClusterJoin(settings, token=token)


PLAIN = ClusterJoin(K3S, token=token)(ORDER)


@given(
    node_id=st.text(min_size=1),
    model=st.text(min_size=1),
    pool=st.text(min_size=1),
    fleet=st.text(min_size=1),
)
def test_whatever_an_order_is_called_its_user_data_means_the_same(node_id, model, pool, fleet) -> None:
    """No name can end a quote, add a file, a label or a command."""
    order = Order(key="k", node_id=node_id, fleet=fleet, pool=pool, model=model)
    try:
        text = ClusterJoin(K3S, token=token)(order)
    except Permanent:
        return  # said, and nothing launched
    found, plain = document(text), document(PLAIN)
    assert found["runcmd"] == plain["runcmd"]
    assert [file["path"] for file in found["write_files"]] == [file["path"] for file in plain["write_files"]]
    labelled = labels(text)
    assert labelled.keys() == labels(PLAIN).keys()
    assert all(len(value) <= 63 for value in labelled.values())


@pytest.mark.parametrize("bad", ["x; rm -rf /", "$(id)", "`id`", "a\nb", 'a"b', "a'b", "a b", ""])
def test_a_plain_node_is_not_started_under_a_name_that_a_shell_would_read(bad: str) -> None:
    start = PlainStart(ServerSettings(command={bad: "vllm serve x", "llama-7b-q4": "vllm serve x"}))
    with pytest.raises(Permanent, match="expected letters, digits"):
        start(replace(ORDER, model=bad))
    with pytest.raises(Permanent, match="expected letters, digits"):
        start(replace(ORDER, node_id=bad))


def test_a_plain_node_keeps_its_model_server_running() -> None:
    start = PlainStart(ServerSettings(command={"llama-7b-q4": 'exec vllm serve "$BASELOAD_MODEL" --port 8000'}))
    found = files(start(ORDER))
    assert found["/etc/baseload/serve.sh"] == 'exec vllm serve "$BASELOAD_MODEL" --port 8000\n'
    assert "BASELOAD_POOL=aws/r7a.4xlarge@us-east-1a/spot\n" in found["/etc/baseload/node.env"]
    assert "ExecStart=/bin/sh /etc/baseload/serve.sh" in found["/etc/systemd/system/baseload-model.service"]
    assert document(start(ORDER))["runcmd"][-1] == ["systemctl", "enable", "--now", "baseload-model"]


def test_a_model_without_a_command_is_not_launched() -> None:
    with pytest.raises(Permanent, match=r"\[server\] command has none for llama-7b-q4"):
        PlainStart(ServerSettings())(ORDER)


@pytest.mark.parametrize("provider", sorted(LIMIT_BYTES))
def test_user_data_fits_the_provider_or_is_refused(provider: str) -> None:
    order = replace(ORDER, pool=f"{provider}/x")
    assert len(ClusterJoin(K3S, token=token)(order).encode()) < 8192
    padding = "#" * LIMIT_BYTES[provider]
    with pytest.raises(Permanent, match=rf"user data is \d+ bytes; {provider} takes {LIMIT_BYTES[provider]} at most"):
        ClusterJoin(replace(K3S, install=padding), token=token)(order)


# --- the scripts, run for real, beside programs that only write down how they were called

IDENTITIES = {
    "aws": ("aws/r7a.4xlarge@us-east-1a/spot", "i-0abc123", "us-east-1a", "aws:///us-east-1a/i-0abc123"),
    "hetzner-cloud": ("hetzner-cloud/ccx43", "4711", "fsn1-dc14", "hcloud://4711"),
    "ovh": ("ovh/b3-64", "b5a3-11", "nova", "openstack:///b5a3-11"),
}


def boot(text: str, root: Path, *, instance: str, zone: str, has_k3s: bool = True) -> str:
    """Writes the files below `root`, runs the commands, and returns how programs were called."""
    tools = root / "bin"
    tools.mkdir(parents=True)
    calls = root / "calls"
    answers = f'case $2 in instance_id) echo "{instance}";; availability_zone) echo "{zone}";; esac'
    for name, body in {
        "cloud-init": answers if instance else "exit 1",
        "systemctl": f'echo "systemctl $*" >>{calls}',
        "kubeadm": f'echo "kubeadm $*" >>{calls}; cp {root}/etc/baseload/kubeadm.yaml {root}/joined.yaml',
        **({"k3s": "true"} if has_k3s else {}),
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    (root / "etc/systemd/system").mkdir(parents=True)
    for path, content in files(text).items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content.replace("/etc/", f"{root}/etc/"))
    for command in document(text)["runcmd"]:
        words = [word.replace("/etc/", f"{root}/etc/") for word in command]
        done = subprocess.run(
            words, env={"PATH": f"{tools}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return calls.read_text()


@pytest.mark.parametrize("provider", sorted(IDENTITIES))
def test_a_node_joins_by_k3s_under_the_provider_id_of_its_machine(provider: str, tmp_path: Path) -> None:
    pool, instance, zone, provider_id = IDENTITIES[provider]
    calls = boot(ClusterJoin(K3S, token=token)(replace(ORDER, pool=pool)), tmp_path, instance=instance, zone=zone)
    assert calls.splitlines() == [
        "systemctl daemon-reload",
        "systemctl enable k3s-agent",
        "systemctl restart k3s-agent",
    ]
    extra = yaml.safe_load((tmp_path / "etc/rancher/k3s/config.yaml.d/10-baseload.yaml").read_text())
    assert extra == {"kubelet-arg+": [f"provider-id={provider_id}"]}
    assert (tmp_path / "etc/systemd/system/k3s-agent.service").exists()


@pytest.mark.parametrize("provider", sorted(IDENTITIES))
def test_a_node_joins_by_kubeadm_and_leaves_no_token_behind(provider: str, tmp_path: Path) -> None:
    pool, instance, zone, provider_id = IDENTITIES[provider]
    text = ClusterJoin(KUBEADM, token=token)(replace(ORDER, pool=pool))
    calls = boot(text, tmp_path, instance=instance, zone=zone)
    assert calls.splitlines() == [f"kubeadm join --config {tmp_path}/etc/baseload/kubeadm.yaml"]
    joined = yaml.safe_load((tmp_path / "joined.yaml").read_text())
    assert joined["nodeRegistration"]["kubeletExtraArgs"]["provider-id"] == provider_id
    assert not (tmp_path / "etc/baseload/kubeadm.yaml").exists()


@pytest.mark.parametrize("instance", ["", "$(reboot)", "i-1;x"], ids=["unknown", "a command", "two"])
def test_a_machine_whose_id_cannot_be_told_joins_without_one(instance: str, tmp_path: Path) -> None:
    instance = instance.replace("$", r"\$")
    boot(ClusterJoin(KUBEADM, token=token)(ORDER), tmp_path / "kubeadm", instance=instance, zone="us-east-1a")
    joined = yaml.safe_load((tmp_path / "kubeadm/joined.yaml").read_text())
    assert "provider-id" not in joined["nodeRegistration"]["kubeletExtraArgs"]
    boot(ClusterJoin(K3S, token=token)(ORDER), tmp_path / "k3s", instance=instance, zone="us-east-1a")
    assert not (tmp_path / "k3s/etc/rancher/k3s/config.yaml.d").exists()


@pytest.mark.skipif(shutil.which("k3s") is not None, reason="k3s is installed here")
@pytest.mark.parametrize(("has_k3s", "first"), [(False, "installed"), (True, "systemctl daemon-reload")])
def test_what_the_image_lacks_is_installed_first(has_k3s: bool, first: str, tmp_path: Path) -> None:
    settings = replace(K3S, install=f"echo installed >>{tmp_path}/calls")
    text = ClusterJoin(settings, token=token)(ORDER)
    calls = boot(text, tmp_path, instance="i-1", zone="us-east-1a", has_k3s=has_k3s)
    assert calls.splitlines()[0] == first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"server_url": "http://10.0.0.1"}, "server_url must be https"),
        ({"server_url": "https://x/$(id)"}, "server_url must be https"),
        ({"ca_hash": "sha256:1"}, "ca_hash must be sha256"),
        ({"labels": {"a b": "c"}}, "labels must be valid"),
        ({"labels": {"a": "x,y=z"}}, "labels must be valid"),
        ({"labels": {"node-role.kubernetes.io/worker": ""}}, "may not label itself node-role.kubernetes.io/worker"),
        ({"taints": ("gpu",)}, "taints must be key=value:Effect"),
        ({"taints": ("gpu=yes",)}, "taints must be key=value:Effect"),
        ({"taints": ("=yes:NoSchedule",)}, "taints must be key=value:Effect"),
        ({"taints": ("gpu=yes:Sometimes",)}, "taints must be key=value:Effect"),
        ({"model_label": "a b"}, "model_label must be the key of a label"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_settings_that_a_cluster_would_refuse_are_refused_in_the_file(change: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(K3S, **change)
