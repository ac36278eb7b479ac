"""Placement's policy rules, by their names in the field, with their defaults."""

from __future__ import annotations

from nova_clone.web.policy import BASE_RULES, Rule

RULES: tuple[Rule, ...] = (*BASE_RULES,)
