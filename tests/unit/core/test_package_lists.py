"""How requirements changed."""

import pytest

from trainup.core import package_lists


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("torch==2.8\n", "torch==2.9  # faster\n", "torch 2.8 → 2.9"),
        ("a==1\nb==2\n", "b==2\na==1\n", ""),
        ("a==1 --hash=sha256:00\n", "a==1 --hash=sha256:11\n", ""),
        ("Scikit_Learn==1\n", "scikit-learn==2\n", "scikit-learn 1 → 2"),
        ("a>=1,<2\n", "a\n", "a >=1,<2 → any"),
        ("a[x]==1\n", "a[x]==2 ; python_version > '3.11'\n", "a 1 → 2 (python_version > '3.11')"),
        ("a==1\n", "b==2\n", "+b 2, −a"),
        ("", "--index-url https://me:word@host/simple\n", "+--index-url https://***@host/simple"),
        ("dependencies:\n- pip:\n  - torch==2.8\n", "dependencies:\n- pip:\n  - torch==2.9\n", "torch 2.8 → 2.9"),
        ("", "".join(f"p{number}==1\n" for number in range(9)), "+p0 1, +p1 1, +p2 1, +p3 1, +p4 1, +p5 1, and 3 more"),
    ],
)
def test_packages_are_compared_by_name_and_version(before: str, now: str, told: str) -> None:
    assert package_lists.summary(*map(package_lists.lines_of, (before, now))) == told
