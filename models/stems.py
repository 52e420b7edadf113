"""The eight stems of music source restoration, in the order used everywhere."""

STEMS = (
    "vocals",
    "guitars",
    "keyboards",
    "synthesizers",
    "bass",
    "drums",
    "percussions",
    "orchestral",
)
