"""The system under test: a stacked-LSTM language model in TensorFlow, its data, and its oracle in NumPy.

Imports the standard library, NumPy and TensorFlow; never `bench`. The modules without TensorFlow (configurations, corpora,
oracle) can be imported where there is none.
"""
