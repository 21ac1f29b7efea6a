"""The single entry point that loads a corpus for a configuration."""

from pathlib import Path

from lm.config import Config
from lm.data import ptb, synthetic
from lm.data.corpus import CORPORA, Corpus, CorpusError


def load_corpus(name: str, config: Config, path: Path | None = None) -> Corpus:
    """Returns the corpus called `name`, with the configuration's vocabulary size.

    `path` is the PTB's directory or archive (None: see lm.data.ptb.locate); the synthetic corpus is made on the spot
    and takes no path. Raises CorpusError for an unknown name, for data that cannot be read, and for a split shorter
    than one batch.
    """
    if name == "synthetic":
        if path is not None:
            raise CorpusError(
                f"the synthetic corpus is made, not read, yet the path {path} was given; leave it out or ask for ptb"
            )
        corpus = synthetic.synthetic_corpus(config.vocabulary_size)
    elif name == "ptb":
        corpus = ptb.ptb_corpus(ptb.locate(path), config.vocabulary_size)
    else:
        raise CorpusError(f"no corpus is called {name!r}; there are {', '.join(CORPORA)}")
    require_batch(corpus, config)
    return corpus


def require_batch(corpus: Corpus, config: Config) -> None:
    """Raises CorpusError where a split is shorter than one batch, batch × (steps + 1) tokens with the last targets."""
    needed = config.batch_size * (config.num_steps + 1)
    for split, tokens in corpus.splits().items():
        if tokens.size < needed:
            raise CorpusError(
                f"corpus {corpus.name!r}: split {split} has {tokens.size} tokens and one batch of configuration "
                f"{config.name!r} needs {needed} = {config.batch_size} × ({config.num_steps} + 1); "
                "use a longer corpus or smaller batches"
            )
