"""What evolves: the networks, one a file, one protocol."""

from paperlib.models.base import Model
from paperlib.models.bind import Family, bind
from paperlib.models.closed_loop import closed_loop
from paperlib.models.lstm import LSTM

__all__ = ["LSTM", "Family", "Model", "bind", "closed_loop"]
