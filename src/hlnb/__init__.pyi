from .claims import Claim as Claim
from .data.patterns import toy_problem as toy_problem
from .data.problem import Batch as Batch
from .data.problem import Problem as Problem
from .errors import HlnbError as HlnbError
from .metrics.measures import Error as Error
from .metrics.measures import Loss as Loss
from .metrics.measures import Weights as Weights
from .metrics.times import describe as describe
from .metrics.times import first_hit as first_hit
from .models.model import Model as Model
from .models.networks import toy_network as toy_network
from .page.live import lab as lab
from .results import Result as Result
from .schedules import (
    Phase as Phase,
)
from .schedules import (
    Schedule as Schedule,
)
from .schedules import (
    greedy as greedy,
)
from .schedules import (
    layerwise as layerwise,
)
from .schedules import (
    simultaneous as simultaneous,
)
from .seeding import stream as stream
from .training.executors import processes as processes
from .training.loop import train as train
from .training.optimizers import SGD as SGD
from .training.optimizers import Adam as Adam
from .training.runs import Run as Run
from .training.runs import grid as grid
from .training.sweep import sweep as sweep
