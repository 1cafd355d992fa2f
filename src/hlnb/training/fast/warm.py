"""Compiles the loops of the toy problems' network, so that no later run waits for it.

python -m hlnb.training.fast.warm
"""

import time

from hlnb.data.patterns import toy_problem
from hlnb.kept import loops_compile
from hlnb.metrics.measures import Error
from hlnb.models.networks import toy_network
from hlnb.schedules import simultaneous
from hlnb.training.loop import train
from hlnb.training.runs import Run


def warm() -> float:
    """The seconds of a tiny training; the first one compiles."""
    begun = time.perf_counter()
    model = toy_network(d=32, n_classes=2)
    plan = (toy_problem(1, d=32), model, simultaneous(model, epochs=1))
    train.anew(*plan, Run(0, 0.1), measures={"error": Error("test")}, n_train=4)
    return time.perf_counter() - begun


if __name__ == "__main__":
    if loops_compile():
        print(f"The loops are compiled ({warm():.0f} s).")
    else:
        print("Numba is not used here: there is nothing to compile.")
