"""Who may read the secret of an emulated TPM."""

from __future__ import annotations

from nova_clone.scheduler.prefilters.base import Ask, Demand, root_traits
from nova_clone.scheduler.wishes import agreed, wishes_of


def tpm_secret_security(ask: Ask) -> Demand | None:
    """Keep a server to hosts that keep its TPM's secret as the flavor wants."""
    mode = agreed(wishes_of(ask.spec), "tpm_secret_security", "user", "host", "deployment")
    if mode is None:
        return None
    return root_traits(f"COMPUTE_SECURITY_TPM_SECRET_SECURITY_{mode.upper()}")
