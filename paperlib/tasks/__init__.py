"""What is learned: data and target of each task, one a file."""

from paperlib.tasks.classification import Classification
from paperlib.tasks.forcing import Forcing
from paperlib.tasks.sine import Sine

__all__ = ["Classification", "Forcing", "Sine"]
