"""The single entry point that loads a corpus for a configuration."""

from pathlib import Path

from lm.config import Config
from lm.data import ptb, synthetic
from lm.data.corpus import CORPORA, Corpus, CorpusError


def load_corpus(name: str, config: Config, path: str | Path | None = None) -> Corpus:
    """Returns the corpus called `name`, with the configuration's vocabulary size.

    `path` is the PTB's directory or archive (None: see lm.data.ptb.locate); the synthetic corpus is made on the spot
    and takes no path. Raises CorpusError for an unknown name, and for data that cannot be read.
    """
    if name == "synthetic":
        if path:
            raise CorpusError(
                f"the synthetic corpus is made, not read, yet the path {path} was given; leave it out or ask for ptb"
            )
        return synthetic.synthetic_corpus(config.vocabulary_size)
    if name == "ptb":
        return ptb.ptb_corpus(ptb.locate(Path(path) if path else None), config.vocabulary_size)
    raise CorpusError(f"no corpus is called {name!r}; there are {', '.join(CORPORA)}")
