"""Cells and networks as PyTorch modules, and the weights of trainings.

`import hierevo` does not import PyTorch; `import hierevo.torch` does.
"""

from hierevo.torch.cell_module import CellModule, cell
from hierevo.torch.network_module import Network, network
from hierevo.torch.weights import load_network, load_weights

__all__ = ["CellModule", "Network", "cell", "load_network", "load_weights", "network"]
