"""Hierarchical learning in neural networks: data, models, training and metrics.

The names of an experiment, from the problem to the claim; each is read where it lives
once it is asked for, so that `import hlnb` takes no time.
"""

import sys

import lazy_loader

if "IPython" in sys.modules:  # perhaps a chapter, with parameters that it cannot take
    from hlnb.given import check

    check()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
