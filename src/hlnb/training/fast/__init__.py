"""The same steps, faster: the only room that may import Numba."""
