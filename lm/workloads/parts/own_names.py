"""Names of an own model's variables: alike in Keras 2 and 3, or paired by order where Keras names layers otherwise."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any


def labelled(variables: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Names variables alike in Keras 2 and 3, in any process: "dense/kernel", and the second "dense/kernel#2"."""
    seen: Counter[str] = Counter()
    for variable in variables:
        path = str(getattr(variable, "path", variable.name)).removesuffix(":0")
        label = "/".join(re.sub(r"_\d+$", "", part) for part in path.split("/")[-2:])
        seen[label] += 1
        yield (f"{label}#{seen[label]}" if seen[label] > 1 else label), variable


def same_but_for_layers(there: Mapping[str, tuple[int, ...]], here: Iterable[str]) -> bool:
    """Returns whether two models' variables, of which one's shapes are given, are the same in the same order but for
    their layers' names.

    A wrong pair of one shape would be a wrong verdict, so that layers' names must agree where they can.
    """
    (layers, own), (layers_here, own_here) = _parts(there), _parts(here)
    return (
        own == own_here
        and _layers_keep_their_places(layers, layers_here)
        and _layers_are_renamed_in_one_way(zip(own, there.values(), strict=True), layers, layers_here)
    )


def _layers_keep_their_places(layers: Sequence[str], layers_here: Sequence[str]) -> bool:
    """Returns whether each layer's name that is as frequent on both sides stands at the same places.

    Any other may stand elsewhere: the kernel of a `TimeDistributed(Dense(3))` is "time_distributed/kernel" in Keras 2
    and "dense/kernel" in Keras 3, which has one `dense` more.
    """
    count, count_here = Counter(layers), Counter(layers_here)
    pairs = zip(layers, layers_here, strict=True)
    return all(layer == layer_here for layer, layer_here in pairs if count[layer] == count_here[layer])


def _layers_are_renamed_in_one_way(
    variables: Iterable[tuple[str, tuple[int, ...]]], layers: Iterable[str], layers_here: Iterable[str]
) -> bool:
    """Returns whether each variable (its own name, its shape) allows one way of renaming layers: see _is_one_way."""
    renamed = defaultdict(set)
    for variable, layer, layer_here in zip(variables, layers, layers_here, strict=True):
        if layer != layer_here:
            renamed[variable].add((layer, layer_here))
    return all(map(_is_one_way, renamed.values()))


def _is_one_way(renamed: Collection[tuple[str, str]]) -> bool:
    """Returns whether layers that have other names on the other side have one name on a side at least.

    A `ConvLSTM2D` is a `conv_lstm2d` in Keras 2 and a `conv_lstm_cell` in Keras 3. Two names for two others could be
    crossed. A bare `Variable` of Keras 2, which has no layer's name, may be a layer's or the model's own, and these are
    last in Keras 2 and first in Keras 3. So there each side must have one name.
    """
    names, names_here = (set(side) for side in zip(*renamed, strict=True))
    if "" in names | names_here:
        return len(renamed) == 1
    return len(names) == 1 or len(names_here) == 1


def _parts(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns the layers' names, "" where there is none, and the variables' own, as Keras 3 has them: its
    `depthwise_kernel` of Keras 2 is a `kernel`, and its `Variable` without a name a `variable`.
    """
    pairs = [name.partition("#")[0].rpartition("/") for name in names]
    return [layer for layer, _, _ in pairs], [own.lower().removeprefix("depthwise_") for _, _, own in pairs]
