"""Wrong command lines: one line that names the option, exit code 2, and nothing begun or written."""

import shlex
from pathlib import Path

import pytest

from bench.cli import COMMANDS, command_parser
from bench.commands.usage import UsageError
from tests.builders.commands import Tfgate, snapshot

# Command line, and what its error names first.
WRONG = """\
gaet                                                        | no command 'gaet'
gate --quik                                                 | --quik
gate --conf tiny                                            | --conf
gate --quick --config small                                 | --quick
gate --quick --full                                         | --quick
gate --quick --gate-stored                                  | --quick
gate --quick --from 2.20.0                                  | --quick
gate --quick --from-env A=1                                 | --quick
gate --quick --workload ./mine.py                           | upgrade --numerics-only
gate --no-speed --full                                      | --no-speed
gate --no-speed --gate-stored                               | --no-speed
gate --no-speed --from 2.20.0                               | --no-speed
gate --no-speed --from-env A=1                              | --no-speed
gate --no-speed --workload train --workload ./mine.py       | upgrade --numerics-only
gate --from-env PATH                                        | --from-env
gate --to-env =1                                            | --to-env
gate --launches 0                                           | --launches
gate --to ./none                                            | none
gate --from ./none                                          | none
gate --to none.whl                                          | none.whl
gate --as-of soon                                           | --as-of
gate --baselines nowhere                                    | nowhere
gate --resume                                               | --resume
run --config huge                                           | --config
run --implementation eager                                  | --implementation
run --env PATH                                              | --env
run --launches many                                         | --launches
run --threads -1                                            | --threads
run --device tpu                                            | --device
run --corpus bible                                          | --corpus
run --config tiny --no-speed --corpus-path here             | here
run --config tiny --no-speed --corpus ptb --corpus-path no  | no
run --jitter -1                                             | --jitter
run --jitter 2147483648                                     | --jitter
upgrade --from 2.20.0                                       | --to
upgrade --from ./none --to 2.21.0                           | none
upgrade --from 2.20.0 --to 2.21.0 --config huge             | --config
upgrade --from 2.20.0 --to 2.21.0 --metric speed            | --metric
upgrade --from a --to b --metric perplexity --metric import --metric build --metric trace \
  --metric "step time" --metric "mean step" --metric "cpu time" \
  --metric "peak memory" --metric "first step" | more than 8
upgrade --from 2.20.0 --to 2.21.0 --python 3.12             | --python
upgrade --from 2.20.0 --to 2.21.0 --corpus-path no          | no
upgrade --from a --to b --speed-only --numerics-only        | --numerics-only
upgrade --from a --to b --metric import --numerics-only     | --metric
upgrade --from reference --to 2.21.0 --device gpu:0         | the pinned reference
lockstep --from 2.20.0                                      | --to
lockstep --from 2.20.0 --to 2.21.0 --steps 0                | --steps
lockstep --from ./none --to 2.21.0                          | none
micro --config huge                                         | --config
micro --implementation threads                              | --implementation
micro --device cpu:100                                      | --device
micro --mode xla                                            | --mode
micro --target backward                                     | --target
micro --require tpu                                         | --require
micro --from ./none                                         | none
profile --target backward                                   | --target
profile --steps 3                                           | --steps
profile --from a --implementation cells --implementation fused | --implementation
profile --from-env A=1                                      | --from-env
profile --compare nowhere neither                           | nowhere
train                                                       | --config
train --config tiny --resume                                | --resume
train --config tiny --device tpu                            | --device
compare                                                     | REPORT
compare a                                                   | REPORT
compare a b c                                               | REPORT
compare a b --margin 0                                      | --margin
compare a b --margin nan                                    | --margin
compare a b                                                 | a
check                                                       | REPORT
check a b                                                   | b
check nowhere                                               | nowhere
show nowhere                                                | nowhere
report nowhere                                              | nowhere
report nowhere --format pdf                                 | --format
history nowhere                                             | nowhere
machines                                                    | REPORT
machines nowhere                                            | nowhere
bisect --good 2.15.1 --bad 2.16.2                           | --metric
bisect --good 2.15.1 --metric trace                         | --bad
bisect --good 2.15.1 --bad 2.16.2 --metric graph            | --metric
bisect --good 2.15.1 --bad 2.16.2 --metric trace --confidence 1 | --confidence
bisect --good 2.15.1 --bad 2.16.2 --metric trace --resume   | --resume
blame --from 2.15.1 --to 2.16.2 --metric trace --resume     | --resume
micro --workload masked --workload train-without-onednn --config tiny | train-without-onednn
bisect --good 2.15.1 --bad 2.16.2 --metric trace --release no/python | no/python
bisect --good 2.15.1 --bad 2.16.2 --metric trace --workload all | one workload in one configuration
survey --from 2.12.1                                        | --to
survey --from 2.12.1 --to 2.13.1 --fixed-reference ./none   | none
survey --from 2.12.1 --to 2.12.1                            | 2.12.1 is named twice
survey --from 2.12.1 --to 2.13.1 --release ./none           | none
survey --from 2.12.1 --to 2.13.1 --output here --resume     | here
survey --from 2.12.1 --to 2.13.1 --numerics-only --speed-only | --numerics-only
survey --from 2.12.1 --to 2.13.1 --workload predict --config small | small
survey --from 2.12.1 --to 2.13.1 --cluster head             | --cluster
survey --from 2.12.1 --to 2.13.1 --numerics-only --margin 0.03 | --margin
bisect --good 2.15.1 --bad 2.16.2 --metric trace --cluster head | --cluster
blame --from 2.15.1 --to 2.16.1 --metric trace --cluster :  | --cluster
blame --from 2.15.1 --to 2.16.1                             | --metric
blame --from 2.15.1 --metric trace                          | --to
blame --from 2.15.1 --to 2.16.1 --metric trace --profile --cluster tcp://head:8786 | --profile
blame --from 2.15.1 --to 2.16.1 --metric graph              | --metric
blame --from 2.15.1 --to 2.16.1 --metric trace --launches 1 | --launches
blame --from 2.15.1 --to /bin/sh --metric trace             | /bin/sh
blame --from 2.15.1 --to 2.16.1 --metric trace --workload all | one workload in one configuration
record nowhere                                              | nowhere
record a --replace --add --reason x                         | --replace
record a --replace                                          | --reason
record a --until 2027-01-01                                 | --until
record a --link https://x                                   | --link
record a --accept x --until 2026-12-31 --link https://x     | --reason
record a --accept x --until 2026-12-31 --reason x           | --link
record a --accept x --link https://x --reason x             | --until
record a --accept x --until soon                            | --until
record a --accept x --until 2026-02-30                      | --until
record a --accept x --until 2026-12-31 --link l --reason x --add | --add
record a --accept x --until 2026-12-31 --link l --reason x --despite-verdict | --despite-verdict
record a --accept x --until 2026-12-31 --link l --reason x --becomes-reference | --becomes-reference
env                                                         | ACTION
env remove                                                  | --all
env remove --all name                                       | --all
env remove --all --keep-newest 0                            | --all
env remove --keep-newest -1                                 | --keep-newest
data --corpus synthetic --source x                          | --source
data --corpus synthetic --output x                          | --output
data --source nowhere                                       | nowhere
doctor --require tpu                                        | --require"""


