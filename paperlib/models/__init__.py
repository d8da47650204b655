"""What evolves: the networks, one a file, one protocol."""

from paperlib.models.base import Model
from paperlib.models.bind import Family, bind
from paperlib.models.closed_loop import closed_loop
from paperlib.models.lstm import LSTM
from paperlib.models.orthogonal import OrthogonalRNN
from paperlib.models.plrnn import PLRNN
from paperlib.models.stable_lstm import StableLSTM
from paperlib.models.tanh_rnn import TanhRNN

__all__ = ["LSTM", "PLRNN", "Family", "Model", "OrthogonalRNN", "StableLSTM", "TanhRNN", "bind", "closed_loop"]
