"""What is likely a secret among values that a user declares, and what is not."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainup.core.input_secrets import in_text, in_values, is_likely_secret
from trainup.core.values import UNKNOWN, Secret

# Put together here, so that no search of this repository takes them for real ones.
GITHUB = "gh" + "p_" + "aB3" * 12
HUGGING_FACE = "h" + "f_" + "aBcDeFgH1" * 3 + "aBcDeFg"
SAS = "sv=2024-11-04&sp=rl&s" + "ig=" + "aB3%2F" * 5 + "a" * 28 + "%3D"
KEY = "x9" * 20

FOUND: list[tuple[dict[str, Any], str]] = [
    ({"environment_variables": {"A": GITHUB}}, "environment_variables.A"),
    ({"environment_variables": {"WANDB_API_KEY": "a1" * 20}}, "environment_variables.WANDB_API_KEY"),
    ({"environment_variables": {"DB_PASSWORD": "hunter2"}}, "environment_variables.DB_PASSWORD"),
    ({"environment_variables": {"clientSecret": KEY}}, "environment_variables.clientSecret"),
    ({"environment_variables": {"AWS_SECRET_ACCESS_KEY": KEY}}, "environment_variables.AWS_SECRET_ACCESS_KEY"),
    ({"environment_variables": {"URL": "postgres://me:hunter2@db/x"}}, "environment_variables.URL"),
    ({"environment_variables": {"OPTS": f"--lr 1 --api-key {KEY}"}}, "environment_variables.OPTS"),
    ({"arguments": ["--token", HUGGING_FACE]}, "arguments[1]"),
    ({"arguments": ["--epochs", "5", "--password", "hunter2"]}, "arguments[3]"),
    ({"arguments": [f"--api-key={KEY}"]}, "arguments[0]"),
    ({"arguments": [f"model.api_key={KEY}"]}, "arguments[0]"),
    ({"command": f"curl -H 'Authorization: Bearer {KEY}' https://x"}, "command"),
    ({"command": f"HF_TOKEN={KEY} python train.py"}, "command"),
    ({"tags": {"owner": GITHUB}}, "tags.owner"),
    ({"tags": {"access_token": KEY}}, "tags.access_token"),
    ({"description": "log in with password=hunter2"}, "description"),
    ({"description": f"a\nline\n{GITHUB}"}, "description"),
    ({"inputs": {"x": {"uri": f"https://a.blob.core.windows.net/c?{SAS}", "version": "1"}}}, "inputs.x.uri"),
    ({"outputs": {"m": {"uri": f"wasbs://c@a.blob.core.windows.net/m?{SAS}"}}}, "outputs.m.uri"),
    ({"inputs": {"x": {"uri": f"https://s3.example/b?X-Amz-Signature={'a1' * 32}"}}}, "inputs.x.uri"),
    ({"tracking": "https://me:hunter2@mlflow.example"}, "tracking"),
    ({"tracking": f"https://mlflow.example/?token={KEY}"}, "tracking"),
    ({"pip": ["numpy", "--index-url https://me:hunter2@pypi.example/simple"]}, "pip[1]"),
    ({"pip": [f"git+https://{KEY}@dev.azure.com/o/p"]}, "pip[0]"),
    ({"image": "me:hunter2@registry.example/a".join(["https://", ""])}, "image"),
    ({"secrets": [GITHUB]}, "secrets[0]"),
]
CLEAN: list[Any] = [
    "3e-4",
    "0.0001",
    "1e-05",
    "adamw",
    "true",
    "",
    " ",
    "2026-11-28T05:00:00Z",
    "a b c",
    "train.py",
    "päärynä",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "d41d8cd98f00b204e9800998ecf8427e",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "ghcr.io/team/fastai:1@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "venv@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "00000000-0000-0000-0000-000000000001",
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/pets",
    "azureml://datastores/workspaceblobstore/paths/pets/",
    "azureml:pets:1",
    "abfss://my-training-data-2024@account.dfs.core.windows.net/x",
    "wasbs://container1234567890abcd@account.blob.core.windows.net/x",
    "https://mlflow.example:5000/path?experiment=7",
    "git+https://github.com/fastai/fastai@2.7.18",
    "git+ssh://git@github.com/fastai/fastai",
    "postgresql://reader@db.example/x",
    "https://me:${PASSWORD}@pypi.example/simple",
    "https://$USER:$TOKEN@pypi.example",
    "http://user:<password>@host",
    "s3://bucket/key",
    "--password-file",
    "--token-length 5000",
    "MAX_TOKENS=4096",
    "--pad-token [PAD]",
    "tokenizer=bert-base-uncased-2024-v1",
    "sk_learn",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG9wZW5zc2hwdWJsaWNrZXlleGFtcGxl me@host",
    "${{inputs.token}}",
    "password reset works now",
    {"TOKENIZERS_PARALLELISM": "false"},
    {"MAX_TOKENS": "4096"},
    {"EOS_TOKEN": "<|endoftext|>"},
    {"PAD_TOKEN": "[PAD]"},
    {"HF_TOKEN_PATH": "/run/x"},
    {"DB_PASSWORD": "${{inputs.password}}"},
    {"DB_PASSWORD": "$SECRET"},
    {"DB_PASSWORD": ""},
    {"PASSWORD_FILE": "/run/secrets/db"},
    {"CACHE_KEY": "9f86d081884c7d659a2feaa0c55ad015"},
    {"RUN_ID": str(uuid.UUID(int=7))},
    {"COMMIT": "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"PRIMARY_KEY": "user_id_and_time_1"},
    {"SECRET_NAME": "my-secret-name-number-1"},
    {"KEY": "C4minor"},
    {"ssh_public_key": "ssh-rsa AAAAB3NzaC1yc2E1"},
    {"AWS_REGION": "eu-west-1"},
    {"WANDB_PROJECT": "pets2024abcdefgh"},
    ["--tokens", "10000"],
    ["--seed", "1234567890123456"],
    ["--lr", "1e-3"],
    {"TOKEN": Secret("hunter2")},
    {"TOKEN": UNKNOWN},
    {"PASSWORD": None},
    {"PASSWORD": 5},
    7,
    None,
    UNKNOWN,
    Secret(GITHUB),
]


@pytest.mark.parametrize(("values", "place"), FOUND, ids=[place for _, place in FOUND])
def test_a_likely_secret_is_told_by_its_place_and_never_by_itself(values: dict[str, Any], place: str) -> None:
    found = in_values(values)
    assert {suspect.shown for suspect in found} == {place}
    told = " ".join(f"{suspect.shown} {suspect.kind}" for suspect in found)
    assert not any(text in told for text in ("hunter2", GITHUB, KEY, "aB3", "a1" * 20))


@pytest.mark.parametrize("value", CLEAN, ids=[str(value)[:40] for value in CLEAN])
def test_what_is_no_secret_is_not_found(value: Any) -> None:
    assert in_values({"environment_variables": {"A": value}, "arguments": [value], "x": value}) == []
    if isinstance(value, str):
        assert in_text(value, "Dockerfile") == []


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=30),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    )
)
def test_any_value_can_be_searched(value: Any) -> None:
    assert isinstance(in_values(value), list)
    assert isinstance(is_likely_secret(str(value)), bool)


@pytest.mark.parametrize("allowed", ["environment_variables.A", "environment_variables", "environment_variables.A.b"])
def test_what_is_allowed_by_its_place_is_not_told(allowed: str) -> None:
    values = {"environment_variables": {"A": GITHUB}, "environment_variables2": GITHUB}
    expected = ["environment_variables2"] + (["environment_variables.A"] if allowed.endswith("b") else [])
    assert sorted(suspect.shown for suspect in in_values(values, [allowed])) == sorted(expected)


@pytest.mark.parametrize(
    "line",
    [
        f"ENV API_KEY={KEY}",
        f"ENV API_KEY {KEY}",
        "ARG DB_PASSWORD=hunter2",
        f"ENV A=1 HF_TOKEN='{KEY}'",
        "RUN pip install --extra-index-url https://me:hunter2@pypi.example/simple x",
        f"RUN curl -H 'Authorization: Basic {KEY}' https://x",
    ],
)
def test_a_dockerfile_is_searched_line_by_line(line: str) -> None:
    text = f"FROM scratch\n{line}\n"
    assert [number for number, _ in in_text(text, "Dockerfile")] == [2]
    assert in_text(f"FROM scratch\n{line}  # pragma: allowlist secret\n", "Dockerfile") == []
    assert in_text("FROM scratch\nARG API_KEY\nARG DB_PASSWORD=\nENV PASSWORD=$DB_PASSWORD\n", "Dockerfile") == []


@pytest.mark.slow
def test_a_long_line_takes_no_time_that_grows_with_its_square() -> None:
    for text in (
        "a." * 200_000,
        "token=" * 60_000,
        "a:" * 200_000,
        "://a" * 100_000,
        "https://" + "a" * 400_000,
        "& " * 200_000,
    ):
        in_values({"x": text})
