"""Text as ids, without TensorFlow.

- `load`: loads a corpus by name, `ptb` (the Penn Treebank) or `synthetic` (text of known perplexity)
- `corpus`: the types of all corpora
- `batches`, `masks`: what a training step reads
"""
