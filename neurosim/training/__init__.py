"""Software training of networks with PyTorch (extra `train`), which is imported only when training starts."""

from neurosim.training.fitting import TrainingProgress, train
from neurosim.training.measuring import float_accuracy

__all__ = ["TrainingProgress", "float_accuracy", "train"]
