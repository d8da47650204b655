"""What is measured: on any step function x -> x', (..., N) -> (..., N), with input and parameters bound."""

from paperlib.dynamics.basins import Basins, basins
from paperlib.dynamics.bifurcation import Bifurcation, Change, bifurcations, sampled_bifurcations
from paperlib.dynamics.classify import Classification, classify
from paperlib.dynamics.cost import cost, local_minima
from paperlib.dynamics.divergence import kept_share, metric_floor, state_space_ceiling, state_space_divergence
from paperlib.dynamics.entropy import entropy_change, knn_entropy
from paperlib.dynamics.fixed_points import FixedPoints, fixed_points
from paperlib.dynamics.lipschitz import Lipschitz, lipschitz
from paperlib.dynamics.lyapunov import lyapunov_spectrum, max_lyapunov
from paperlib.dynamics.orbit import orbit, orbit_diagram
from paperlib.dynamics.smoothness import Smoothness, cost_smoothness
from paperlib.dynamics.spectra import hellinger_distance, power_spectrum
from paperlib.dynamics.tangents import jacobian

__all__ = [
    "Basins",
    "Bifurcation",
    "Change",
    "Classification",
    "FixedPoints",
    "Lipschitz",
    "Smoothness",
    "basins",
    "bifurcations",
    "classify",
    "cost",
    "cost_smoothness",
    "entropy_change",
    "fixed_points",
    "hellinger_distance",
    "jacobian",
    "kept_share",
    "knn_entropy",
    "lipschitz",
    "local_minima",
    "lyapunov_spectrum",
    "max_lyapunov",
    "metric_floor",
    "orbit",
    "orbit_diagram",
    "power_spectrum",
    "sampled_bifurcations",
    "state_space_ceiling",
    "state_space_divergence",
]
