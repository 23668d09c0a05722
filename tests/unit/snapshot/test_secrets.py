"""Likely secrets stop a snapshot, by file and line; ordinary sources never do."""

import base64
import json
import string
import sysconfig
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest

from trainup.core import likely_secrets
from trainup.jobs.snapshot import reading

Problems = Callable[..., list[str]]


def characters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(islice(cycle(alphabet), count))


def token(content: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


# Put together here, so that no scanner stops at this file.
PRIVATE_KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"
PLANTED = {
    "AWS Access Key": "AKIA" + characters(16, string.ascii_uppercase),
    "Azure Storage Account access key": "AccountName=x;AccountKey=" + characters(86) + "==",
    "GitHub Token": "ghp_" + characters(36),
    "GitLab Token": "glpat-" + characters(20),
    "JSON Web Token": f"{token({'alg': 'HS256', 'typ': 'JWT'})}.{token({'sub': 'someone'})}.{characters(43)}",
    "NPM tokens": "//registry.example/:_authToken=npm_" + characters(36),
    "OpenAI Token": "sk-" + characters(20) + "T3BlbkFJ" + characters(20),
    "Private Key": PRIVATE_KEY,
    "PyPI Token": "pypi-" + "AgEIcHlwaS5vcmc" + characters(80),
    "SendGrid API Key": "SG." + characters(22) + "." + characters(43),
    "Slack Token": "xoxb-" + "123456789012-" + characters(24, "abc0"),
    "Square OAuth Secret": "sq0csp-" + characters(43),
    "Stripe Access Key": "sk_live_" + characters(24),
    "Azure shared access key": "Endpoint=sb://x/;SharedAccessKey=" + characters(43) + "=",
    "Azure shared access signature": "https://x/y?sv=2024-01-01&sig=" + characters(43) + "%3D",
    "Microsoft Entra client secret": "abc8Q~" + characters(34),
    "Hugging Face token": "hf_" + characters(34),
    "GitHub fine-grained token": "github_pat_" + characters(22) + "_" + characters(59),
    "Google API key": "AIza" + characters(35),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_found_with_file_and_line_and_never_shown(source: Path, problems: Problems, kind: str) -> None:
    (source / "conf.py").write_text(f"first = 1\n\nvalue = '{PLANTED[kind]}'\n")
    [problem] = problems()
    assert problem.startswith(f"conf.py:3 looks like a secret ({kind})")
    assert "`secrets`" in problem
    assert '"conf.py:3" to `allow_secrets`' in problem
    assert PLANTED[kind][-12:] not in problem.partition("`# pragma")[0] or kind == "Private Key"


def test_all_kinds_of_detectors_are_planted_in_these_tests() -> None:
    known = {likely_secrets._detector(plugin).secret_type for plugin in likely_secrets._PLUGINS} | set(
        likely_secrets._OWN
    )
    assert known == set(PLANTED)


def test_secrets_are_allowed_by_line_or_by_file_and_other_lines_still_stop(source: Path, problems: Problems) -> None:
    (source / "pkg/keys.txt").write_text(f"{PRIVATE_KEY}\n\n{PLANTED['GitHub Token']}\n")
    assert len(problems()) == 2
    assert [problem.partition(" ")[0] for problem in problems("pkg/keys.txt:1")] == ["pkg/keys.txt:3"]
    assert problems("pkg/keys.txt") == []
    assert problems("pkg/keys.txt:1", "pkg/keys.txt:3") == []
    assert len(problems("keys.txt", "pkg/keys.txt:2", "train.py")) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_pragma_at_the_end_of_the_line_or_on_the_line_before_allows_it(
    source: Path, problems: Problems, end: str
) -> None:
    inline = f"a = '{PRIVATE_KEY}'  # pragma: allowlist secret"
    before = f"# pragma: allowlist nextline secret{end}b = '{PRIVATE_KEY}'"
    (source / "conf.py").write_bytes(f"{inline}{end}{before}{end}".encode())
    assert problems() == []
    (source / "conf.py").write_bytes(f"{inline}{end}c = '{PRIVATE_KEY}'{end}".encode())
    assert [problem.partition(" ")[0] for problem in problems()] == ["conf.py:2"]


@pytest.mark.slow
def test_secrets_are_found_in_long_lines_and_counted_right_beyond_the_first_block(
    source: Path, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1_000)
    (source / "data.txt").write_text("x = 1\n" * 5_000 + PLANTED["GitHub Token"] + "\n")
    middle = " " * (3 * likely_secrets.MOST_BYTES_OF_A_LINE - 10)
    (source / "line.json").write_text("{}\n" + middle + PLANTED["GitHub Token"] + middle)
    assert [problem.partition(" ")[0] for problem in problems()] == ["data.txt:5001", "line.json:2"]


def test_binary_files_are_not_searched(source: Path, problems: Problems) -> None:
    (source / "model.bin").write_bytes(b"\0" + PRIVATE_KEY.encode())
    assert problems() == []


def sources_of_the_standard_library() -> Iterator[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    return (path for path in sorted(root.rglob("*.py")) if "site-packages" not in path.parts)


@pytest.mark.slow
def test_nothing_in_the_standard_library_is_taken_for_a_secret() -> None:
    found = [
        f"{path}:{line} {kind}"
        for path in islice(sources_of_the_standard_library(), 2_000)
        for line, kind in likely_secrets.search(path.read_bytes(), path.name)
    ]
    assert found == []
