"""Text as ids, without TensorFlow.

- `load`: loads a corpus by its name
- `corpus`: the types of all corpora
- `ptb`, `synthetic`: the two corpora, the Penn Treebank and text of known perplexity
- `ids`: random ids for workloads without a corpus
- `batches`, `masks`: what a training step reads
"""
