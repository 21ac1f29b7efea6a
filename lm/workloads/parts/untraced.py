"""Work that traces no graph of its own: it calls Keras or tf.data as users do, and reads what comes out."""


class Untraced:
    """The part of lm.workloads.protocol.Work that there is nothing to do for."""

    def trace(self) -> None:
        """Does nothing: what becomes a graph is traced by the first unit."""

    def wait(self) -> None:
        """Does nothing: each unit reads what it computed."""

    def graph_operations(self) -> dict[str, int]:
        """Counts nothing: a graph, if there is one, is the library's own."""
        return {}
