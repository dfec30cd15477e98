"""Which folders become packages of the wheel; everything else about it is in pyproject.toml.

A file of its own, as pyproject.toml can either look for packages or name folders that lie elsewhere, not both: the
checkpoints lie at the top of the checkout and inside ``magic_demo`` in the wheel.
"""

from __future__ import annotations

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["magic_demo", "magic_demo.*", "training", "training.*"]),
        "magic_demo.checkpoints",
    ],
    package_dir={"magic_demo.checkpoints": "checkpoints"},
)
