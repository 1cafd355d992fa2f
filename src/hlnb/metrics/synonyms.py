"""Synonyms of a random hierarchy: what features and label statistics know of them.

Source: Cagnetta et al. 2024. A tuple's feature is its parent; synonyms have the same.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hlnb.errors import HlnbError


def sensitivity(
    features: Float[Tensor, "n ..."], exchanged: Float[Tensor, "n ..."]
) -> float:
    """Synonymic sensitivity S of a representation f (Cagnetta et al. 2024).

    Mean of ‖f(x) − f(Px)‖² over inputs, over the mean of ‖f(x) − f(x')‖² over pairs of
    inputs; Px is x with synonyms exchanged. 0: f does not see the exchange; 1: Px is as
    far from x as another input is; NaN: f is constant. Refuses fewer than two inputs.
    """
    a, b = features.flatten(1).double(), exchanged.flatten(1).double()
    if len(a) < 2:
        raise HlnbError("A sensitivity compares inputs: give at least two.")
    moved = (a - b).square().sum(1).mean()
    # over ordered pairs of different inputs: twice the unbiased variance
    apart = 2 * a.var(0).sum()
    return float(moved / apart) if apart > 0 else math.nan


def label_counts(
    codes: Int[Tensor, "n position"],
    labels: Int[Tensor, " n"],
    *,
    n_codes: int,
    n_classes: int,
) -> Int[Tensor, "position code n_class"]:
    """How often each code (a tuple, say) occurs at each position with each label."""
    joint = codes.mT * n_classes + labels
    counts = torch.zeros(len(joint), n_codes * n_classes, dtype=torch.int64)
    counts.scatter_add_(1, joint, torch.ones_like(joint))
    return counts.view(-1, n_codes, n_classes)


def synonym_ratio(
    rates: Float[Tensor, "code n_class"], parents: Int[Tensor, " code"]
) -> float:
    """Spread of label rates between features, in units of that within synonyms.

    rates: P(class | tuple), a NaN row where a tuple was not seen; parents: the feature
    of each tuple, −1 for none. √(max(0, B − W · mean_f(1/n_f)) / W), with W the
    variance of rates within features, B that of the features' means, and n_f the tuples
    seen of feature f (one-way analysis of variance). Above 1, synonyms cluster by their
    feature; inf: synonyms agree exactly. Refuses fewer than two features, and tuples
    without a synonym.
    """
    seen = (parents >= 0) & rates.isfinite().all(1)
    values, owners = rates[seen].double(), parents[seen]
    member = F.one_hot(owners, int(owners.max()) + 1 if len(owners) else 1).double()
    sizes = member.sum(0)
    several = sizes > 0
    if several.sum() < 2 or sizes.sum() <= several.sum():
        raise HlnbError(
            "Synonyms are compared within features: at least two features must be "
            "seen, and one of them with two tuples. Take more strings."
        )
    means = (member.mT @ values)[several] / sizes[several, None]
    within = (values - (member @ _spread(means, several))).square().sum()
    within = within / (sizes.sum() - several.sum())
    between = means.var(0).sum() - within * (1 / sizes[several]).mean()
    if within == 0:
        return math.inf
    return float((between.clamp(min=0) / within).sqrt())


def _spread(
    means: Float[Tensor, "seen n_class"], where: Tensor
) -> Float[Tensor, "feature n_class"]:
    """`means` at the rows of the features that were seen, 0 elsewhere."""
    out = means.new_zeros(len(where), means.shape[1])
    out[where] = means
    return out
