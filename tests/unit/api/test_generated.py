"""Committed files are what `hack/generate` makes of the types today, byte for byte."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pba_api.schema.crd import custom_resource_definition
from pba_hack.generate import kubernetes, yaml_text
from pba_hack.generate.outputs import CHART_CRD, CRD, REFERENCE, resource_files, stale, write

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", resource_files().keys(), ids=str)
def test_committed_file_is_up_to_date(path: Path) -> None:
    assert (ROOT / path).read_text() == resource_files()[path], "run hack/generate resource"


def test_stale_files_are_found_and_written(tmp_path: Path) -> None:
    wanted = resource_files()
    assert set(stale(wanted, tmp_path)) == set(wanted)
    write(wanted, tmp_path)
    assert stale(wanted, tmp_path) == []
    (tmp_path / CRD).write_text("changed by hand\n")
    assert stale(wanted, tmp_path) == [CRD]
    assert write(wanted, tmp_path) == [CRD]
    assert stale(wanted, tmp_path) == []


def test_command_checks_without_changing_anything() -> None:
    done = subprocess.run(
        [ROOT / "hack" / "generate", "resource", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_crd_file_says_what_the_types_say() -> None:
    assert yaml.load((ROOT / CRD).read_text(), yaml.CSafeLoader) == custom_resource_definition()


def test_chart_keeps_its_crd_and_lets_no_template_into_it() -> None:
    text = (ROOT / CHART_CRD).read_text()
    first, *body, last = text.splitlines()
    assert (first, last) == ("{{- if .Values.crds.enabled }}", "{{- end }}")
    assert "{{" not in "\n".join(body)
    found = yaml.load("\n".join(body), yaml.CSafeLoader)
    assert found["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert found == custom_resource_definition()


def test_reference_names_every_field_of_ours() -> None:
    text = (ROOT / REFERENCE).read_text()
    for heading in (
        "spec.application.probes.startup",
        "spec.imagePullSecrets[]",
        "status.backend.notReady[]",
    ):
        assert f"\n## {heading}\n" in text
    assert "| `drainTimeoutSeconds` | integer | `30` |" in text


texts = st.text(max_size=40) | st.sampled_from(
    ["yes", "No", "null", "~", "1", "0x1", "1e3", "1:30", "- a", "a: b", "a #b", "#a", "'", '"', "\\", "", " a", "a ",
     "a\nb", "é", "@a", "%a", "=", "<<", "2026-11-23", "word " * 40, '"x" ' * 40, "C:\\x " * 30]
)  # fmt: skip
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


@given(st.dictionaries(texts, documents, max_size=5) | st.lists(documents, min_size=1, max_size=5))
def test_yaml_says_what_was_given(document: Any) -> None:
    if document:
        assert yaml.safe_load(yaml_text.dump(document)) == document


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name of the volume. Must be a DNS_LABEL.", "name of the volume."),
        ("Required: Selects a field. Only some are.", "Selects a field."),
        ("Required. A term.", "A term."),
        ("Rules (e.g. co-locate this pod). More.", "Rules (e.g. co-locate this pod)."),
        ("An NFS mount More info: somewhere", "An NFS mount"),
        ("limits.cpu and\n requests.cpu are known. Others not.", "limits.cpu and requests.cpu are known."),
        ("No full stop", "No full stop"),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert kubernetes.first_sentence(text) == sentence