@pytest.mark.parametrize("line", WRONG.splitlines(), ids=lambda line: line.partition("|")[0].strip())
@pytest.mark.usefixtures("environment_cache")
def test_what_makes_no_sense_is_refused_in_a_line_before_anything_is_written(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    words, named = (part.strip() for part in line.split("|"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFGATE_DATA", str(tmp_path / "data"))
    found = tfgate(*shlex.split(words))
    assert found.code == 2
    assert named in found.error
    assert snapshot(tmp_path) == {}


def test_every_command_is_among_them() -> None:
    assert {line.split()[0] for line in WRONG.splitlines()} == {*COMMANDS, "gaet"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_few_examples_that_parse_and_takes_no_abbreviation(name: str) -> None:
    parser = command_parser(name)
    shown = (parser.epilog or "").partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    assert 1 <= len(shown) <= 3
    for line in shown:
        program, command, *words = shlex.split(line)
        assert (program, command) == ("tfgate", name)
        parser.parse_args(words)
    with pytest.raises(UsageError):
        parser.parse_args(["--jso"])


@pytest.mark.parametrize("name", ["upgrade", "lockstep", "gate", "micro", "profile", "blame"])
def test_two_sides_are_named_alike_everywhere(name: str) -> None:
    options = {option for action in command_parser(name)._actions for option in action.option_strings}
    assert {"--from", "--to", "--from-env", "--to-env", "--as-of", "--python-version", "--config", "--json"} <= options
    assert options.isdisjoint({"--python", "--env", "--reference"})


@pytest.mark.parametrize("name", ["run", "train"])
def test_one_side_is_an_interpreter_everywhere(name: str) -> None:
    options = {option for action in command_parser(name)._actions for option in action.option_strings}
    assert {"--python", "--env", "--config", "--json", "--output"} <= options
    assert options.isdisjoint({"--from", "--to"})
