"""What a figure holds, for its tests."""


def labels(fig):
    """The names in the figure's legend."""
    return [text.get_text() for text in fig.legends[0].get_texts()]


def lines(ax, label):
    """The lines of a panel under one name."""
    return [line for line in ax.lines if line.get_label() == label]
