"""Ports: addresses, binding, bulk, who may do what."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from conftest import RED_PROJECT, Cloud
