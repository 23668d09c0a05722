"""What tools say of their versions, and what is kept of it."""

import os
from pathlib import Path

from trainup.toolchain import versions


def tool(file: Path, version: str) -> None:
    file.write_text(f'#!/bin/sh\necho asked >> "$0.calls"\necho v{version}\n')
    file.chmod(0o755)


def test_a_tool_is_asked_once_for_its_version_and_again_when_its_file_has_changed(tmp_path: Path) -> None:
    program, notes = tmp_path / "pulumi", tmp_path / "notes" / "versions.json"
    tool(program, "3.245.0")
    assert versions.cached_version_of(program, notes, "version") == (3, 245, 0)
    assert versions.cached_version_of(program, notes, "version") == (3, 245, 0)
    assert (tmp_path / "pulumi.calls").read_text() == "asked\n"
    tool(program, "3.300.0")
    os.utime(program, ns=(1, 1))
    assert versions.cached_version_of(program, notes, "version") == (3, 300, 0)


def test_damaged_notes_and_a_tool_that_is_gone_are_no_trouble(tmp_path: Path) -> None:
    program, notes = tmp_path / "pulumi", tmp_path / "versions.json"
    tool(program, "3.245.0")
    for damage in ("", "[]", '{"x": 1', "null"):
        notes.write_text(damage)
        assert versions.cached_version_of(program, notes, "version") == (3, 245, 0)
    program.unlink()
    assert versions.cached_version_of(program, notes, "version") is None
