"""Which saved files a version promises to read, by what its documentation says.

- A SavedModel: of the same or an older TensorFlow of the same major version ("SavedModels written with one version of
  TensorFlow can be loaded and evaluated with a later version of TensorFlow with the same major release",
  tensorflow.org/guide/versions).
- What Keras lays out (a checkpoint's tree of objects, `.weights.h5`, `.keras`): of the same or an older Keras of the
  same major version, by semantic versioning. "Cross version saving and loading is not guaranteed to work between
  Keras 2 and 3" (a maintainer, keras #20081).
"""

import dataclasses

CHECKPOINT, WEIGHTS, KERAS, SAVED_MODEL = "checkpoint", ".weights.h5", ".keras", "SavedModel"
FORMATS = (CHECKPOINT, WEIGHTS, KERAS, SAVED_MODEL)


@dataclasses.dataclass(frozen=True)
class Versions:
    """The versions that a file was written by, or is read by: "2.16.2"."""

    tensorflow: str
    keras: str


def promised(form: str, writer: Versions, reader: Versions) -> bool:
    """Returns whether the reader promises to read the writer's file of that format."""
    of = "tensorflow" if form == SAVED_MODEL else "keras"
    older, newer = _numbers(getattr(writer, of)), _numbers(getattr(reader, of))
    return older[0] == newer[0] and older <= newer


def _numbers(version: str) -> tuple[int, ...]:
    """Returns major and minor: (2, 16) of "2.16.0rc1", so that patches count as equal."""
    return tuple(int(part) for part in version.split(".")[:2])
