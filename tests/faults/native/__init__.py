"""Faults below Python: C++ that is built for a measured environment, and loaded into its process.

library       builds a source, once for each TensorFlow
products.cc   a MatMul that TensorFlow prefers to its own
exponential.cc  the C library's expf, to be preloaded
"""
