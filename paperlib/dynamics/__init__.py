"""What is measured: on any step function x -> x', (..., N) -> (..., N), with input and parameters bound."""

from paperlib.dynamics.classify import Classification, classify
from paperlib.dynamics.cost import cost, local_minima
from paperlib.dynamics.lyapunov import lyapunov_spectrum, max_lyapunov
from paperlib.dynamics.orbit import orbit, orbit_diagram
from paperlib.dynamics.tangents import jacobian

__all__ = [
    "Classification",
    "classify",
    "cost",
    "jacobian",
    "local_minima",
    "lyapunov_spectrum",
    "max_lyapunov",
    "orbit",
    "orbit_diagram",
]
