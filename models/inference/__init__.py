"""Networks of one architecture and different weights, run as one: the form that restores.

The networks in `models` are written to be read, trained and compared with the publications. Here
their weights are stacked and folded: batch norms into convolutions, norms' gains into the linear
layers behind them; eight networks make eight groups of one convolution and eight items of one
batched matrix product. What comes out is the same, to rounding.
"""
